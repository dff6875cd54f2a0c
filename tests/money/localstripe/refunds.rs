//! Refunds that the gateway fails, or does not finish: operators are told, and end them.

use std::time::Duration;

use serde_json::json;

use crate::{
    edge::{Edge, RefundCourse, RefundEnd},
    harness::{Server, id_of, trip_paid_with},
    rig::{REFUNDS, VISA, ask_gateway, booked, listed, operators_told, patient, waiting, webhooks},
};

/// A call that is paid and cancelled.
async fn cancelled(server: &Server) -> String {
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201));
    customer.command(&id, "cancel").await.expect(200);
    id
}

async fn settle(server: &Server, payment: &str, outcome: &str) {
    let body = json!({"outcome": outcome, "reference": "transfer-7", "reason": "paid by transfer"});
    server.operator().post(&format!("/v1/ops/payments/{payment}/settle"), body).await.expect(200);
}

#[actix_rt::test]
async fn a_refund_that_the_gateway_fails_is_told_listed_settled_and_not_sent_again() {
    let edge = Edge::start().expect("an edge");
    let mut server = patient(&edge).start().await;
    let failed = RefundEnd::Failed("lost_or_stolen_card");
    edge.refunds(RefundCourse::Ends(Duration::from_millis(100), failed));
    let id = cancelled(&server).await;
    server.payment_is(&id, &["refund_failed"]).await;
    let item = listed(&server, "refund_failed", &id).await;
    assert!(item["last_error"].as_str().is_some_and(|why| why.contains("lost_or_stolen_card")), "{item}");
    assert!(item["gateway_reference"].as_str().is_some_and(|name| name.starts_with("pi_")), "{item}");
    operators_told(&server, "money_waits", &id).await;
    server.kill_and_start_again().await;
    listed(&server, "refund_failed", &id).await;
    settle(&server, &id, "refunded").await;
    assert!(waiting(&server, "refund_failed").await.is_empty());
    edge.refunds(RefundCourse::Succeeds);
    server.kill_and_start_again().await;
    let other = cancelled(&server).await;
    server.payment_is(&other, &["refunded"]).await;
    let sent = edge.asked("POST", REFUNDS);
    let of =
        |payment: &str| sent.iter().filter(|entry| entry.asked.field("metadata[payment_id]") == Some(payment)).count();
    assert_eq!((of(&id), of(&other)), (1, 1));
    server.payment_is(&id, &["refunded"]).await;
    booked(&edge, &id, 1, 0).await;
}

#[actix_rt::test]
async fn a_refund_that_fails_after_it_was_done_is_told_and_listed_and_an_operators_word_about_it_stays() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    edge.send_events_to(webhooks(&server));
    let id = cancelled(&server).await;
    server.payment_is(&id, &["refunded"]).await;
    let sent = edge.asked("POST", REFUNDS);
    let intent = sent[0].asked.field("payment_intent").unwrap_or_default();
    let refunds = ask_gateway(&edge, &format!("/v1/refunds?payment_intent={intent}"), &[]).await;
    let refund = id_of(&refunds["data"][0]);
    edge.end_refund(&refund, RefundEnd::Failed("insufficient_funds")).await.expect("its end");
    let call = server.payment_is(&id, &["refund_failed"]).await;
    assert_eq!(call["payment"].get("refunded"), None, "{call}");
    let item = listed(&server, "refund_failed", &id).await;
    assert!(item["last_error"].as_str().is_some_and(|why| why.contains("insufficient_funds")), "{item}");
    operators_told(&server, "money_waits", &id).await;
    settle(&server, &id, "refunded").await;
    let told = edge.deliveries().len();
    edge.end_refund(&refund, RefundEnd::Failed("insufficient_funds")).await.expect("the same again");
    edge.until_deliveries(told + 2).await;
    server.payment_is(&id, &["refunded"]).await;
    assert_eq!(edge.asked("POST", REFUNDS).len(), 1, "it was sent once");
}

#[actix_rt::test]
async fn a_refund_that_stays_pending_is_told_once_it_is_overdue_and_ends_with_the_gateways_word() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).env("CALLOUT_GATEWAY__OVERDUE_S", "1").start().await;
    edge.send_events_to(webhooks(&server));
    edge.refunds(RefundCourse::Pends);
    let id = cancelled(&server).await;
    let item = listed(&server, "refunding", &id).await;
    assert!(item["last_error"].as_str().is_some_and(|why| why.contains("pending")), "{item}");
    operators_told(&server, "money_waits", &id).await;
    let intent = item["gateway_reference"].as_str().unwrap_or_default();
    let refunds = ask_gateway(&edge, &format!("/v1/refunds?payment_intent={intent}"), &[]).await;
    let refund = id_of(&refunds["data"][0]);
    edge.end_refund(&refund, RefundEnd::Succeeded).await.expect("its end");
    server.payment_is(&id, &["refunded"]).await;
    assert_eq!(edge.asked("POST", REFUNDS).len(), 1);
    booked(&edge, &id, 1, 1).await;
}
