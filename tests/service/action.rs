//! Payments that their payer must confirm: 3-D Secure, a page of the bank.

use serde_json::{Value, json};

use crate::{
    harness::{Client, Server, Setup, eventually, id_of, trip_paid_with},
    taxi::{TAXI, request_ride},
};

/// A call whose payment waits for its payer.
async fn asked(customer: &Client) -> Value {
    let call = customer.post("/v1/calls", trip_paid_with("tok_action")).await.expect(201);
    assert_eq!(
        (&call["status"], &call["payment"]["status"]),
        (&json!("requested"), &json!("action_required")),
        "{call}"
    );
    call
}

/// The payer does what it is asked for.
async fn act(server: &Server, call: &Value, outcome: &str) {
    let url = call["payment"]["action"]["url"].as_str().unwrap_or_else(|| panic!("no page in {call}"));
    let page = server.nobody().get(url).await;
    assert!(page.status == 200 && page.text.contains("<button"), "{page:?}");
    server.nobody().post(url, json!({"outcome": outcome})).await.expect(200);
}

#[tokio::test]
async fn a_call_says_what_its_payer_must_do_and_goes_on_once_it_is_done() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    let call = asked(&customer).await;
    let id = id_of(&call);
    let action = &call["payment"]["action"];
    assert_eq!(action["kind"], "redirect");
    assert!(action["client_secret"].is_string() && action["expires_at"].is_string(), "{action}");
    assert_eq!(&customer.call(&id).await["payment"]["action"], action);
    assert_eq!(customer.pay(&id, "tok_action").await.expect(200)["payment"]["status"], "action_required");
    assert_eq!(server.ledger(&id).await.charges, 0);
    let told = customer.notified_about(&id, 1).await;
    assert!(told.iter().any(|notice| notice["occasion"] == "payment_action_required"), "{told:?}");
    act(&server, &call, "confirmed").await;
    socket.call_is(&id, "dispatching").await;
    assert_eq!(server.payment_is(&id, &["charged"]).await["payment"].get("action"), None);
    server.ledger_is(&id, 1, 0).await;
    let url = call["payment"]["action"]["url"].as_str().unwrap_or_default();
    server.nobody().post(url, json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_the_payer_must_do_is_shown_to_nobody_else_and_is_in_no_history() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    let id = id_of(&call);
    let secret = call["payment"]["action"]["client_secret"].as_str().unwrap_or_else(|| panic!("no secret in {call}"));
    let operator = server.operator();
    let mut seen = vec![operator.get(&format!("/v1/calls/{id}")).await.text];
    for kind in ["call", "payment"] {
        seen.push(operator.get(&format!("/v1/ops/actors/{kind}/{id}")).await.text);
    }
    customer.notified_about(&id, 1).await;
    seen.push(operator.get(&format!("/v1/calls/{id}/timeline")).await.text);
    seen.push(customer.get(&format!("/v1/calls/{id}/timeline")).await.text);
    seen.push(operator.get("/v1/calls").await.text);
    for text in seen {
        assert!(text.contains(&id) && !text.contains(secret), "{text}");
    }
    assert!(!server.log().contains(secret));
}

#[tokio::test]
async fn a_payer_who_refuses_can_pay_with_another_method() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    let id = id_of(&call);
    act(&server, &call, "refused").await;
    server.payment_is(&id, &["declined"]).await;
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["payment"]["status"], "charged");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_payer_who_does_nothing_in_time_can_pay_with_another_method_and_is_charged_once() {
    let server = Setup::new().env("CALLOUT_GATEWAY__ACTION_TIMEOUT_S", "1").start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    let id = id_of(&call);
    server.payment_is(&id, &["declined"]).await;
    let url = call["payment"]["action"]["url"].as_str().unwrap_or_default();
    server.nobody().post(url, json!({})).await.problem(404, "not_found");
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["payment"]["status"], "charged");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_its_payer_is_asked_is_never_charged() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    let id = id_of(&call);
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["created", "declined"]).await;
    let url = call["payment"]["action"]["url"].as_str().unwrap_or_default();
    server.nobody().post(url, json!({})).await.problem(404, "not_found");
    server.ledger_is(&id, 0, 0).await;
}

#[tokio::test]
async fn a_payment_that_waits_for_its_payer_survives_a_kill() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    let id = id_of(&call);
    server.kill_and_start_again().await;
    let customer = server.customer("mina");
    assert_eq!(customer.call(&id).await["payment"]["action"], call["payment"]["action"]);
    act(&server, &call, "confirmed").await;
    server.payment_is(&id, &["charged"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_ride_is_completed_once_its_payer_has_confirmed() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_action").await;
    let problem = taxi.command(&id, "complete").await.problem(409, "payment_action_required");
    assert_eq!(problem["call"]["payment"].get("action"), None, "it is the customer's: {problem}");
    assert_eq!(problem["call"]["status"], "started");
    let call = customer.call(&id).await;
    act(&server, &call, "confirmed").await;
    server.call_is(&id, &["completed"]).await;
    server.ledger_is(&id, 1, 0).await;
    let next = request_ride(&customer, "tok_ok").await;
    taxi.take(&next).await;
    assert_eq!(server.call_is(&next, &["assigned"]).await["service"], TAXI);
}

#[tokio::test]
async fn a_secret_that_nobody_was_given_is_404() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&asked(&customer).await);
    for wrong in ["x", ".", &format!("0.{id}"), "%00.%ff", &format!("{}.{id}", "a".repeat(5_000))] {
        let url = format!("/v1/gateway/simulator/actions/{wrong}");
        let reply = server.nobody().post(&url, json!({})).await;
        assert!(matches!(reply.status, 400 | 404), "{wrong}: {reply:?}");
    }
    eventually("it still waits", async || {
        let status = customer.call(&id).await["payment"]["status"].clone();
        if status == "action_required" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}
