//! What whoever runs the server relies on: health, metrics, documents, limits, traces and a clean end.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, GANGNAM, Knob, Server, Setup, id_of, trip_paid_with};

#[tokio::test]
async fn health_and_metrics_need_no_token() {
    let server = Server::start().await;
    server.customer("mina").request_paid_call().await;
    let nobody = server.nobody();
    nobody.get("/health/live").await.expect(200);
    nobody.get("/health/ready").await.expect(200);
    let metrics = nobody.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text.contains("# TYPE "), "{}", metrics.text);
    assert!(metrics.text.contains("\ncallout_readmodel_lag_seconds "), "{}", metrics.text);
}

/// The paths of the public interface that this service needs, with the method that each must have.
const PATHS: [(&str, &str); 36] = [
    ("get", "/v1/services"),
    ("post", "/v1/quotes"),
    ("post", "/v1/calls"),
    ("get", "/v1/calls"),
    ("get", "/v1/calls/{}"),
    ("post", "/v1/calls/{}/pay"),
    ("get", "/v1/calls/{}/timeline"),
    ("post", "/v1/calls/{}/cancel"),
    ("post", "/v1/calls/{}/accept"),
    ("post", "/v1/calls/{}/decline"),
    ("post", "/v1/calls/{}/start"),
    ("post", "/v1/calls/{}/complete"),
    ("get", "/v1/me"),
    ("get", "/v1/me/calls"),
    ("get", "/v1/me/notifications"),
    ("put", "/v1/drivers/{}"),
    ("get", "/v1/drivers/{}"),
    ("delete", "/v1/drivers/{}"),
    ("get", "/v1/drivers"),
    ("put", "/v1/drivers/{}/availability"),
    ("post", "/v1/drivers/{}/position"),
    ("get", "/v1/drivers/{}/offers"),
    ("get", "/v1/ops/actors"),
    ("get", "/v1/ops/actors/{}/{}"),
    ("post", "/v1/ops/actors/{}/{}/crash"),
    ("post", "/v1/ops/actors/{}/{}/resume"),
    ("get", "/v1/ops/gateway"),
    ("put", "/v1/ops/gateway/breaker"),
    ("put", "/v1/ops/gateway/simulator"),
    ("get", "/v1/ops/gateway/simulator/charges"),
    ("get", "/v1/ws"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/openapi.json"),
    ("get", "/docs"),
];

/// Those that serve documents rather than being described in one.
const UNDESCRIBED: [&str; 4] = ["/metrics", "/openapi.json", "/docs", "/v1/ws"];

#[tokio::test]
async fn the_openapi_document_has_every_path_of_the_public_interface() {
    let server = Server::start().await;
    let document = server.nobody().get("/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{document}");
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let path = without_names(path);
            item.as_object().into_iter().flat_map(|item| item.keys()).map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    let wanted = PATHS.iter().filter(|(_, path)| !UNDESCRIBED.contains(path));
    let missing: Vec<_> =
        wanted.filter(|(method, path)| !described.contains(&((*method).to_owned(), (*path).to_owned()))).collect();
    assert!(missing.is_empty(), "not in the document: {missing:?}; there are {described:?}");
}

/// `/v1/calls/{id}` as `/v1/calls/{}`.
fn without_names(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_path_of_the_public_interface_is_served() {
    let server = Server::start().await;
    let operator = server.operator();
    for (method, path) in PATHS {
        let method: Method = method.to_uppercase().parse().expect("a method");
        let path = path.replacen("{}", "call", 1).replacen("{}", "call_x", 1);
        let reply = Client::send(operator.request(method.clone(), &path)).await;
        assert!(reply.status != 405 && reply.status < 500, "{method} {path}: {} {}", reply.status, reply.text);
    }
}

#[tokio::test]
async fn head_is_answered_as_get_is_but_for_the_body() {
    let server = Server::start().await;
    let operator = server.operator();
    let paths = PATHS.iter().filter(|(method, path)| *method == "get" && *path != "/v1/ws");
    for (_, path) in paths {
        let path = path.replacen("{}", "call", 1).replacen("{}", "call_x", 1);
        let got = operator.get(&path).await;
        let reply = Client::send(operator.request(Method::HEAD, &path)).await;
        assert_eq!((reply.status, reply.text.as_str()), (got.status, ""), "{path}");
        assert_eq!(reply.header("content-type"), got.header("content-type"), "{path}");
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(Client::send(server.nobody().request(Method::HEAD, path)).await.status, 200);
    }
}

#[tokio::test]
async fn a_path_says_which_methods_it_has() {
    let server = Server::start().await;
    let operator = server.operator();
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/calls", "GET, HEAD, POST"),
        (Method::POST, "/health/live", "GET, HEAD"),
        (Method::HEAD, "/v1/calls/call_x/pay", "POST"),
        (Method::HEAD, "/v1/ws", "GET"),
    ] {
        let reply = Client::send(operator.request(method, path)).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allowed)), "{path}");
    }
}

