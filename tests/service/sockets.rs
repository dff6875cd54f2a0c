//! Sockets under strain: commands that nobody answers, clients that ask too much, and drivers whose call falls silent.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, GANGNAM, Knob, Server, Setup, Socket, eventually, id_of, pause};

/// A store that may be away for as long as a test likes.
const PATIENT: &str = "[store]\nlock_timeout_ms = 60000\ncommit_timeout_ms = 60000\n";

#[tokio::test]
async fn a_socket_whose_command_is_not_answered_hears_all_the_same() {
    let server = Setup::new().config(PATIENT).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    app.next_about("offer", &id).await;
    let frozen = server.freeze_store().await;
    app.send(json!({"type": "accept", "call": id, "ref": "a1"})).await;
    let asked = Instant::now();
    assert_eq!(app.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
    assert!(app.pongs_to(1).await == 1 && !app.has_seen(|frame| frame["ref"] == "a1"), "nothing can be committed");
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    frozen.thaw().await;
    let answer = app.frame_where("the answer", |frame| frame["ref"] == "a1").await;
    assert_eq!(answer["type"], "ack", "{answer}");
    server.call_is(&id, &["assigned"]).await;
}

#[tokio::test]
async fn a_command_that_is_not_answered_in_time_is_an_error_with_its_ref() {
    let impatient = format!("{PATIENT}[http]\nrequest_timeout_ms = 500\npayment_wait_ms = 400\n");
    let server = Setup::new().config(&impatient).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    app.next_about("offer", &id).await;
    let frozen = server.freeze_store().await;
    let answer = app.ask(json!({"type": "accept", "call": id}), "a1").await;
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("overloaded")), "{answer}");
    let (code, open) = app.say_goodbye(1000).await;
    assert_eq!(code, Some(1000));
    assert!(open < Duration::from_millis(500), "open for another {open:?}");
    frozen.thaw().await;
}

#[tokio::test]
async fn sockets_with_commands_under_way_are_closed_when_the_server_stops() {
    let mut server = Setup::new().config(PATIENT).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    app.next_about("offer", &id).await;
    let frozen = server.freeze_store().await;
    app.send(json!({"type": "accept", "call": id, "ref": "a1"})).await;
    assert_eq!(app.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
    let told = Instant::now();
    server.terminate();
    assert_eq!(app.close_code().await, Some(1001));
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    frozen.thaw().await;
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn subscriptions_wait_for_the_read_model_beside_the_socket() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.park("readmodel", "readmodel").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(id_of(&customer.request_call().await));
    }
    let mut screen = customer.ws().await;
    let asked = Instant::now();
    for id in &ids {
        screen.subscribe(id, Some(0)).await;
    }
    assert_eq!(screen.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
    assert!(asked.elapsed() < Duration::from_secs(2), "twenty waits of half a second: {:?}", asked.elapsed());
    for id in &ids {
        screen.call_is(id, "requested").await;
    }
}

#[tokio::test]
async fn the_commands_of_one_call_keep_their_order() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    let mut desk = server.operator().ws().await;
    for (n, kind) in ["subscribe", "unsubscribe"].into_iter().cycle().take(20).enumerate() {
        desk.send(json!({"type": kind, "call": id, "ref": format!("{kind}-{n}")})).await;
    }
    desk.frame_where("the last answer", |frame| frame["ref"] == "unsubscribe-19").await;
    customer.command(&id, "cancel").await.expect(200);
    server.call_is(&id, &["cancelled"]).await;
    desk.ask(json!({"type": "ping"}), "p1").await;
    assert!(!desk.has_seen(|frame| frame["call"]["status"] == "cancelled"), "it is followed no more");
}

/// The call falls silent between the driver's word and its own: the driver is not held for it for ever.
#[tokio::test]
async fn a_driver_is_let_go_by_a_call_that_does_not_answer_its_claim() {
    let (server, driver) = delicate().await;
    let mut app = driver.ws().await;
    let (id, reference) = claim_and_silence(&server, &mut app).await;
    let answer = app.frame_where("the answer", |frame| frame["ref"] == reference).await;
    assert_eq!(answer["type"], "error", "{answer}");
    assert!(answer["retry_after_s"].is_u64() && answer["detail"].is_string(), "{answer}");
    server.driver_is("driver-a", &["available", "offered"]).await;
    takes_another_call_and_the_silent_one_is_without_a_driver(&server, &driver, &id).await;
}

#[tokio::test]
async fn a_claim_whose_time_passes_while_the_server_is_down_is_given_up_when_it_is_back() {
    let (mut server, driver) = delicate().await;
    let mut app = driver.ws().await;
    let (id, _) = claim_and_silence(&server, &mut app).await;
    server.kill();
    pause(Duration::from_secs(5)).await;
    server.start_again().await;
    server.driver_is("driver-a", &["available", "offered"]).await;
    assert_eq!(server.call_is(&id, &["dispatching"]).await["driver"], Value::Null);
    driver.take(&id).await;
    assert_eq!(server.driver_is("driver-a", &["engaged"]).await["call"], json!(id));
}

