//! Study-café seats: the customer selects, the operator approves, then it is paid in the background.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, eventually, id_of, place};

async fn register_seat(server: &Server, id: &str) {
    let seat = json!({"service": "studycafe", "name": id});
    server.operator().put(&format!("/v1/drivers/{id}"), seat).await.expect(201);
}

fn selection(seat: &str, method: Option<&str>) -> Value {
    let mut body = json!({"service": "studycafe", "pickup": place(GANGNAM), "driver_id": seat});
    if let Some(method) = method {
        body["payment"] = json!({"method": method});
    }
    body
}

async fn select(customer: &Client, seat: &str, method: Option<&str>) -> String {
    let call = customer.post("/v1/calls", selection(seat, method)).await.expect(201);
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("awaiting_approval"), &json!("created")));
    id_of(&call)
}

#[tokio::test]
async fn sc_1_a_customer_selects_a_seat_and_sc_2_only_an_approved_one_is_paid() {
    let server = Server::start().await;
    register_seat(&server, "a1").await;
    let customer = server.customer("mina");
    let id = select(&customer, "a1", Some("tok_ok")).await;
    server.ledger_is(&id, 0, 0).await;
    customer.command(&id, "approve").await.problem(403, "forbidden");
    server.operator().command(&id, "approve").await.expect(200);
    let call = server.call_is(&id, &["assigned"]).await;
    assert_eq!(call["payment"]["status"], "charged");
    server.operator().command(&id, "approve").await.expect(200);
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn sc_2_a_rejected_seat_is_denied_not_paid_and_free_again() {
    let server = Server::start().await;
    register_seat(&server, "a1").await;
    let customer = server.customer("mina");
    let id = select(&customer, "a1", Some("tok_ok")).await;
    customer.post("/v1/calls", selection("a1", None)).await.problem(409, "driver_unavailable");
    let rejected =
        server.operator().post(&format!("/v1/calls/{id}/reject"), json!({"reason": "청소 중"})).await.expect(200);
    assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("denied"), &json!("청소 중")));
    server.driver_is("a1", &["available"]).await;
    server.ledger_is(&id, 0, 0).await;
    server.operator().command(&id, "approve").await.problem(409, "illegal_transition");
}

#[tokio::test]
async fn sc_3_a_paid_seat_is_registered_and_sc_5_its_status_is_seen_at_any_time() {
    let server = Server::start().await;
    register_seat(&server, "a1").await;
    let customer = server.customer("mina");
    let id = select(&customer, "a1", Some("tok_ok")).await;
    assert_eq!(server.customer("jun").get("/v1/drivers/a1").await.expect(200)["status"], "reserved");
    server.operator().command(&id, "approve").await.expect(200);
    server.driver_is("a1", &["engaged"]).await;
    customer.command(&id, "start").await.expect(200);
    customer.command(&id, "complete").await.expect(200);
    server.driver_is("a1", &["available"]).await;
}

#[tokio::test]
async fn sc_4_a_cancel_frees_the_seat_and_refunds_what_was_paid() {
    let server = Server::start().await;
    register_seat(&server, "a1").await;
    let customer = server.customer("mina");
    let id = select(&customer, "a1", Some("tok_ok")).await;
    server.operator().command(&id, "approve").await.expect(200);
    server.driver_is("a1", &["engaged"]).await;
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["refunded"]).await;
    server.driver_is("a1", &["available"]).await;
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn sc_n1_seats_are_selected_while_payments_are_down_and_each_is_paid_once_when_they_are_back() {
    let server = Server::start().await;
    server.simulate(json!({"down": true})).await;
    let customer = server.customer("mina");
    let mut calls = Vec::new();
    for number in 0..8 {
        let seat = format!("seat-{number}");
        register_seat(&server, &seat).await;
        let id = select(&customer, &seat, Some("tok_ok")).await;
        server.operator().command(&id, "approve").await.expect(200);
        calls.push(id);
    }
    for id in &calls {
        assert_eq!(server.call_is(id, &["awaiting_payment"]).await["status"], "awaiting_payment");
    }
    server.simulate(json!({})).await;
    for id in &calls {
        server.call_is(id, &["assigned"]).await;
        server.ledger_is(id, 1, 0).await;
    }
}

#[tokio::test]
async fn sc_n1_what_is_owed_is_paid_after_a_kill_as_well() {
    let mut server = Server::start().await;
    register_seat(&server, "a1").await;
    server.simulate(json!({"down": true})).await;
    let id = select(&server.customer("mina"), "a1", Some("tok_ok")).await;
    server.operator().command(&id, "approve").await.expect(200);
    server.call_is(&id, &["awaiting_payment"]).await;
    server.kill_and_start_again().await;
    server.call_is(&id, &["assigned"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_declined_card_leaves_the_seat_waiting_for_another_method() {
    let server = Server::start().await;
    register_seat(&server, "a1").await;
    let customer = server.customer("mina");
    let id = select(&customer, "a1", Some("tok_declined")).await;
    server.operator().command(&id, "approve").await.expect(200);
    let waiting = server.payment_is(&id, &["declined"]).await;
    assert_eq!(waiting["status"], "awaiting_payment");
    eventually("the customer is told", async || {
        let told = customer.notifications_about(&id).await;
        if told.iter().any(|notice| notice["occasion"] == "payment_declined") {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await;
    customer.pay(&id, "tok_ok").await.ok();
    server.call_is(&id, &["assigned"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn sc_n2_one_customer_holds_several_seats_each_with_its_own_payment() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for seat in ["a1", "a2"] {
        register_seat(&server, seat).await;
        let id = select(&customer, seat, Some("tok_ok")).await;
        server.operator().command(&id, "approve").await.expect(200);
        server.call_is(&id, &["assigned"]).await;
        server.ledger_is(&id, 1, 0).await;
    }
}
