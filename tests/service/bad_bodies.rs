//! Requests that make no sense: always a clear 4xx problem, nothing changed, never a 5xx or a panic.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, place, trip};

/// Sends a text as JSON.
async fn send_text(
    client: &Client,
    method: Method,
    path: &str,
    text: impl Into<reqwest::Body>,
) -> crate::harness::Reply {
    Client::send(client.request(method, path).header("content-type", "application/json").body(text)).await
}

/// A request for a call with one member changed.
fn trip_with(member: &str, value: Value) -> Value {
    let mut body = trip();
    body[member] = value;
    body
}

async fn has_no_calls(server: &Server, customer: &Client) {
    let page = server.operator().get("/v1/calls").await.expect(200);
    assert_eq!(page["items"], json!([]));
    assert_eq!(customer.get("/v1/me/calls").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_request_with_wrong_members_is_refused_and_makes_no_call() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let long = "가".repeat(100_000);
    let bodies = [
        json!({}),
        json!([]),
        json!(null),
        json!("trip"),
        json!({"service": "driver-call"}),
        trip_with("service", json!(7)),
        trip_with("service", json!("")),
        trip_with("service", json!("no-such-service")),
        trip_with("service", json!("../driver-call")),
        trip_with("pickup", json!(null)),
        trip_with("pickup", json!([37.5, 127.0])),
        trip_with("pickup", json!({"lat": 37.5})),
        trip_with("pickup", json!({"lat": "37.5", "lng": 127.0})),
        trip_with("pickup", json!({"lat": 91.0, "lng": 127.0})),
        trip_with("pickup", json!({"lat": 37.5, "lng": -180.1})),
        trip_with("pickup", json!({"lat": 1e300, "lng": 127.0})),
        trip_with("pickup", json!({"lat": 37.5, "lng": 127.0, "alt": 3})),
        trip_with("pickup", json!({"lat": 37.5, "lng": 127.0, "address": long})),
        trip_with("dropoff", json!({"lat": -90.5, "lng": 0})),
        trip_with("quote", json!("not-a-quote")),
        trip_with("quote", json!(12)),
        trip_with("payment", json!("tok_ok")),
        trip_with("payment", json!({})),
        trip_with("payment", json!({"method": 5})),
        trip_with("payment", json!({"method": ""})),
        trip_with("payment", json!({"method": long})),
        trip_with("payment", json!({"method": "tok_ok", "amount": 1})),
        trip_with("note", json!(5)),
        trip_with("note", json!(long)),
        trip_with("driver_id", json!("a b")),
        trip_with("driver_id", json!("x".repeat(65))),
        trip_with("fare", json!({"amount": 1, "currency": "KRW"})),
        trip_with("customer_id", json!("somebody-else")),
        trip_with("surprise", json!(true)),
    ];
    for body in bodies {
        let reply = customer.post("/v1/calls", body.clone()).await;
        let shown: String = body.to_string().chars().take(200).collect();
        assert!((400..500).contains(&reply.status), "{} for {shown}: {}", reply.status, reply.text);
        reply.client_error();
    }
    has_no_calls(&server, &customer).await;
}

#[tokio::test]
async fn text_that_is_not_json_is_refused() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_member = format!(r#"{{"service":{}1{}}}"#, r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
    let number = format!(r#"{{"service":"driver-call","pickup":{{"lat":1{},"lng":1}}}}"#, "0".repeat(400));
    let texts: [Vec<u8>; 12] = [
        b"".into(),
        b"{".into(),
        b"nonsense".into(),
        br#"{"service":"driver-call","pickup":{"lat":NaN,"lng":127.0}}"#.into(),
        br#"{"service":"driver-call","pickup":{"lat":Infinity,"lng":127.0}}"#.into(),
        br#"{"service":"driver-call","pickup":{"lat":1e999,"lng":127.0}}"#.into(),
        br#"{"service":"driver-call","service":"driver-call"}"#.into(),
        b"{\"service\":\"\xff\xfe\"}".into(),
        b"\x00\x01\x02".into(),
        deep.into(),
        deep_member.into(),
        number.into(),
    ];
    for text in texts {
        for path in ["/v1/calls", "/v1/quotes"] {
            send_text(&customer, Method::POST, path, text.clone()).await.client_error();
        }
    }
    has_no_calls(&server, &customer).await;
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_refused() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let request = customer.request(Method::POST, "/v1/calls").header("content-type", "text/plain");
    Client::send(request.body(trip().to_string())).await.client_error();
    has_no_calls(&server, &customer).await;
}

#[tokio::test]
async fn a_refusal_names_the_member_that_is_wrong() {
    let server = Server::start().await;
    let body = trip_with("pickup", json!({"lat": 91.5, "lng": 127.0}));
    let problem = server.customer("mina").post("/v1/calls", body).await.client_error();
    assert_eq!(problem["code"], "invalid_request");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("lat") && detail.contains("91.5"), "{detail}");
}

#[tokio::test]
async fn an_oversized_body_is_413() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let text = format!(r#"{{"service":"driver-call","note":"{}"}}"#, "x".repeat(8 * 1024 * 1024));
    let request = customer.request(Method::POST, "/v1/calls").header("content-type", "application/json").body(text);
    // The server may answer and close before it has read everything; then the client sees a broken connection.
    if let Ok(reply) = Client::try_send(request).await {
        assert_eq!(reply.status, 413, "{}", reply.text);
        reply.any_problem();
    }
    has_no_calls(&server, &customer).await;
}

#[tokio::test]
async fn a_fare_that_depends_on_the_way_needs_a_destination() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for service in ["driver-call", "taxi"] {
        for path in ["/v1/calls", "/v1/quotes"] {
            let body = json!({"service": service, "pickup": place(GANGNAM)});
            let said = customer.post(path, body).await.problem(400, "invalid_request");
            assert!(said["detail"].as_str().is_some_and(|detail| detail.starts_with("/dropoff: ")), "{said}");
        }
    }
    assert_eq!(customer.get("/v1/me/calls").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn times_are_rfc_3339_with_offsets_below_a_day() {
    let server = Server::start().await;
    let (customer, driver) = (server.customer("mina"), server.register_driver("driver-a", GANGNAM).await);
    for wrong in ["2030-05-01T09:00:00+24:00", "2030-05-01T09:00:00+25:00", "2030-05-01 09:00:00Z", "tomorrow"] {
        let period = json!({"from": wrong, "to": "2030-05-02T09:00:00Z"});
        let body = json!({"service": "cleaning", "pickup": place(GANGNAM), "period": period});
        let said = customer.post("/v1/quotes", body).await.problem(400, "invalid_request");
        assert!(
            said["detail"].as_str().is_some_and(|detail| detail.starts_with("/period/from: must be a time")),
            "{said}"
        );
        let fix = json!({"lat": 37.5, "lng": 127.0, "at": wrong});
        let said = driver.post("/v1/drivers/driver-a/position", fix).await.problem(400, "invalid_request");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.starts_with("/at: must be a time")), "{said}");
    }
}

