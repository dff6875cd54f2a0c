//! The WebSocket: live calls, offers and positions, and how it treats clients that misbehave.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Claims, GANGNAM, Knob, Server, Setup, Socket, id_of, mint};

#[tokio::test]
async fn a_customer_gets_its_own_calls_without_subscribing() {
    let server = Server::start().await;
    let mut screen = server.customer("mina").ws().await;
    let mut strangers = server.customer("jun").ws().await;
    let id = server.customer("mina").request_paid_call().await;
    let frame = screen.call_is(&id, "dispatching").await;
    assert!(frame["seq"].is_u64(), "{frame}");
    assert_eq!(frame["call"]["customer_id"], "mina");
    let pong = strangers.ask(json!({"type": "ping"}), "p1").await;
    assert_eq!(pong["type"], "pong");
    assert!(!strangers.has_seen(|frame| frame.to_string().contains(&id)), "other people's calls are not shown");
}

#[tokio::test]
async fn every_change_is_a_frame_and_their_numbers_grow() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
    let mut last = 0;
    for status in ["dispatching", "assigned", "started", "completed"] {
        let seq = screen.call_is(&id, status).await["seq"].as_u64().expect("a seq");
        assert!(seq > last, "{status}: {seq} after {last}");
        last = seq;
    }
}

#[tokio::test]
async fn the_token_may_come_in_the_query() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut screen = customer.ws_by_query().await;
    let id = customer.request_paid_call().await;
    screen.call_is(&id, "dispatching").await;
}

#[tokio::test]
async fn without_a_good_token_there_is_no_socket() {
    let server = Server::start().await;
    let url = format!("{}/v1/ws", server.base());
    let expired = mint(&Claims::new("customer", "mina").expired(), server.secret());
    for (url, header) in [
        (url.clone(), None),
        (url.clone(), Some("Bearer nonsense".to_owned())),
        (format!("{url}?access_token={expired}"), None),
        (format!("{url}?access_token="), None),
    ] {
        let refusal = Socket::open(&url, header.as_deref()).await.err().map(|error| *error);
        let Some(tokio_tungstenite::tungstenite::Error::Http(response)) = refusal else {
            panic!("a plain HTTP refusal was expected, got {refusal:?}");
        };
        assert_eq!(response.status().as_u16(), 401);
    }
}

#[tokio::test]
async fn what_was_missed_is_replayed_after_a_number() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let id = customer.request_paid_call().await;
    let seen = screen.call_is(&id, "dispatching").await["seq"].as_u64().expect("a seq");
    drop(screen);
    driver.take(&id).await;
    driver.command(&id, "start").await.expect(200);
    let mut screen = customer.ws().await;
    screen.subscribe(&id, Some(seen)).await;
    let frame = screen.call_is(&id, "started").await;
    assert!(frame["seq"].as_u64().is_some_and(|seq| seq > seen), "{frame}");
    driver.command(&id, "complete").await.expect(200);
    screen.call_is(&id, "completed").await;
}

#[tokio::test]
async fn an_operator_subscribes_to_any_call_and_can_stop() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    let mut desk = server.operator().ws().await;
    let answer = desk.ask(json!({"type": "subscribe", "call": id}), "s1").await;
    assert!(["ack", "call"].contains(&answer["type"].as_str().unwrap_or_default()), "{answer}");
    customer.pay(&id, "tok_ok").await.expect(200);
    desk.call_is(&id, "dispatching").await;
    assert_eq!(desk.ask(json!({"type": "unsubscribe", "call": id}), "u1").await["type"], "ack");
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["refunded"]).await;
    desk.ask(json!({"type": "ping"}), "p1").await;
    assert!(!desk.has_seen(|frame| frame["call"]["status"] == "cancelled"));
}

#[tokio::test]
async fn nobody_subscribes_to_other_peoples_calls() {
    let server = Server::start().await;
    let id = id_of(&server.customer("mina").request_call().await);
    let mut stranger = server.customer("jun").ws().await;
    for (call, reference) in [(id.as_str(), "s1"), ("call_none", "s2"), ("not an id", "s3")] {
        let answer = stranger.ask(json!({"type": "subscribe", "call": call}), reference).await;
        assert_eq!(answer["type"], "error", "{answer}");
        assert!(answer["code"].is_string() && answer["detail"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn a_driver_gets_its_offers_and_accepts_by_socket() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    let offer = app.next_about("offer", &id).await;
    assert!(offer["expires_at"].is_string(), "{offer}");
    let answer = app.ask(json!({"type": "accept", "call": id}), "a1").await;
    assert_eq!(answer["type"], "ack", "{answer}");
    assert_eq!(server.call_is(&id, &["assigned"]).await["driver"]["id"], "driver-a");
    app.call_is(&id, "assigned").await;
}

#[tokio::test]
async fn a_driver_declines_by_socket() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    app.next_about("offer", &id).await;
    assert_eq!(app.ask(json!({"type": "decline", "call": id}), "d1").await["type"], "ack");
    driver.no_longer_offered(&id).await;
}

#[tokio::test]
async fn an_offer_that_is_over_is_withdrawn() {
    let server = Setup::new().with(Knob::OffersPerRound(10)).start().await;
    let (first, second) =
        (server.register_driver("driver-a", GANGNAM).await, server.register_driver("driver-b", GANGNAM).await);
    let mut app = second.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    app.next_about("offer", &id).await;
    first.take(&id).await;
    app.next_about("offer_withdrawn", &id).await;
    let answer = app.ask(json!({"type": "accept", "call": id}), "late").await;
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("call_taken")));
}

