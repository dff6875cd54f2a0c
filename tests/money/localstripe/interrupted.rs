//! Charges that are interrupted at each of their steps.

use std::time::Duration;

use serde_json::Value;

use crate::{
    edge::{Edge, Fault, When},
    harness::{Client, Server, eventually, id_of, trip_paid_with},
    rig::{CONFIRM, OPEN, REFUNDS, VISA, WITHDRAW, booked, impatient, patient},
};

/// The call of a request that was answered before its payment was done.
async fn begun(customer: &Client) -> Value {
    customer.post("/v1/calls", trip_paid_with(VISA)).await.problem(503, "payment_pending")["call"].clone()
}

/// The id of the call of a request, whether its payment is done by the answer or not.
async fn requested(customer: &Client) -> String {
    let reply = customer.post("/v1/calls", trip_paid_with(VISA)).await;
    if reply.status == 201 { id_of(&reply.body) } else { id_of(&reply.problem(503, "payment_pending")["call"]) }
}

/// A server that answers customers before the gateway has answered it.
async fn hasty(edge: &Edge) -> Server {
    patient(edge).env("CALLOUT_HTTP__PAYMENT_WAIT_MS", "100").start().await
}

#[actix_rt::test]
async fn a_500_that_the_gateway_keeps_with_its_key_does_not_hold_a_charge_up() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    for when in [When::Before, When::After] {
        edge.order(Fault::status(500, when).on("POST", CONFIRM));
        let id = requested(&server.customer("mina")).await;
        server.payment_is(&id, &["charged"]).await;
        booked(&edge, &id, 1, 0).await;
    }
}

#[actix_rt::test]
async fn a_500_that_the_gateway_keeps_with_its_key_does_not_hold_a_refund_up() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    let customer = server.customer("mina");
    for when in [When::Before, When::After] {
        let id = id_of(&customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201));
        edge.order(Fault::status(500, when).on("POST", REFUNDS));
        customer.command(&id, "cancel").await.expect(200);
        server.payment_is(&id, &["refunded"]).await;
        booked(&edge, &id, 1, 1).await;
    }
}

#[actix_rt::test]
async fn a_kill_before_the_intents_id_is_kept_leaves_an_intent_that_takes_nothing_and_one_charge() {
    let edge = Edge::start().expect("an edge");
    let mut server = hasty(&edge).await;
    edge.order(Fault::held(When::After).on("POST", OPEN));
    let id = id_of(&begun(&server.customer("mina")).await);
    server.kill();
    edge.release();
    edge.until_idle().await;
    edge.forget_keys();
    server.start_again().await;
    server.payment_is(&id, &["charged"]).await;
    assert_eq!((edge.asked("POST", OPEN).len(), edge.asked("POST", CONFIRM).len()), (2, 1));
    booked(&edge, &id, 1, 0).await;
}

#[actix_rt::test]
async fn a_kill_while_the_confirmation_is_on_its_way_is_one_charge_with_and_without_its_key() {
    let edge = Edge::start().expect("an edge");
    let mut server = hasty(&edge).await;
    for is_forgotten in [false, true] {
        let before = edge.asked("POST", CONFIRM).len();
        edge.order(Fault::held(When::Before).on("POST", CONFIRM));
        let id = id_of(&begun(&server.customer("mina")).await);
        edge.until_asked("POST", CONFIRM, before + 1).await;
        server.kill_and_start_again().await;
        if is_forgotten {
            edge.forget_keys();
        }
        edge.until_asked("POST", CONFIRM, before + 2).await;
        edge.release();
        server.payment_is(&id, &["charged"]).await;
        booked(&edge, &id, 1, 0).await;
    }
}

#[actix_rt::test]
async fn a_call_that_is_cancelled_while_its_intent_is_opened_is_never_confirmed() {
    let edge = Edge::start().expect("an edge");
    let server = hasty(&edge).await;
    let customer = server.customer("mina");
    edge.order(Fault::held(When::After).on("POST", OPEN));
    let id = id_of(&begun(&customer).await);
    customer.command(&id, "cancel").await.expect(200);
    edge.release();
    edge.until_asked("POST", WITHDRAW, 1).await;
    server.payment_is(&id, &["created"]).await;
    assert!(edge.asked("POST", CONFIRM).is_empty());
    booked(&edge, &id, 0, 0).await;
}

#[actix_rt::test]
async fn an_answer_beyond_the_time_out_is_found_by_a_look() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    edge.order(Fault::delay(Duration::from_millis(1_500), When::After).on("POST", CONFIRM));
    let id = requested(&server.customer("mina")).await;
    server.payment_is(&id, &["charged"]).await;
    assert_eq!(edge.asked("POST", CONFIRM).len(), 1);
    booked(&edge, &id, 1, 0).await;
    eventually("the list is empty", async || {
        let waits = crate::rig::waiting(&server, "unknown").await;
        if waits.is_empty() { Ok(()) } else { Err(format!("{waits:?}")) }
    })
    .await;
}
