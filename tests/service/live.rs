//! What a socket shows, and for how long: its calls when it opens, every change once, nothing that is not its own any more, and
//! nothing after its token's end.

use serde_json::{Value, json};

use crate::harness::{Claims, Client, GANGNAM, Server, Setup, Socket, mint};

/// A server whose clock and the tokens' may not differ.
async fn strict() -> Server {
    Setup::new().config("[auth]\nleeway_s = 0\n").start().await
}

fn for_seconds(server: &Server, role: &str, id: &str, seconds: i64) -> Client {
    let claims = Claims::new(role, id).good_for(seconds);
    server.client_with(Some(mint(&claims, server.secret())), id)
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let server = strict().await;
    server.register_driver("driver-a", GANGNAM).await;
    let mut app = for_seconds(&server, "driver", "driver-a", 2).ws().await;
    assert_eq!(app.close_code().await, Some(4001));
    let call = server.customer("mina").request_paid_call().await;
    let _ = app.send_raw(json!({"type": "accept", "call": call}).to_string().into()).await;
    server.driver("driver-a").take(&call).await;
}

#[tokio::test]
async fn a_newer_token_keeps_a_socket_open() {
    let server = strict().await;
    let short = for_seconds(&server, "customer", "mina", 3);
    let (mut renewed, mut other) = (short.ws().await, short.ws().await);
    let newer = mint(&Claims::new("customer", "mina"), server.secret());
    assert_eq!(renewed.ask(json!({"type": "auth", "token": newer}), "a1").await["type"], "ack");
    let expired = mint(&Claims::new("customer", "mina").expired(), server.secret());
    let of_jun = mint(&Claims::new("customer", "jun"), server.secret());
    let of_a_driver = mint(&Claims::new("driver", "mina"), server.secret());
    for (token, code) in [(expired, "unauthorized"), (of_jun, "forbidden"), (of_a_driver, "forbidden")] {
        let answer = renewed.ask(json!({"type": "auth", "token": token}), "a2").await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)), "{answer}");
    }
    assert_eq!(other.close_code().await, Some(4001), "the same token, not renewed");
    let call = server.customer("mina").request_paid_call().await;
    renewed.call_is(&call, "dispatching").await;
}

#[tokio::test]
async fn a_newer_token_may_be_good_for_other_services() {
    let server = Server::start().await;
    let mut socket = server.customer("mina").ws().await;
    let claims = Claims { services: Some(vec!["taxi".into()]), ..Claims::new("customer", "mina") };
    let answer = socket.ask(json!({"type": "auth", "token": mint(&claims, server.secret())}), "a").await;
    assert_eq!(answer["type"], "ack", "{answer}");
    let call = server.customer("mina").request_paid_call().await;
    let answer = socket.ask(json!({"type": "subscribe", "call": call}), "s").await;
    assert_eq!(answer["code"], "not_found", "{answer}");
    assert!(!socket.has_seen(|frame| frame["type"] == "call"));
}

/// The numbers of the `call` frames up to one in which the call has that status.
async fn numbers_until(socket: &mut Socket, call: &str, status: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let frame = socket.next_about("call", call).await;
        numbers.push(frame["seq"].as_u64().expect("a number"));
        if frame["call"]["status"] == status {
            return numbers;
        }
    }
}

#[tokio::test]
async fn who_subscribes_while_a_call_changes_is_told_every_change_once() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    for round in 0..20 {
        let mut screen = if round % 2 == 0 { customer.ws().await } else { server.operator().ws().await };
        let call = customer.request_paid_call().await;
        driver.offered(&call).await;
        let known = customer.call(&call).await["version"].as_u64().expect("a version");
        let steps = async {
            for step in ["accept", "start", "complete"] {
                driver.command(&call, step).await.expect(200);
            }
        };
        tokio::join!(screen.subscribe(&call, Some(known)), steps);
        let told = numbers_until(&mut screen, &call, "completed").await;
        let told: Vec<u64> = told.into_iter().filter(|seq| *seq > known).collect();
        let last = customer.call(&call).await["version"].as_u64().expect("a version");
        assert_eq!(told, (known + 1..=last).collect::<Vec<_>>(), "round {round}");
    }
}

#[tokio::test]
async fn what_was_told_on_a_socket_is_not_told_again_when_it_subscribes() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let call = customer.request_paid_call().await;
    let before = numbers_until(&mut screen, &call, "dispatching").await;
    driver.take(&call).await;
    let mut told = [before, numbers_until(&mut screen, &call, "assigned").await].concat();
    assert_eq!(screen.ask(json!({"type": "subscribe", "call": call, "after": 0}), "s").await["type"], "ack");
    driver.command(&call, "start").await.expect(200);
    told.extend(numbers_until(&mut screen, &call, "started").await);
    let last = customer.call(&call).await["version"].as_u64().expect("a version");
    let mut once = told.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), told.len(), "some came twice: {told:?}");
    assert_eq!(once.last(), Some(&last));
}

#[tokio::test]
async fn a_customers_socket_opens_with_the_calls_that_are_not_over() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let over = customer.request_paid_call().await;
    customer.command(&over, "cancel").await.expect(200);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(customer.request_paid_call().await);
    }
    server.customer("jun").request_paid_call().await;
    let mut screen = customer.ws().await;
    let mut shown = Vec::new();
    for _ in 0..3 {
        let frame = screen.next_frame_of("call").await;
        assert_eq!(frame["seq"], frame["call"]["version"], "{frame}");
        shown.push(frame["call"]["id"].as_str().expect("an id").to_owned());
    }
    open.reverse();
    assert_eq!(shown, open, "newest first");
    let another = customer.request_paid_call().await;
    let next = screen.next_frame_of("call").await;
    assert_eq!(next["call"]["id"], json!(another), "{next}");
}

#[tokio::test]
async fn a_driver_who_lost_a_call_no_longer_follows_it() {
    let server = Server::start().await;
    let (winner, loser) =
        (server.register_driver("driver-a", GANGNAM).await, server.register_driver("driver-b", GANGNAM).await);
    let customer = server.customer("mina");
    let (mut screen, mut app) = (customer.ws().await, loser.ws().await);
    let call = customer.request_paid_call().await;
    app.next_about("offer", &call).await;
    assert_eq!(app.ask(json!({"type": "subscribe", "call": call}), "s").await["type"], "ack");
    winner.take(&call).await;
    for n in 0..5 {
        winner.post("/v1/drivers/driver-a/position", json!({"lat": 37.49 + 0.001 * f64::from(n), "lng": 127.02})).await;
        screen.next_frame_of("position").await;
    }
    app.next_about("offer_withdrawn", &call).await;
    winner.command(&call, "start").await.expect(200);
    screen.call_is(&call, "started").await;
    assert_eq!(app.ask(json!({"type": "ping"}), "p").await["type"], "pong");
    let of_the_ride = |frame: &Value| frame["type"] == "position" || frame["call"]["status"] == "assigned";
    assert!(!app.has_seen(of_the_ride), "it is the winner's");
}
