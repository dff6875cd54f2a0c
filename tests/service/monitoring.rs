//! What monitoring relies on: metrics, their own listener, and a log that machines read.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, Setup, eventually, free_port, trip_paid_with};

/// The families of metrics that a page has, and those of them that say what they count.
fn families(metrics: &str) -> (Vec<&str>, Vec<&str>) {
    let named = |prefix: &str| {
        let names = metrics.lines().filter_map(|line| line.strip_prefix(prefix)?.split(' ').next());
        names.collect::<Vec<_>>()
    };
    (named("# TYPE "), named("# HELP "))
}

#[tokio::test]
async fn every_metric_says_what_it_counts() {
    let server = Server::start().await;
    let (customer, driver) = (server.customer("mina"), server.register_driver("d1", GANGNAM).await);
    let id = customer.request_paid_call().await;
    driver.offered(&id).await;
    server.crash("call", &id).await;
    let metrics = server.nobody().get("/metrics").await.text;
    let (families, described) = families(&metrics);
    assert!(families.len() > 20, "{families:?}");
    let silent: Vec<_> = families.iter().filter(|family| !described.contains(family)).collect();
    assert!(silent.is_empty(), "these have no help: {silent:?}");
}

#[tokio::test]
async fn what_is_for_operators_can_have_a_listener_of_its_own() {
    let port = free_port();
    let server = Setup::new().env("CALLOUT_OPS__BIND", &format!("127.0.0.1:{port}")).start().await;
    let (public, operator) = (server.nobody(), server.operator());
    let ops = Client::new(
        reqwest::Client::new(),
        &format!("http://127.0.0.1:{port}"),
        operator.token().map(str::to_owned),
        "ops",
    );
    for path in ["/metrics", "/v1/ops/actors", "/v1/%6fps/actors", "/v1/ops/gateway"] {
        operator.get(path).await.problem(404, "not_found");
    }
    for path in ["/v1/calls", "/openapi.json", "/docs", "/v1/ops/nothing"] {
        ops.get(path).await.problem(404, "not_found");
    }
    ops.get("/v1/ops/actors").await.expect(200);
    assert_eq!(ops.get("/metrics").await.status, 200);
    for client in [&ops, &public] {
        client.get("/health/ready").await.expect(200);
    }
    operator.get("/v1/calls").await.expect(200);
}

#[tokio::test]
async fn in_json_every_line_of_the_log_is_an_object_and_no_name_comes_twice() {
    let mut server = Setup::new().env("CALLOUT_LOG", "json").env("CALLOUT_LOG__FILTER", "debug").start().await;
    let id = server.customer("mina").request_paid_call().await;
    server.crash("call", &id).await;
    let successor = server.successor().await;
    successor.customer("mina").get("/v1/me").await.expect(200);
    assert!(!server.ended().await.success(), "it was taken over");
    let log = server.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (line, parsed) in log.lines().zip(&lines) {
        assert_eq!(line.matches("\"message\":").count(), 1, "{line}");
        assert!(parsed["fields"]["message"].is_string(), "{line}");
    }
    let said = |text: &str| lines.iter().any(|line| line["fields"]["message"] == text);
    assert!(said("an actor panicked") && said("callout ends"), "{log}");
}

#[tokio::test]
async fn a_breaker_that_opens_by_itself_says_so_and_the_metric_follows_at_once() {
    let server = Server::start().await;
    let operator = server.operator();
    server.simulate(json!({"down": true})).await;
    let customer = server.customer("mina");
    eventually("the breaker opens", async || {
        customer.post("/v1/calls", trip_paid_with("tok_ok")).await;
        let state = operator.get("/v1/ops/gateway").await.expect(200)["breaker"]["state"].clone();
        if state == "open" { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
    let shown = async || {
        let metrics = server.nobody().get("/metrics").await.text;
        metrics.lines().find_map(|line| line.strip_prefix("callout_gateway_breaker_state ")).map(str::to_owned)
    };
    assert_eq!(shown().await.as_deref(), Some("2"));
    assert!(server.log().contains("the payment breaker has opened"), "{}", server.log());
    operator.put("/v1/ops/gateway/breaker", json!({"state": "closed"})).await.expect(200);
    assert_eq!(shown().await.as_deref(), Some("0"));
}