#[tokio::test]
async fn positions_sent_by_socket_reach_the_customer() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let mut app = driver.ws().await;
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    screen.call_is(&id, "assigned").await;
    app.send(json!({"type": "position", "lat": 37.4991, "lng": 127.0281})).await;
    let frame =
        screen.frame_where("the position", |frame| frame["type"] == "position" && frame["lat"] == 37.4991).await;
    assert_eq!((&frame["driver"], &frame["lng"]), (&json!("driver-a"), &json!(127.0281)));
    assert!(frame["at"].is_string() && frame["eta_s"].is_number(), "{frame}");
    let call = customer.call(&id).await;
    assert_eq!(call["driver"]["position"]["lat"], 37.4991, "{call}");
}

#[tokio::test]
async fn notifications_come_by_socket_too() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let id = customer.request_paid_call().await;
    let frame = screen.next_frame_of("notification").await;
    assert!(frame.to_string().contains(&id), "{frame}");
}

#[tokio::test]
async fn bad_frames_get_an_error_and_the_socket_stays_open() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let texts = ["", "nonsense", "{}", "[]", "null", r#"{"type":5}"#, r#"{"type":"fly"}"#, r#"{"type":"subscribe"}"#];
    for text in texts.into_iter().chain([r#"{"type":"ping","extra":1}"#, deep.as_str()]) {
        screen.send_raw(Message::text(text)).await.expect("an open socket");
        let error = screen.next_frame_of("error").await;
        assert!(error["code"].is_string() && error["detail"].is_string(), "{text}: {error}");
    }
    screen.send_raw(Message::binary(vec![0xff; 16])).await.expect("an open socket");
    screen.next_frame_of("error").await;
    let answer = screen.ask(json!({"type": "position", "lat": 37.5, "lng": 127.0}), "c1").await;
    assert_eq!(answer["type"], "error", "a customer has no position: {answer}");
    assert_eq!(screen.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
}

#[tokio::test]
async fn wrong_positions_by_socket_get_an_error() {
    let server = Server::start().await;
    let mut app = server.register_driver("driver-a", GANGNAM).await.ws().await;
    for (n, frame) in [
        json!({"type": "position", "lat": 91, "lng": 127}),
        json!({"type": "position", "lat": "37", "lng": 127}),
        json!({"type": "position"}),
        json!({"type": "accept", "call": "call_none"}),
        json!({"type": "accept"}),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = app.ask(frame, &format!("r{n}")).await;
        assert_eq!(answer["type"], "error", "{answer}");
    }
}

#[tokio::test]
async fn a_goodbye_is_answered_with_its_code_and_ends_the_connection_at_once() {
    let server = Server::start().await;
    for said in [1000, 1001, 4321] {
        let (code, open) = server.customer("mina").ws().await.say_goodbye(said).await;
        assert_eq!(code, Some(said));
        assert!(open < Duration::from_millis(500), "open for another {open:?}");
    }
}

#[tokio::test]
async fn an_oversized_frame_closes_only_that_socket() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut rude = customer.ws().await;
    let mut polite = customer.ws().await;
    let text = format!(r#"{{"type":"ping","ref":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    // The server may close before it has read everything.
    let _ = rude.send_raw(Message::text(text)).await;
    let code = rude.close_code().await;
    assert!(matches!(code, None | Some(1009 | 1002)), "{code:?}");
    assert_eq!(polite.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
}

/// A socket opened by hand: what is written to it is nobody's business but the test's.
async fn raw_socket(server: &Server, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nhost: callout\r\nauthorization: Bearer {token}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the head of the answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

#[tokio::test]
async fn a_frame_that_announces_too_much_is_refused_before_it_is_sent() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut stream = raw_socket(&server, customer.token().expect("a token")).await;
    // A masked text frame of 300 MB, of which nothing but the header comes.
    let mut header = vec![0x81, 0x80 | 127];
    header.extend(314_572_800_u64.to_be_bytes());
    header.extend([1, 2, 3, 4]);
    stream.write_all(&header).await.expect("a header");
    let mut told = Vec::new();
    tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut told))
        .await
        .expect("an end")
        .expect("a clean end");
    let close = told.windows(4).find(|bytes| bytes[0] == 0x88).expect("a close frame");
    assert_eq!(u16::from_be_bytes([close[2], close[3]]), 1009, "{told:?}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_and_others_are_served() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    let mut sleeper = customer.ws().await;
    let mut reader = customer.ws().await;
    // Each ping is echoed with its long ref; nothing is read until the kernel's buffers and the server's are full.
    let reference = "x".repeat(1_000);
    let frame = json!({"type": "ping", "ref": reference}).to_string();
    for _ in 0..40_000 {
        let sent = tokio::time::timeout(Duration::from_secs(2), sleeper.send_raw(Message::text(frame.clone())));
        if !matches!(sent.await, Ok(Ok(()))) {
            break;
        }
    }
    driver.command(&id, "start").await.expect(200);
    reader.call_is(&id, "started").await;
    let code = sleeper.close_code().await;
    assert!(matches!(code, None | Some(4008)), "{code:?}");
    assert_eq!(customer.ws().await.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
}