/// A server whose calls park at their first failure, with a driver.
async fn delicate() -> (Server, Client) {
    let delicate = format!("{PATIENT}[actors.supervision.call.intensity]\nrestarts_max = 0\n");
    let server = Setup::new().config(&delicate).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    (server, driver)
}

/// A call that the driver has claimed and that is silent, and the `ref` of the accept. Which of the two comes first is a
/// race, so it may take some rounds.
async fn claim_and_silence(server: &Server, app: &mut Socket) -> (String, String) {
    for round in 0..10 {
        let id = server.customer(&format!("mina-{round}")).request_paid_call().await;
        app.next_about("offer", &id).await;
        if claimed_and_silent(server, app, &id, round).await {
            return (id, format!("a{round}"));
        }
    }
    panic!("in none of ten rounds the call fell silent after the driver had claimed it");
}

/// Has the driver accept while nothing can be committed, and its call park meanwhile; whether the driver was held then.
async fn claimed_and_silent(server: &Server, app: &mut Socket, id: &str, round: usize) -> bool {
    let frozen = server.freeze_store().await;
    app.send(json!({"type": "accept", "call": id, "ref": format!("a{round}")})).await;
    for ping in 0..20 {
        app.ask(json!({"type": "ping"}), &format!("p{round}-{ping}")).await;
    }
    server.operator().post(&format!("/v1/ops/actors/call/{id}/crash"), json!({})).await;
    frozen.thaw().await;
    eventually("the driver is held, or was refused", async || {
        let status = server.operator().get("/v1/drivers/driver-a").await.body["status"].clone();
        app.ask(json!({"type": "ping"}), "p").await;
        let refused = app.has_seen(|frame| frame["ref"] == format!("a{round}"));
        if status == "reserved" || refused { Ok(status == "reserved") } else { Err(status.to_string()) }
    })
    .await
}

async fn takes_another_call_and_the_silent_one_is_without_a_driver(server: &Server, driver: &Client, silent: &str) {
    let other = server.customer("jun").request_paid_call().await;
    driver.take(&other).await;
    server.resume("call", silent).await;
    let call = server.call_is(silent, &["dispatching"]).await;
    assert_eq!(call["driver"], Value::Null, "{call}");
    assert_eq!(server.driver_is("driver-a", &["engaged"]).await["call"], json!(other));
}

/// Sends that many frames on each socket and returns how many were answered with `answer`.
async fn answered(sockets: &mut [Socket], frames: usize, answer: impl Fn(&Value) -> bool) -> usize {
    let mut answered = 0;
    for socket in sockets.iter_mut() {
        for n in 0..frames {
            socket.send(json!({"type": "ping", "ref": format!("f{n}")})).await;
        }
    }
    for socket in sockets {
        for n in 0..frames {
            let reference = format!("f{n}");
            let frame = socket.frame_where(&reference, |frame| frame["ref"] == reference).await;
            answered += usize::from(answer(&frame));
        }
    }
    answered
}

#[tokio::test]
async fn frames_count_for_the_principal_on_however_many_sockets_they_come() {
    let server = Setup::new().with(Knob::PrincipalLimit { per_s: 1, burst: 100 }).start().await;
    let customer = server.customer("mina");
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(customer.ws().await);
    }
    let begun = Instant::now();
    let pongs = answered(&mut sockets, 100, |frame| frame["type"] == "pong").await;
    let room = 100 + usize::try_from(begun.elapsed().as_secs()).unwrap_or_default() + 1;
    assert!(pongs <= room, "{pongs} frames of 500 were taken, where {room} are allowed");
    assert_eq!(customer.get("/v1/me").await.status, 429, "requests and frames are one rate");
    let pings = sockets[0].pongs_to(50).await;
    assert!(pings <= 10, "{pings} pings of 50 were answered");
    sockets[0].send_raw(Message::binary(vec![1])).await.expect("an open socket");
    let refused =
        sockets[0].frame_where("a refusal", |frame| frame["ref"] == Value::Null && frame["type"] == "error").await;
    assert_eq!(refused["code"], "rate_limited", "{refused}");
    assert_eq!(server.customer("jun").ws().await.ask(json!({"type": "ping"}), "p1").await["type"], "pong");
}

#[tokio::test]
async fn a_principal_opens_only_so_many_sockets() {
    let server = Setup::new().config("[limits]\nsockets_per_principal_max = 2\n").start().await;
    let customer = server.customer("mina");
    let open = async || {
        let token = format!("Bearer {}", customer.token().expect("a token"));
        Socket::open(&format!("{}/v1/ws", server.base()), Some(&token)).await
    };
    let (first, _second) = (open().await.expect("a socket"), open().await.expect("a socket"));
    let refused = open().await.err().map(|error| *error);
    let Some(tokio_tungstenite::tungstenite::Error::Http(response)) = refused else {
        panic!("a plain HTTP refusal was expected, got {refused:?}");
    };
    assert_eq!(response.status().as_u16(), 429);
    server.customer("jun").ws().await;
    drop(first);
    eventually("there is room for another", async || open().await.map(drop).map_err(|error| error.to_string())).await;
}