#[tokio::test]
async fn the_documentation_is_a_page() {
    let server = Server::start().await;
    let page = server.nobody().get("/docs").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{:?}", page.headers);
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut seen = BTreeSet::new();
    for reply in [
        customer.get("/v1/me").await,
        customer.get("/v1/nothing").await,
        server.nobody().get("/v1/me").await,
        customer.post("/v1/calls", json!({})).await,
        server.nobody().get("/health/live").await,
    ] {
        let id = reply.header("x-request-id").unwrap_or_else(|| panic!("no x-request-id: {:?}", reply.headers));
        assert!(seen.insert(id.to_owned()), "twice the same: {id}");
    }
}

#[tokio::test]
async fn a_trace_is_continued_into_the_timeline() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = customer.request(Method::POST, "/v1/calls").json(&trip_paid_with("tok_ok"));
    let call = Client::send(request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))).await.expect(201);
    let timeline = crate::harness::eventually("the timeline is there", async || {
        let timeline = customer.timeline(&id_of(&call)).await;
        if timeline.is_empty() { Err("empty".to_owned()) } else { Ok(timeline) }
    })
    .await;
    assert!(timeline[0]["trace"].as_str().is_some_and(|found| found.contains(trace)), "{timeline:?}");
    for bad in ["", "nonsense", "00-00000000000000000000000000000000-0000000000000000-00", "ff-x"] {
        let request = customer.request(Method::GET, "/v1/me").header("traceparent", bad);
        Client::send(request).await.expect(200);
    }
}

