//! What the gateway refuses: a payment method, or this server's key.

use std::time::{Duration, Instant};

use crate::{
    edge::{API_KEY, Edge},
    harness::{eventually, id_of, trip_paid_with},
    rig::{CONFIRM, DECLINED, VISA, ask_gateway, booked, metric_is, operators_told, patient},
};

#[actix_rt::test]
async fn a_used_method_is_rejected_at_once_with_the_reason_and_nobody_else_is_refused() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).with(crate::harness::Knob::BreakerOpensAfter(3)).start().await;
    let method = ask_gateway(&edge, "/v1/payment_methods", &[("type", "card"), ("card[number]", "4242424242424242")]);
    let method = id_of(&method.await);
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    let first = id_of(&mina.post("/v1/calls", trip_paid_with(&method)).await.expect(201));
    for round in 1..=3 {
        let problem = mina.post("/v1/calls", trip_paid_with(&method)).await.problem(402, "payment_rejected");
        assert!(problem["detail"].as_str().is_some_and(|why| why.contains("previously used")), "{problem}");
        let id = id_of(&problem["call"]);
        assert_eq!(problem["call"]["payment"]["status"], "rejected");
        assert_eq!(edge.asked("POST", CONFIRM).len(), 1 + round, "it was asked once");
        booked(&edge, &id, 0, 0).await;
    }
    for _ in 0..39 {
        let call = jun.post("/v1/calls", trip_paid_with(VISA)).await.expect(201);
        assert_eq!(call["payment"]["status"], "charged");
    }
    assert_eq!(server.breaker().await, "closed");
    booked(&edge, &first, 1, 0).await;
}

#[actix_rt::test]
async fn after_a_decline_and_a_rejection_the_same_intent_takes_another_method() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    let customer = server.customer("mina");
    let problem = customer.post("/v1/calls", trip_paid_with(DECLINED)).await.problem(402, "payment_declined");
    let id = id_of(&problem["call"]);
    customer.pay(&id, "pm_nobody_has").await.problem(402, "payment_rejected");
    assert_eq!(customer.pay(&id, VISA).await.expect(200)["payment"]["status"], "charged");
    assert_eq!(edge.asked("POST", crate::rig::OPEN).len(), 1, "one intent for the payment");
    booked(&edge, &id, 1, 0).await;
}

#[actix_rt::test]
async fn a_key_that_is_not_accepted_raises_an_alarm_within_a_second_and_heals_by_itself() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    let customer = server.customer("mina");
    edge.accept_key("sk_test_another");
    let problem = customer.post("/v1/calls", trip_paid_with(VISA)).await.problem(503, "payment_unavailable");
    let (id, refused) = (id_of(&problem["call"]), Instant::now());
    metric_is(&server, "callout_gateway_unauthorized", 1.0).await;
    operators_told(&server, "gateway_key_refused", "").await;
    assert!(refused.elapsed() < Duration::from_secs(2), "the alarm came after {:?}", refused.elapsed());
    assert!(server.log().contains("does not accept gateway.api_key"));
    assert!(!server.log().contains(API_KEY));
    let before = edge.log().len();
    customer.pay(&id, VISA).await.problem(503, "payment_unavailable");
    let asked = edge.log().split_off(before);
    assert!(asked.iter().all(|entry| entry.asked.method == "GET"), "nothing is charged meanwhile: {asked:?}");
    edge.accept_key(API_KEY);
    eventually("the key is accepted again", async || {
        let reply = customer.pay(&id, VISA).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    metric_is(&server, "callout_gateway_unauthorized", 0.0).await;
    booked(&edge, &id, 1, 0).await;
}
