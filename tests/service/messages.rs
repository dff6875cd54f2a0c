//! Refusals in the words of the person at the phone: in their language, with the service's noun, and only where a person can
//! do something about it. Every other test holds each refusal against the document, which says whether it has a message.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{BUSAN, Client, GANGNAM, Reply, Server, place, trip, trip_paid_with},
    rental::{DAY, book, register_car},
    taxi::request_ride,
};

/// Sends a command with a header `Accept-Language`.
async fn in_language(client: &Client, language: &str, path: &str, body: Value) -> Reply {
    Client::send(client.request(Method::POST, path).header("accept-language", language).json(&body)).await
}

/// Fails unless the answer says in its headers which language it is in, and why.
#[track_caller]
fn is_in(reply: &Reply, language: &str) {
    assert_eq!(reply.header("content-language"), Some(language), "{}", reply.text);
    assert_eq!(reply.header("vary"), Some("accept-language"), "{:?}", reply.headers);
}

#[tokio::test]
async fn a_driver_who_is_too_late_reads_so_in_the_language_and_noun_of_the_service() {
    let server = Server::start().await;
    let (first, second) = (server.taxi("taxi-a", GANGNAM).await, server.taxi("taxi-b", GANGNAM).await);
    let id = request_ride(&server.customer("mina"), "tok_ok").await;
    for taxi in [&first, &second] {
        taxi.offered(&id).await;
    }
    let mut screen = second.ws_in("en").await;
    first.command(&id, "accept").await.expect(200);
    let path = format!("/v1/calls/{id}/accept");
    let korean = "이미 다른 택시에게 넘어갔거나 취소된 콜입니다.";
    let english = "The call has gone to another taxi, or it is over.";
    for (wanted, language, message) in [
        ("ko-KR, en;q=0.5", "ko", korean),
        ("ko;q=0.2, en-GB;q=0.9", "en", english),
        ("ko;q=0, fr", "en", english),
        ("*", "ko", korean),
    ] {
        let reply = in_language(&second, wanted, &path, json!({})).await;
        is_in(&reply, language);
        let problem = reply.problem(409, "call_taken");
        assert_eq!(problem["message"], message, "{wanted}");
        assert_eq!(problem["detail"], "the call has gone to another taxi or is over");
        assert_eq!(problem["call"]["id"], id.as_str(), "{problem}");
    }
    let refused = screen.ask(json!({"type": "accept", "call": id}), "late").await;
    assert_eq!((&refused["code"], &refused["message"]), (&json!("call_taken"), &json!(english)), "{refused}");
}

#[tokio::test]
async fn a_customer_reads_in_a_refusal_what_it_is_notified_of() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let refused = customer.post("/v1/calls", trip_paid_with("tok_declined")).await.problem(402, "payment_declined");
    let mut elsewhere = trip();
    elsewhere["pickup"] = place(BUSAN);
    let denied = customer.post("/v1/calls", elsewhere.clone()).await.problem(422, "out_of_area");
    for problem in [&refused, &denied] {
        let id = problem["call"]["id"].as_str().expect("the call");
        let told = customer.notified_about(id, 1).await;
        assert!(told.iter().any(|told| told["message"] == problem["message"]), "{problem}: {told:?}");
    }
    let quoted = customer.post("/v1/quotes", elsewhere).await.problem(422, "out_of_area");
    assert_eq!(quoted["message"], "서비스 지역이 아닙니다.");
    server.simulate(json!({"down": true})).await;
    let down = customer.post("/v1/calls", trip_paid_with("tok_ok")).await.problem(503, "payment_unavailable");
    assert!(down["message"].as_str().is_some_and(|message| message.contains("다시 시도해 주세요")), "{down}");
}

#[tokio::test]
async fn a_refusal_says_what_this_party_can_do_in_this_state() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_declined").await;
    let problem = taxi.command(&id, "complete").await.problem(402, "payment_declined");
    assert!(problem["message"].as_str().is_some_and(|message| message.starts_with("고객의 결제가")), "{problem}");
    let problem = customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    assert_eq!(problem["message"], "지금 상태에서는 할 수 없습니다: 운행중");

    register_car(&server, "car-1").await;
    book(&customer, "car-1", DAY[0], DAY[1]).await.expect(201);
    let body = json!({"service": "rental", "pickup": place(GANGNAM), "driver_id": "car-1",
        "period": {"from": DAY[0], "to": DAY[1]}});
    let taken = in_language(&customer, "ko", "/v1/quotes", body).await.problem(409, "driver_unavailable");
    assert_eq!(taken["message"], "선택하신 시간에 이용할 수 없는 차량입니다.");
}