#[tokio::test]
async fn above_its_rate_a_principal_is_429_and_others_are_not() {
    let server = Setup::new().with(Knob::PrincipalLimit { per_s: 1, burst: 5 }).start().await;
    let greedy = server.customer("greedy");
    let mut replies = Vec::new();
    for _ in 0..12 {
        replies.push(greedy.get("/v1/me").await);
    }
    assert_eq!(replies[0].status, 200);
    assert!(replies[0].header("ratelimit").is_some(), "{:?}", replies[0].headers);
    assert!(replies[0].header("ratelimit-policy").is_some(), "{:?}", replies[0].headers);
    let refused = replies.into_iter().find(|reply| reply.status != 200).expect("a burst of five does not allow twelve");
    assert!(refused.header("ratelimit").is_some(), "{:?}", refused.headers);
    assert!(refused.retry_after().is_some_and(|seconds| (1..=10).contains(&seconds)), "{:?}", refused.headers);
    refused.problem(429, "rate_limited");
    server.customer("modest").get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn above_its_rate_an_address_is_429_whoever_asks() {
    let server = Setup::new().config("[limits.address]\nper_s = 1\nburst = 10\n").start().await;
    let mut replies = Vec::new();
    for n in 0..30 {
        replies.push(server.customer(&format!("customer-{n}")).get("/v1/me").await);
    }
    let refused = replies.into_iter().find(|reply| reply.status != 200).expect("a burst of ten does not allow thirty");
    refused.problem(429, "rate_limited");
    server.nobody().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn sigterm_finishes_what_was_accepted_and_exits_0() {
    let mut server = Server::start().await;
    server.simulate(json!({"latency_ms": 800})).await;
    let customer = server.customer("mina");
    let before = id_of(&customer.request_call().await);
    let paying = customer.clone();
    let in_flight = tokio::spawn(async move { paying.post("/v1/calls", trip_paid_with("tok_ok")).await });
    crate::harness::eventually("the payment is at the gateway", async || {
        let page = server.operator().get("/v1/calls").await.expect(200);
        if page.to_string().contains("charging") { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    server.terminate();
    let call = in_flight.await.expect("an answer").expect(201);
    let status = server.ended().await;
    assert!(status.success(), "{status}");
    server.start_again().await;
    let customer = server.customer("mina");
    assert_eq!(customer.call(&id_of(&call)).await["status"], "dispatching");
    assert_eq!(customer.call(&before).await["status"], "requested");
    server.ledger_is(&id_of(&call), 1, 0).await;
}

#[tokio::test]
async fn an_end_that_is_announced_is_answered_meanwhile_and_sends_clients_elsewhere() {
    let mut server = Setup::new().config("[http]\ndrain_announce_s = 3").start().await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    server.terminate();
    crate::harness::eventually("probes are told", async || {
        if server.is_ready().await { Err("ready".to_owned()) } else { Ok(()) }
    })
    .await;
    let answer = customer.get("/v1/me").await;
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    answer.expect(200);
    id_of(&customer.request_call().await);
    assert_eq!(socket.ask(json!({"type": "ping"}), "a").await["type"], "pong");
    assert_eq!(socket.close_code().await, Some(1001));
    let status = server.ended().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_server_that_is_taken_over_waits_for_no_body_that_is_on_its_way() {
    let mut server = Setup::new().config("[http]\nclient_body_timeout_ms = 15000").start().await;
    let mut slow = TcpStream::connect(server.address()).expect("a connection");
    let token = server.customer("mina").token().expect("a token").to_owned();
    let head = format!("POST /v1/calls HTTP/1.1\r\nhost: callout\r\nauthorization: Bearer {token}\r\n");
    let body = "content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 500\r\n\r\n";
    slow.write_all(format!("{head}{body}").as_bytes()).expect("half a request");
    // The server asks for the body: it is waiting for it.
    let mut asked = [0; 25];
    slow.read_exact(&mut asked).expect("what a server says that waits for a body");
    assert!(asked.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&asked));
    let _successor = server.successor().await;
    let ended = tokio::time::timeout(Duration::from_secs(8), server.ended()).await;
    assert_eq!(ended.map(|status| status.code()), Ok(Some(1)));
}

#[tokio::test]
async fn sighup_ends_nothing() {
    let server = Server::start().await;
    server.signal("HUP");
    crate::harness::eventually("the log says that it is ignored", async || {
        if server.log().contains("SIGHUP is ignored") { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    server.customer("mina").get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn what_the_process_writes_only_its_own_user_may_read() {
    let server = Server::start().await;
    server.customer("mina").request_call().await;
    let mut looked_at = 0;
    let folders = [server.folder().to_owned(), server.folder().join("data")];
    for found in folders.into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten() {
        let found = found.expect("an entry");
        if !found.file_name().to_string_lossy().contains(".db") {
            continue;
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&found.metadata().expect("its metadata").permissions());
        assert_eq!(mode & 0o077, 0, "{found:?} is {mode:o}");
        looked_at += 1;
    }
    assert!(looked_at > 0);
}

#[tokio::test]
async fn sigterm_saves_where_drivers_are() {
    let mut server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    for lat in [37.4985, 37.4991, 37.4997] {
        driver.post("/v1/drivers/driver-a/position", json!({"lat": lat, "lng": 127.0280})).await.expect(204);
    }
    server.terminate();
    let status = server.ended().await;
    assert!(status.success(), "{status}");
    server.start_again().await;
    let driver = server.driver_is("driver-a", &["available"]).await;
    assert_eq!(driver["position"]["lat"], 37.4997, "{driver}");
}

#[tokio::test]
async fn sigterm_ends_the_process_in_time_though_the_store_writes_nothing() {
    let mut server = Setup::new().config("[http]\ndrain_grace_s = 2").start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    driver.post("/v1/drivers/driver-a/position", json!({"lat": 37.4985, "lng": 127.0280})).await.expect(204);
    let frozen = server.freeze_store().await;
    server.terminate();
    let status = server.ended().await;
    assert!(status.success(), "{status}");
    frozen.thaw().await;
    assert!(server.log().contains("not everything in memory is committed"), "{}", server.log());
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let server = Setup::new().env("CALLOUT_LOG", "debug").start().await;
    let customer = server.customer("mina");
    customer.request_paid_call().await;
    customer.post("/v1/calls", trip_paid_with("tok_secret_card_4242")).await;
    customer.ws_by_query().await;
    let log = server.log();
    for secret in [server.secret(), customer.token().expect("a token"), "tok_ok", "tok_secret_card_4242"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
