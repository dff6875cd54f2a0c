//! A cancel that meets something else: one outcome, the same for both sides, and the money is right.

use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Chance, Client, GANGNAM, Reply, Server, Setup, eventually, id_of, pause, place, rounds, seed, trip,
};

/// Runs both at once, one of them with a short head start.
async fn race<A, B>(chance: &mut Chance, first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    let head_start = chance.micros_below(3_000);
    let (first_waits, second_waits) =
        if chance.happens(0.5) { (head_start, Duration::ZERO) } else { (Duration::ZERO, head_start) };
    tokio::join!(after(first_waits, first), after(second_waits, second))
}

async fn after<T>(delay: Duration, what: impl Future<Output = T>) -> T {
    pause(delay).await;
    what.await
}

/// A paid call that is on offer to the driver.
async fn offered_call(customer: &Client, driver: &Client) -> String {
    let id = customer.request_paid_call().await;
    driver.offered(&id).await;
    id
}

#[tokio::test]
async fn cancel_then_accept_leaves_the_call_cancelled_and_the_driver_free() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = offered_call(&customer, &driver).await;
    customer.command(&id, "cancel").await.expect(200);
    driver.command(&id, "accept").await.problem(409, "call_taken");
    server.driver_is("driver-a", &["available"]).await;
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn accept_then_cancel_frees_and_tells_the_driver() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let customer = server.customer("mina");
    let id = offered_call(&customer, &driver).await;
    driver.command(&id, "accept").await.expect(200);
    customer.command(&id, "cancel").await.expect(200);
    app.call_is(&id, "cancelled").await;
    server.driver_is("driver-a", &["available"]).await;
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn cancel_meeting_accept_has_one_outcome_for_both_sides() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut chance = Chance::new(seed(), 1);
    for _ in 0..rounds(20) {
        let id = offered_call(&customer, &driver).await;
        let (cancel, accept) = race(&mut chance, customer.command(&id, "cancel"), driver.command(&id, "accept")).await;
        // A cancel is allowed before and after the accept, so it always ends there.
        assert_eq!(cancel.expect(200)["status"], "cancelled");
        if accept.status != 200 {
            accept.problem(409, "call_taken");
        }
        assert_eq!(server.call_is(&id, &["cancelled"]).await["cancelled_by"], "customer");
        server.driver_is("driver-a", &["available"]).await;
        server.ledger_is(&id, 1, 1).await;
    }
}

#[tokio::test]
async fn cancel_meeting_start_has_one_winner_and_both_sides_see_it() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut chance = Chance::new(seed(), 2);
    for _ in 0..rounds(20) {
        let id = offered_call(&customer, &driver).await;
        driver.command(&id, "accept").await.expect(200);
        let (cancel, start) = race(&mut chance, customer.command(&id, "cancel"), driver.command(&id, "start")).await;
        let outcome = one_winner(&cancel, &start);
        assert_eq!(customer.call(&id).await["status"], outcome);
        assert_eq!(server.operator().call(&id).await["status"], outcome);
        let refunds = usize::from(outcome == "cancelled");
        if outcome == "started" {
            driver.command(&id, "complete").await.expect(200);
        }
        server.driver_is("driver-a", &["available"]).await;
        server.ledger_is(&id, 1, refunds).await;
    }
}

fn one_winner(cancel: &Reply, start: &Reply) -> &'static str {
    match (cancel.status, start.status) {
        (200, 409) => "cancelled",
        (409, 200) => "started",
        other => panic!("one of them must win: {other:?} {} {}", cancel.text, start.text),
    }
}

#[tokio::test]
async fn start_then_cancel_and_cancel_then_start_are_refused() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let started = offered_call(&customer, &driver).await;
    for command in ["accept", "start"] {
        driver.command(&started, command).await.expect(200);
    }
    customer.command(&started, "cancel").await.problem(409, "illegal_transition");
    driver.command(&started, "complete").await.expect(200);
    let cancelled = offered_call(&customer, &driver).await;
    driver.command(&cancelled, "accept").await.expect(200);
    customer.command(&cancelled, "cancel").await.expect(200);
    driver.command(&cancelled, "start").await.client_error();
    assert_eq!(customer.call(&cancelled).await["status"], "cancelled");
}

#[tokio::test]
async fn cancel_meeting_a_payment_in_flight_gives_back_whatever_was_taken() {
    let server = Server::start().await;
    server.simulate(json!({"latency_ms": 5})).await;
    let customer = server.customer("mina");
    let mut chance = Chance::new(seed(), 3);
    for _ in 0..rounds(20) {
        let id = id_of(&customer.request_call().await);
        let (cancel_after, pay_after) = (chance.millis_below(20), chance.millis_below(10));
        let cancel = after(cancel_after, customer.command(&id, "cancel"));
        let (cancel, pay) = tokio::join!(cancel, after(pay_after, customer.pay(&id, "tok_ok")));
        assert_eq!(cancel.expect(200)["status"], "cancelled");
        assert!(matches!(pay.status, 200 | 409 | 503), "{} {}", pay.status, pay.text);
        nothing_kept(&server, &id).await;
    }
}