#[tokio::test]
async fn what_only_a_developer_can_mend_has_no_message() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for reply in [
        customer.post("/v1/calls", json!({})).await,
        customer.get("/v1/calls/call_none").await,
        customer.get("/v1/ops/actors").await,
        server.nobody().get("/v1/me").await,
    ] {
        let problem = reply.client_error();
        assert!(problem.get("message").is_none(), "{problem}");
    }
}

#[tokio::test]
async fn a_customer_without_accept_language_is_told_in_the_language_of_its_profile() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let refused = customer.post("/v1/quotes", outside()).await;
    is_in(&refused, "ko");
    customer.put("/v1/me", json!({"name": "Mina", "language": "en"})).await.expect(200);
    for _ in 0..2 {
        let customer = server.customer("mina");
        let refused = customer.post("/v1/quotes", outside()).await;
        is_in(&refused, "en");
        assert_eq!(refused.problem(422, "out_of_area")["message"], "It is outside the service area.");
        is_in(&in_language(&customer, "ko", "/v1/quotes", outside()).await, "ko");
        let mut screen = customer.ws().await;
        let id = customer.request_paid_call().await;
        let told = screen.next_frame_of("notification").await["notification"].take();
        assert_eq!(told["message"], told["text"]["en"], "{told}");
        customer.notified_about(&id, 1).await;
        let page = customer.get("/v1/me/notifications").await;
        is_in(&page, "en");
        let item = page.expect(200)["items"][0].take();
        assert_eq!(item["message"], item["text"]["en"], "{item}");
        is_in(&server.customer("jun").get("/v1/me/notifications").await, "ko");
        server.kill_and_start_again().await;
    }
}

fn outside() -> Value {
    let mut body = trip();
    body["pickup"] = place(BUSAN);
    body
}

#[tokio::test]
async fn a_refused_value_is_named_by_its_pointer_or_parameter() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let with = |member: &str, value: Value| {
        let mut body = trip();
        body[member] = value;
        body
    };
    let long = "x".repeat(3_000);
    for (reply, place) in [
        (customer.put("/v1/me", json!({"name": " "})).await, "/name: "),
        (customer.put("/v1/me", json!({"name": "M", "email": "m"})).await, "/email: "),
        (customer.post("/v1/calls", with("note", json!(long))).await, "/note: "),
        (customer.post("/v1/calls", with("quote", json!(long))).await, "/quote: "),
        (customer.post("/v1/calls", with("quote", json!("none"))).await, "/quote: "),
        (customer.post("/v1/calls", with("service", json!("none"))).await, "/service: "),
        (customer.post("/v1/calls", with("driver_id", json!("kim"))).await, "/driver_id: "),
        (customer.post("/v1/calls", with("payment", json!({"method": ""}))).await, "/payment/method: "),
        (customer.post("/v1/calls", with("period", json!({"from": DAY[0], "to": DAY[1]}))).await, "/period: "),
        (
            customer.post("/v1/calls", with("pickup", json!({"lat": 1, "lng": 2, "address": "\u{202e}"}))).await,
            "/pickup/address: ",
        ),
        (driver.post("/v1/drivers/driver-a/position", json!({"lat": 1, "lng": 2, "heading": 361})).await, "/heading: "),
        (driver.post("/v1/drivers/driver-a/position", json!([{"lat": 1, "lng": 200}])).await, "/0/lng: "),
        (operator.put("/v1/ops/gateway/simulator", json!({"decline_rate": 2})).await, "/decline_rate: "),
        (customer.get("/v1/me/calls?limit=abc").await, "the query parameter limit: "),
        (customer.get("/v1/me/calls?status=bogus").await, "the query parameter status: "),
        (customer.get("/v1/me/calls?service=bogus").await, "the query parameter service: "),
        (customer.get("/v1/me/calls?cursor=bogus").await, "the query parameter cursor: "),
        (customer.get("/v1/me/calls?bogus=1").await, "the query parameter bogus: "),
    ] {
        let problem = reply.problem(400, "invalid_request");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.starts_with(place), "{place}: {problem}");
    }
}