#[tokio::test]
async fn wrong_paths_queries_and_methods_are_4xx() {
    let server = Server::start().await;
    let operator = server.operator();
    let customer = server.customer("mina");
    let long = format!("/v1/calls/{}", "x".repeat(3_000));
    for path in [
        "/v1/nothing",
        "/v1/calls/call_does-not-exist",
        "/v1/calls/not%20an%20id",
        "/v1/calls/%FF%FE",
        "/v1/calls/..%2F..%2Fetc",
        &long,
        "/v1/calls/call_x/timeline",
        "/v1/drivers/nobody",
        "/v1/calls?limit=0",
        "/v1/calls?limit=201",
        "/v1/calls?limit=-1",
        "/v1/calls?limit=many",
        "/v1/calls?limit=99999999999999999999999",
        "/v1/calls?cursor=%00garbage",
        "/v1/calls?status=flying",
        "/v1/ops/actors/call/call_none",
        "/v1/ops/actors/unicorn/u1",
    ] {
        operator.get(path).await.client_error();
    }
    for path in ["/v1/me/calls?limit=0", "/v1/me/calls?status=flying", "/v1/me/notifications?cursor=garbage"] {
        customer.get(path).await.client_error();
    }
    assert_eq!(customer.delete("/v1/calls").await.status, 405);
    customer.delete("/v1/calls").await.client_error();
    customer.command("call_does-not-exist", "cancel").await.problem(404, "not_found");
}

