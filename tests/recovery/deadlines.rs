//! Deadlines that pass while the server is down fire when it is back; owed effects are performed.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Client, GANGNAM, Knob, Server, Setup, id_of, pause};

#[tokio::test]
async fn a_dispatch_deadline_that_passes_while_the_server_is_down_cancels_and_refunds() {
    let mut server = Setup::new().with(Knob::DispatchDeadlineS(2)).start().await;
    let id = server.customer("mina").request_paid_call().await;
    server.kill();
    pause(Duration::from_millis(2_500)).await;
    server.start_again().await;
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!(call["cancelled_by"], "system");
    server.payment_is(&id, &["refunded"]).await;
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn a_dispatch_deadline_that_lies_ahead_fires_after_a_restart() {
    let mut server = Setup::new().with(Knob::DispatchDeadlineS(4)).start().await;
    let id = server.customer("mina").request_paid_call().await;
    server.kill_and_start_again().await;
    assert_eq!(server.call_is(&id, &["cancelled"]).await["cancelled_by"], "system");
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn an_offer_that_lapses_while_the_server_is_down_frees_the_driver_for_the_next() {
    let setup = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(1));
    let mut server = setup.start().await;
    let near = server.register_driver("driver-near", GANGNAM).await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.01, GANGNAM.1)).await;
    let id = server.customer("mina").request_paid_call().await;
    near.offered(&id).await;
    server.kill();
    pause(Duration::from_millis(1_500)).await;
    server.start_again().await;
    far.take(&id).await;
    server.driver_is("driver-near", &["available"]).await;
    server.driver_is("driver-far", &["engaged"]).await;
}

#[tokio::test]
async fn a_call_that_waited_for_a_driver_is_offered_after_a_restart() {
    let mut server = Server::start().await;
    let id = server.customer("mina").request_paid_call().await;
    server.kill_and_start_again().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    driver.take(&id).await;
}

#[tokio::test]
async fn a_driver_keeps_place_offers_and_call_over_a_restart() {
    let mut server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    server.kill_and_start_again().await;
    let id = server.customer("mina").request_paid_call().await;
    driver.offered(&id).await;
    server.kill_and_start_again().await;
    driver.take(&id).await;
    server.kill_and_start_again().await;
    server.driver_is("driver-a", &["engaged"]).await;
    for command in ["start", "complete"] {
        driver.command(&id, command).await.expect(200);
        server.kill_and_start_again().await;
    }
    server.driver_is("driver-a", &["available"]).await;
    assert_eq!(server.call_is(&id, &["completed"]).await["driver"]["id"], "driver-a");
}

#[tokio::test]
async fn a_charge_that_was_at_the_gateway_when_the_server_was_killed_is_settled_once() {
    let mut server = Server::start().await;
    server.simulate(json!({"latency_ms": 600})).await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    let request = customer.request(reqwest::Method::POST, &format!("/v1/calls/{id}/pay"));
    let in_flight = tokio::spawn(Client::try_send(request.json(&json!({"method": "tok_ok"}))));
    server.payment_is(&id, &["charging", "unknown"]).await;
    server.kill();
    assert!(in_flight.await.expect("a finished task").is_err(), "the answer cannot have come before the kill");
    server.start_again().await;
    // Charging goes on by itself: the intent was committed before the first byte was sent.
    server.payment_is(&id, &["charged"]).await;
    server.call_is(&id, &["dispatching"]).await;
    server.ledger_is(&id, 1, 0).await;
}
