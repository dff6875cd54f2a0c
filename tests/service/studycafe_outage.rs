//! Study-café seats while payments cannot be taken: selected and approved all the same, paid when the gateway is back.

use serde_json::json;

use crate::{
    harness::{Client, Server, eventually},
    studycafe::{occasions, register_seat, select},
};

#[tokio::test]
async fn sc_n1_seats_are_selected_while_payment_is_down_and_each_is_paid_once_when_it_is_back() {
    let mut server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    server.simulate(json!({"down": true})).await;
    let mut calls = Vec::new();
    for n in 0..24 {
        let id = format!("seat-{n}");
        register_seat(&server, &id).await;
        let call = select(&customer, &id, "tok_ok").await;
        operator.command(&call, "approve").await.expect(200);
        calls.push(call);
    }
    for call in &calls {
        assert_eq!(customer.call(call).await["status"], "awaiting_payment");
        assert_eq!(server.ledger(call).await.charges, 0);
    }
    // Each was tried in vain or met a breaker that had opened, and one of them once more.
    server.gateway_requests(&["not_sent", "refused"], calls.len() as u64 + 1).await;
    server.kill_and_start_again().await;
    server.simulate(json!({})).await;
    for call in &calls {
        server.call_is(call, &["assigned"]).await;
        assert_eq!(server.ledger(call).await.charges, 1, "{call}");
    }
    for call in &calls {
        let told = occasions(&customer, call).await;
        let problems = told.iter().filter(|occasion| *occasion == "payment_unavailable").count();
        assert!(problems <= 1, "a wait that ends by itself is told once: {told:?}");
    }
}

#[tokio::test]
async fn sc_n1_a_payment_that_always_fails_holds_up_no_other() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    server.force_breaker("open").await;
    let mut calls = Vec::new();
    for (id, method) in [("seat-1", "tok_error"), ("seat-2", "tok_ok"), ("seat-3", "tok_ok"), ("seat-4", "tok_ok")] {
        register_seat(&server, id).await;
        let call = select(&customer, id, method).await;
        operator.command(&call, "approve").await.expect(200);
        server.payment_is(&call, &["created"]).await;
        calls.push(call);
    }
    server.force_breaker("auto").await;
    for call in &calls[1..] {
        server.call_is(call, &["assigned"]).await;
    }
    assert_eq!(customer.call(&calls[0]).await["status"], "awaiting_payment");
    customer.pay(&calls[0], "tok_ok").await.expect(200);
    server.call_is(&calls[0], &["assigned"]).await;
    server.ledger_is(&calls[0], 1, 0).await;
}

/// Waits until an attempt has failed: before that a payment may still overtake those that wait.
pub async fn waits_for_the_gateway(customer: &Client, call: &str) {
    eventually("its first attempt has failed", async || {
        let timeline = customer.timeline(call).await;
        let told = timeline.iter().any(|entry| entry["event"] == "payment_changed");
        if told { Ok(()) } else { Err(format!("{timeline:?}")) }
    })
    .await;
}

/// That many approved seats whose payments wait, oldest first. The gateway takes nothing afterwards.
async fn waiting(server: &Server, seats: usize) -> Vec<String> {
    let (customer, operator) = (server.customer("mina"), server.operator());
    server.force_breaker("open").await;
    let mut calls = Vec::new();
    for n in 0..seats {
        let id = format!("seat-{n}");
        register_seat(server, &id).await;
        let call = select(&customer, &id, "tok_ok").await;
        operator.command(&call, "approve").await.expect(200);
        calls.push(call);
    }
    for call in &calls {
        waits_for_the_gateway(&customer, call).await;
    }
    calls
}

/// Every call is paid, once, and none before more than `apart` that have waited longer.
async fn paid_in_order(server: &Server, calls: &[String], apart: usize) {
    let operator = server.operator();
    let mut charged = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        server.call_is(call, &["assigned"]).await;
        server.ledger_is(call, 1, 0).await;
        let charges = operator.get(&format!("/v1/ops/gateway/simulator/charges?payment_id={call}")).await.expect(200);
        charged.push((charges["items"][0]["at"].as_str().expect("a time").to_owned(), place));
    }
    charged.sort();
    let furthest = charged.iter().enumerate().map(|(now, (_, place))| now.abs_diff(*place)).max();
    assert!(furthest < Some(apart), "only those that are tried together may overtake each other: {charged:?}");
}

/// The most payments that the drain tries at a time.
const TOGETHER: usize = 16;

#[tokio::test]
async fn sc_n1_deferred_payments_drain_oldest_first() {
    let server = Server::start().await;
    let calls = waiting(&server, 48).await;
    server.force_breaker("auto").await;
    paid_in_order(&server, &calls, TOGETHER).await;
}

#[tokio::test]
async fn sc_n1_a_drain_that_crashes_midway_pays_each_once_and_oldest_first() {
    let server = Server::start().await;
    let calls = waiting(&server, 40).await;
    server.simulate(json!({"latency_ms": 150})).await;
    server.force_breaker("auto").await;
    for reached in [0, 8, 20] {
        server.payment_is(&calls[reached], &["charging", "charged"]).await;
        server.crash("drain", "payments").await;
    }
    assert_eq!(server.ledger(&calls[39]).await.charges, 0, "it was midway");
    paid_in_order(&server, &calls, TOGETHER).await;
}

#[tokio::test]
async fn sc_n1_a_kill_in_the_middle_of_a_drain_pays_each_once() {
    let mut server = Server::start().await;
    let calls = waiting(&server, 24).await;
    server.simulate(json!({"latency_ms": 150})).await;
    server.force_breaker("auto").await;
    server.payment_is(&calls[8], &["charging", "charged"]).await;
    server.kill_and_start_again().await;
    paid_in_order(&server, &calls, TOGETHER).await;
}

#[tokio::test]
async fn sc_n1_a_single_payment_that_was_tried_in_vain_is_paid_soon_after_the_outage() {
    let server = Server::start().await;
    server.simulate(json!({"down": true})).await;
    register_seat(&server, "seat-1").await;
    let call = select(&server.customer("mina"), "seat-1", "tok_ok").await;
    server.operator().command(&call, "approve").await.expect(200);
    // The first attempt, and two repetitions.
    server.gateway_requests(&["not_sent", "refused"], 3).await;
    server.simulate(json!({})).await;
    server.call_is(&call, &["assigned"]).await;
    server.ledger_is(&call, 1, 0).await;
}
