//! `callout reconcile` against books that callout does not keep.

use serde_json::Value;

use crate::{
    edge::Edge,
    harness::{Server, eventually, id_of, trip_paid_with},
    rig::{VISA, ask_gateway, booked, patient},
};

/// The report of a long span. Waits until it is as wanted, as histories come a moment after the answers.
async fn reconciled(server: &Server, wanted: impl Fn(bool, &Value) -> bool) -> Value {
    eventually("the books are compared", async || {
        let (is_good, said) = server.runs(&["reconcile", "--from", "2026-01-01", "--to", "2099-12-31", "--json"]);
        match serde_json::from_str(&said) {
            Ok(report) if wanted(is_good, &report) => Ok(report),
            _ => Err(said),
        }
    })
    .await
}

#[actix_rt::test]
async fn the_gateways_books_and_the_payments_agree_until_somebody_charges_behind_our_back() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    let customer = server.customer("mina");
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(id_of(&customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201)));
    }
    customer.command(&calls[0], "cancel").await.expect(200);
    server.payment_is(&calls[0], &["refunded"]).await;
    booked(&edge, &calls[0], 1, 1).await;
    let report = reconciled(&server, |is_good, _| is_good).await;
    assert_eq!((&report["charges"], &report["refunds"]), (&3.into(), &1.into()), "{report}");

    let twice = &calls[1];
    let form =
        [("amount", "26000"), ("currency", "krw"), ("payment_method_types[]", "card"), ("metadata[payment_id]", twice)];
    let intent = ask_gateway(&edge, "/v1/payment_intents", &form).await;
    let confirm = format!("/v1/payment_intents/{}/confirm", intent["id"].as_str().unwrap_or_default());
    let charged = ask_gateway(&edge, &confirm, &[("payment_method", VISA)]).await;
    assert_eq!(charged["status"], "succeeded", "{charged}");
    let report = reconciled(&server, |is_good, _| !is_good).await;
    let differences = report["differences"].as_array().cloned().unwrap_or_default();
    assert_eq!(differences.len(), 1, "{report}");
    assert_eq!(
        (&differences[0]["kind"], &differences[0]["payment_id"]),
        (&"charged_twice".into(), &twice.as_str().into())
    );
}