#[tokio::test]
async fn cancel_while_the_gateway_holds_the_payment_is_answered_and_refunded_later() {
    let server = Server::start().await;
    server.simulate(json!({"latency_ms": 1500})).await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", trip()).await.expect(201));
    let cancel = async {
        server.payment_is(&id, &["charging", "unknown"]).await;
        customer.command(&id, "cancel").await.expect(200)
    };
    let (_, cancelled) = tokio::join!(customer.pay(&id, "tok_ok"), cancel);
    assert_eq!(cancelled["status"], "cancelled");
    nothing_kept(&server, &id).await;
}

/// The call ends cancelled, and what was charged is refunded; at most one of each.
async fn nothing_kept(server: &Server, id: &str) {
    eventually(&format!("nothing is kept for {id}"), async || {
        let (call, ledger) = (server.operator().call(id).await, server.ledger(id).await);
        let payment = call["payment"]["status"].as_str().unwrap_or_default();
        let settled =
            if ledger.charges == 0 { payment != "charging" && payment != "unknown" } else { payment == "refunded" };
        let even = ledger.charged == ledger.refunded && ledger.charges <= 1 && ledger.refunds <= 1;
        if even && settled && call["status"] == "cancelled" { Ok(()) } else { Err(format!("{call} {ledger:?}")) }
    })
    .await;
}

#[tokio::test]
async fn cancelling_twice_refunds_once() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let (one, two) = tokio::join!(customer.command(&id, "cancel"), customer.command(&id, "cancel"));
    assert_eq!(
        (one.expect(200)["status"].clone(), two.expect(200)["status"].clone()),
        ("cancelled".into(), "cancelled".into())
    );
    server.payment_is(&id, &["refunded"]).await;
    customer.command(&id, "cancel").await.expect(200);
    server.ledger_is(&id, 1, 1).await;
}

/// What a finished call still owes keeps it in memory, and in the store for ever. Whether an acknowledgement may come in the
/// middle of a commit depends on what else the actor waits for: with or without a timer, the refund is forgotten.
#[tokio::test]
async fn a_refund_that_was_made_is_forgotten_and_the_finished_call_leaves_memory() {
    for passivate_after_s in [0, 1] {
        let setup =
            Setup::new().config(&format!("[actors.supervision.default]\npassivate_after_s = {passivate_after_s}\n"));
        let server = setup.start().await;
        let customer = server.customer("mina");
        let mut calls = Vec::new();
        for _ in 0..8 {
            calls.push(customer.request_paid_call().await);
        }
        for id in &calls {
            owes_nothing(&server, id, false).await;
        }
        for id in &calls {
            customer.command(id, "cancel").await.expect(200);
        }
        for id in &calls {
            server.payment_is(id, &["refunded"]).await;
            owes_nothing(&server, id, passivate_after_s > 0).await;
        }
    }
}

/// A call and its payment owe nothing, and have left memory if they may.
async fn owes_nothing(server: &Server, id: &str, leaves_memory: bool) {
    for kind in ["call", "payment"] {
        eventually(&format!("{kind}/{id} owes nothing"), async || {
            let actor = server.actor(kind, id).await;
            let is_gone = actor["status"] == "passive" || !leaves_memory;
            if actor["owed"] == 0 && is_gone { Ok(()) } else { Err(actor.to_string()) }
        })
        .await;
    }
}

#[tokio::test]
async fn every_service_tells_why_it_was_cancelled() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut calls = vec![customer.request_paid_call().await];
    let cleaning = json!({"service": "cleaning", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"}});
    let taxi = json!({"service": "taxi", "pickup": place(GANGNAM), "dropoff": place(GANGNAM), "payment": {"method": "tok_ok"}});
    for body in [cleaning, taxi] {
        calls.push(id_of(&customer.post("/v1/calls", body).await.expect(201)));
    }
    for id in calls {
        server.operator().post(&format!("/v1/calls/{id}/cancel"), json!({"reason": "a typhoon"})).await.expect(200);
        eventually("the customer is told", async || {
            let told = customer.notifications_about(&id).await;
            let cancelled = told.iter().find(|notice| notice["occasion"] == "cancelled");
            let why =
                cancelled.map(|notice| notice["text"]["en"].as_str().is_some_and(|text| text.contains("typhoon")));
            if why == Some(true) { Ok(()) } else { Err(format!("{told:?}")) }
        })
        .await;
    }
}
