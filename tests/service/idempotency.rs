//! `Idempotency-Key` on `POST /v1/calls`: a repeated request is the same call, not a second one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Client, Reply, Server, eventually, id_of, trip, trip_paid_with},
    rental::{booking_in, register_car},
};

async fn request_with_key(customer: &Client, key: &str, body: &Value) -> Reply {
    Client::send(customer.request(Method::POST, "/v1/calls").header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn the_same_key_and_body_answers_the_same_call() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let first = request_with_key(&customer, "key-1", &trip_paid_with("tok_ok")).await.expect(201);
    for _ in 0..3 {
        let again = request_with_key(&customer, "key-1", &trip_paid_with("tok_ok")).await;
        let place = again.header("location").expect("where the call is").to_owned();
        assert_eq!(again.expect(200)["id"], first["id"]);
        assert_eq!(customer.get(&place).await.expect(200)["id"], first["id"]);
    }
    assert_eq!(server.ledger(&id_of(&first)).await.charges, 1);
    let other = request_with_key(&customer, "key-2", &trip_paid_with("tok_ok")).await.expect(201);
    assert_ne!(other["id"], first["id"]);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    request_with_key(&customer, "key-1", &trip()).await.expect(201);
    let mut other = trip();
    other["note"] = json!("a different trip");
    request_with_key(&customer, "key-1", &other).await.problem(409, "idempotency_conflict");
}

#[tokio::test]
async fn a_key_belongs_to_its_customer() {
    let server = Server::start().await;
    let mine = request_with_key(&server.customer("mina"), "key-1", &trip()).await.expect(201);
    let yours = request_with_key(&server.customer("jun"), "key-1", &trip()).await.expect(201);
    assert_ne!(mine["id"], yours["id"]);
}

#[tokio::test]
async fn many_requests_at_once_with_one_key_make_one_call() {
    let server = Server::start().await;
    server.simulate(json!({"latency_ms": 20})).await;
    let customer = server.customer("mina");
    let body = trip_paid_with("tok_ok");
    let replies = futures_util::future::join_all((0..20).map(|_| request_with_key(&customer, "key-1", &body))).await;
    let mut ids: Vec<_> = replies.iter().filter(|reply| reply.status < 300).map(|reply| id_of(&reply.body)).collect();
    // Repetitions that came while the first was at work may be told to wait.
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 201 | 409 | 503)), "{replies:?}");
    assert!(replies.iter().filter(|reply| reply.status == 201).count() <= 1);
    ids.dedup();
    assert_eq!(ids.len(), 1);
    server.payment_is(&ids[0], &["charged"]).await;
    assert_eq!(server.ledger(&ids[0]).await.charges, 1);
    eventually("My Page shows one call", async || {
        let page = customer.get("/v1/me/calls").await.expect(200);
        if page["items"].as_array().map(Vec::len) == Some(1) { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_remembered_across_a_kill() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let first = request_with_key(&customer, "key-1", &trip_paid_with("tok_ok")).await.expect(201);
    server.kill_and_start_again().await;
    let again = request_with_key(&customer, "key-1", &trip_paid_with("tok_ok")).await.expect(200);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(server.ledger(&id_of(&first)).await.charges, 1);
}

#[tokio::test]
async fn a_repeated_request_whose_payment_was_refused_is_the_same_call() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let first = request_with_key(&customer, "key-1", &trip_paid_with("tok_declined")).await;
    let id = id_of(&first.problem(402, "payment_declined")["call"]);
    let again = request_with_key(&customer, "key-1", &trip_paid_with("tok_declined")).await;
    let repeated =
        if again.status == 200 { again.body } else { again.problem(402, "payment_declined")["call"].clone() };
    assert_eq!(id_of(&repeated), id);
}

/// A client repeats what it has no answer for, and what was right then need not be right now.
#[tokio::test]
async fn a_repetition_is_answered_though_its_period_has_begun_by_now() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customer = server.customer("mina");
    // A period may have begun up to five minutes ago; for a few seconds more this one is good.
    let body = booking_in("car-1", 5 - 300, 3_600);
    let first = request_with_key(&customer, "key-1", &body).await.expect(201);
    eventually("the same booking is too late for anybody else", async || {
        let late = server.customer("jun").post("/v1/calls", body.clone()).await;
        if late.status == 400 { Ok(()) } else { Err(late.text) }
    })
    .await;
    let again = request_with_key(&customer, "key-1", &body).await.expect(200);
    assert_eq!(again["id"], first["id"]);
    server.ledger_is(&id_of(&first), 1, 0).await;
}

#[tokio::test]
async fn a_bad_key_is_refused() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for key in ["", &"k".repeat(5_000)] {
        request_with_key(&customer, key, &trip()).await.client_error();
    }
}