#[tokio::test]
async fn wrong_driver_data_is_refused_and_registers_nobody() {
    let server = Server::start().await;
    let driver = server.driver("driver-a");
    for body in [
        json!({}),
        json!({"service": "driver-call"}),
        json!({"service": "no-such", "name": "기사"}),
        json!({"service": "driver-call", "name": ""}),
        json!({"service": "driver-call", "name": "x".repeat(10_000)}),
        json!({"service": "driver-call", "name": 5}),
        json!({"service": "driver-call", "name": "기사", "position": {"lat": 100, "lng": 0}}),
        json!({"service": "driver-call", "name": "기사", "wings": 2}),
    ] {
        driver.put("/v1/drivers/driver-a", body).await.client_error();
    }
    assert_eq!(server.operator().get("/v1/drivers/driver-a").await.status, 404);
    let operator = server.operator();
    let body = json!({"service": "driver-call", "name": "기사"});
    operator.put("/v1/drivers/not%20an%20id", body.clone()).await.client_error();
    operator.put(&format!("/v1/drivers/{}", "x".repeat(65)), body).await.client_error();
}

#[tokio::test]
async fn wrong_positions_are_refused_and_move_nobody() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let path = "/v1/drivers/driver-a/position";
    let too_many: Vec<_> = (0..100_000).map(|_| place(GANGNAM)).collect();
    for body in [
        json!({}),
        json!([{}]),
        json!({"lat": 37.5}),
        json!({"lat": 90.1, "lng": 127.0}),
        json!({"lat": "37.5", "lng": "127"}),
        json!({"lat": 37.5, "lng": 127.0, "speed_mps": "fast"}),
        json!({"lat": 37.5, "lng": 127.0, "at": "yesterday"}),
        json!({"lat": 37.5, "lng": 127.0, "accuracy_m": -1}),
        json!({"lat": 37.5, "lng": 127.0, "heading": 1e300}),
        json!({"lat": 37.5, "lng": 127.0, "unknown": 1}),
        json!([{"lat": 37.5, "lng": 127.0}, {"lat": 37.5, "lng": 181.0}]),
        json!(too_many),
    ] {
        let request = driver.request(Method::POST, path).json(&body);
        // The longest of them is cut off rather than read.
        if let Ok(reply) = Client::try_send(request).await {
            reply.client_error();
        }
    }
    driver.put("/v1/drivers/driver-a/availability", json!({"available": "yes"})).await.client_error();
    driver.put("/v1/drivers/driver-a/availability", json!({})).await.client_error();
    // It is still where it was: next to this pickup.
    let id = server.customer("mina").request_paid_call().await;
    driver.offered(&id).await;
}

#[tokio::test]
async fn wrong_commands_on_a_call_change_nothing() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = customer.request_call().await;
    let id = call["id"].as_str().expect("an id");
    for (command, body) in [
        ("pay", json!({})),
        ("pay", json!({"method": null})),
        ("pay", json!({"method": ["tok_ok"]})),
        ("pay", json!({"method": "tok_ok", "amount": 1})),
        ("pay", json!({"method": "x".repeat(5_000)})),
        ("cancel", json!({"reason": 7})),
        ("cancel", json!({"reason": "x".repeat(50_000)})),
        ("cancel", json!({"by": "operator"})),
        ("teleport", json!({})),
    ] {
        customer.post(&format!("/v1/calls/{id}/{command}"), body).await.client_error();
    }
    assert_eq!(customer.call(id).await, call);
}

#[tokio::test]
async fn a_client_that_sends_too_slowly_is_cut_off_and_others_are_served() {
    let server = Server::start().await;
    let address = server.address();
    let slow = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        stream.write_all(b"POST /v1/calls HTTP/1.1\r\nhost: callout\r\ncontent-le").expect("half a head");
        let mut answer = Vec::new();
        // Either an answer and then the end, or just the end.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    server.customer("mina").request_paid_call().await;
    let answer = slow.await.expect("a finished thread");
    assert!(answer.is_empty() || answer.contains(" 408 ") || answer.contains(" 400 "), "{answer}");
}

#[tokio::test]
async fn bytes_that_are_not_http_harm_nobody() {
    let server = Server::start().await;
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n", &[0xff; 4096]] {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        // The server may close before it has everything.
        let _ = stream.write_all(bytes);
    }
    server.customer("mina").request_paid_call().await;
}

#[tokio::test]
async fn bytes_that_are_not_http_are_counted_and_not_logged() {
    let server = Server::start().await;
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.write_all(b"GET /v1/me HTTP/1.1\r\nno header\r\n\r\n").expect("bytes");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let metrics = server.nobody().get("/metrics").await.text;
    let counted = metrics.lines().find_map(|line| line.strip_prefix("callout_http_malformed_total "));
    assert_eq!(counted, Some("50"));
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}
