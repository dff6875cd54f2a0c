//! What an operator sees of the running actors.

use serde_json::{Value, json};

use crate::harness::{GANGNAM, Server, eventually};

async fn kinds(server: &Server) -> Vec<Value> {
    let tree = server.operator().get("/v1/ops/actors").await.expect(200);
    tree["items"].as_array().unwrap_or_else(|| panic!("no items in {tree}")).clone()
}

fn of_kind<'a>(kinds: &'a [Value], kind: &str) -> &'a Value {
    kinds.iter().find(|item| item["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"))
}

#[tokio::test]
async fn the_supervision_tree_lists_every_kind_of_actor() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    server.customer("mina").request_paid_call().await;
    let kinds = kinds(&server).await;
    for kind in ["call", "driver", "payment", "dispatcher", "guard", "readmodel"] {
        let item = of_kind(&kinds, kind);
        for figure in ["live", "restarts", "parked", "mailbox_high_water"] {
            assert!(item[figure].is_u64(), "{kind} has no {figure}: {item}");
        }
        assert_eq!(item["restarts"], 0, "{item}");
    }
    assert_eq!(of_kind(&kinds, "driver")["live"], 1);
    assert_eq!(of_kind(&kinds, "call")["live"], 1);
}

#[tokio::test]
async fn one_actor_shows_its_state() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    for (kind, name) in [("call", id.as_str()), ("payment", &id), ("driver", "driver-a")] {
        let actor = server.actor(kind, name).await;
        assert_eq!((&actor["kind"], &actor["id"]), (&json!(kind), &json!(name)));
        assert_eq!(actor["status"], "running");
        assert!(actor["version"].as_u64().is_some_and(|version| version > 0), "{actor}");
        assert!(actor["mailbox"].is_u64() && !actor["state"].is_null(), "{actor}");
    }
    for (kind, name) in [("dispatcher", "driver-call"), ("guard", "gateway"), ("readmodel", "readmodel")] {
        assert_eq!(server.actor(kind, name).await["status"], "running");
    }
}

#[tokio::test]
async fn restarts_are_counted_for_the_actor_and_for_its_kind() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let other = customer.request_paid_call().await;
    let actor = server.crash("call", &id).await;
    assert_eq!(actor["restarts"], 1);
    assert!(actor["last_panic"].to_string().contains("drill"), "the panic is shown: {actor}");
    assert_eq!(server.actor("call", &other).await["restarts"], 0);
    eventually("the kind counts it", async || {
        let kinds = kinds(&server).await;
        let item = of_kind(&kinds, "call");
        if item["restarts"] == 1 { Ok(()) } else { Err(item.to_string()) }
    })
    .await;
    let metrics = server.nobody().get("/metrics").await.text;
    assert!(metrics.lines().any(|line| line.contains("restart") && line.ends_with(" 1")), "{metrics}");
    assert!(server.log().contains("drill"), "the panic is in the log with its place");
}

#[tokio::test]
async fn the_gateway_shows_limiter_queue_and_breaker() {
    let server = Server::start().await;
    let gateway = server.operator().get("/v1/ops/gateway").await.expect(200);
    for part in ["limiter", "queue", "breaker"] {
        assert!(!gateway[part].is_null(), "no {part} in {gateway}");
    }
}

#[tokio::test]
async fn the_simulator_refuses_settings_that_make_no_sense() {
    let server = Server::start().await;
    let operator = server.operator();
    for body in [json!({"decline_rate": 2}), json!({"latency_ms": -5}), json!({"down": "yes"}), json!({"mood": "bad"})]
    {
        operator.put("/v1/ops/gateway/simulator", body).await.client_error();
    }
    server.customer("mina").request_paid_call().await;
}

#[tokio::test]
async fn resuming_what_is_not_parked_answers_with_its_figures() {
    let server = Server::start().await;
    let id = server.customer("mina").request_paid_call().await;
    let operator = server.operator();
    for (kind, name) in [("call", id.as_str()), ("dispatcher", "driver-call")] {
        for _ in 0..2 {
            let path = format!("/v1/ops/actors/{kind}/{name}/resume");
            let actor = operator.post(&path, json!({})).await.expect(200);
            assert_eq!((&actor["id"], &actor["status"]), (&json!(name), &json!("running")), "{actor}");
        }
    }
    for unknown in ["call/call_none", "dispatcher/none", "nothing/none"] {
        operator.post(&format!("/v1/ops/actors/{unknown}/resume"), json!({})).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn operators_are_told_of_an_actor_that_was_parked() {
    let server = Server::start().await;
    let id = server.customer("mina").request_paid_call().await;
    server.park("call", &id).await;
    eventually("the operators of the service are told", async || {
        let told = server.operator().get("/v1/me/notifications?service=driver-call").await.expect(200);
        let found = told["items"].as_array().into_iter().flatten().any(|notice| {
            notice["occasion"] == "actor_parked" && notice["text"]["en"].as_str().is_some_and(|text| text.contains(&id))
        });
        if found { Ok(()) } else { Err(told.to_string()) }
    })
    .await;
    server.resume("call", &id).await;
}
