//! Money that is asked for at the wrong time, more often than once, or by a server that lost its rules.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    harness::{Client, GANGNAM, Knob, Server, Setup, eventually, id_of, pause, place},
    rental::booking_in,
    studycafe::{register_seat, select},
    studycafe_outage::waits_for_the_gateway,
    taxi::{TAXI, request_ride},
};

/// How often that happened to a call.
async fn count(client: &Client, call: &str, event: &str) -> usize {
    client.timeline(call).await.iter().filter(|item| item["event"] == event || item["type"] == event).count()
}

/// Selects a seat for the next seconds and has it approved.
async fn approved_for(server: &Server, id: &str, seconds: i64) -> String {
    register_seat(server, id).await;
    let mut body = booking_in(id, 0, seconds);
    body["service"] = json!("studycafe");
    body["pickup"] = place(GANGNAM);
    body["payment"] = json!({"method": "tok_ok"});
    let call = id_of(&server.customer("mina").post("/v1/calls", body).await.expect(201));
    server.operator().command(&call, "approve").await.expect(200);
    call
}

#[tokio::test]
async fn sc_n1_a_payment_that_waited_beyond_the_end_of_its_period_is_not_made() {
    let mut server = Server::start().await;
    server.force_breaker("open").await;
    let (over, later) = (approved_for(&server, "seat-1", 3).await, approved_for(&server, "seat-2", 3_600).await);
    assert_eq!(server.customer("mina").call(&over).await["status"], "awaiting_payment");
    let ended = server.call_is(&over, &["cancelled"]).await;
    assert_eq!((&ended["cancelled_by"], &ended["reason"]), (&json!("system"), &json!("period_over")), "{ended}");
    server.driver_is("seat-1", &["available"]).await;
    server.kill_and_start_again().await;
    server.call_is(&later, &["assigned"]).await;
    server.ledger_is(&later, 1, 0).await;
    server.ledger_is(&over, 0, 0).await;
}

#[tokio::test]
async fn sc_n1_a_drain_after_an_outage_over_the_period_charges_nothing() {
    let mut server = Server::start().await;
    server.force_breaker("open").await;
    let call = approved_for(&server, "seat-1", 2).await;
    // An attempt that a kill cuts off may have been sent: it is found out, and what it took goes back.
    waits_for_the_gateway(&server.customer("mina"), &call).await;
    server.kill();
    // The period ends while nobody looks.
    pause(Duration::from_millis(2_500)).await;
    server.start_again().await;
    server.call_is(&call, &["cancelled"]).await;
    server.driver_is("seat-1", &["available"]).await;
    server.ledger_is(&call, 0, 0).await;
}

#[tokio::test]
async fn sc_n1_a_charge_that_is_still_under_way_when_the_period_ends_goes_back() {
    let server = Setup::new().with(Knob::GatewayTimeoutMs(1_000)).start().await;
    server.simulate(json!({"timeout_rate": 1.0})).await;
    let call = approved_for(&server, "seat-1", 3).await;
    server.call_is(&call, &["cancelled"]).await;
    server.simulate(json!({})).await;
    eventually("nothing is kept", async || {
        let (ledger, payment) = (server.ledger(&call).await, server.operator().call(&call).await["payment"].clone());
        let settled = ledger.charges == ledger.refunds && ledger.charges <= 1;
        let known = !matches!(payment["status"].as_str(), Some("charging" | "unknown" | "charged" | "refunding"));
        if settled && known { Ok(()) } else { Err(format!("{ledger:?} {payment}")) }
    })
    .await;
}

#[tokio::test]
async fn giving_the_kept_card_again_leaves_no_trace() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    register_seat(&server, "seat-1").await;
    let (ride, seat) = (request_ride(&customer, "tok_ok").await, select(&customer, "seat-1", "tok_ok").await);
    for call in [ride, seat] {
        for _ in 0..30 {
            customer.pay(&call, "tok_ok").await.expect(200);
        }
        assert_eq!(count(&customer, &call, "method_given").await, 0, "it came with the request");
        for method in ["tok_other", "tok_other", "tok_ok"] {
            customer.pay(&call, method).await.expect(200);
        }
        eventually("another card is another event", async || {
            let given = count(&customer, &call, "method_given").await;
            if given == 2 { Ok(()) } else { Err(format!("{given}")) }
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_asked_again_while_the_gateway_takes_nothing_leaves_no_trace() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (ride, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.force_breaker("open").await;
    for _ in 0..20 {
        taxi.command(&ride, "complete").await.problem(503, "payment_unavailable");
        customer.pay(&ride, "tok_ok").await.problem(503, "payment_unavailable");
    }
    for event in ["completion_asked", "payment_started"] {
        eventually(event, async || {
            let asked = count(&customer, &ride, event).await;
            if asked == 1 { Ok(()) } else { Err(format!("{asked}")) }
        })
        .await;
    }
    server.force_breaker("auto").await;
    assert_eq!(taxi.command(&ride, "complete").await.expect(200)["status"], "completed");
    server.ledger_is(&ride, 1, 0).await;
}

#[tokio::test]
async fn a_server_does_not_start_without_the_rules_of_its_live_calls_and_goes_on_once_they_are_back() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (ride, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    let other = request_ride(&server.customer("jun"), "tok_ok").await;
    server.kill();
    server.remove_service(TAXI);
    server.lose_terms().await;
    server.start_process();
    assert_eq!(server.ended().await.code(), Some(1));
    let log = server.log();
    assert!(log.contains("2 of the service taxi") && log.contains("services/taxi.toml"), "{log}");
    server.put_back_service(TAXI);
    server.start_again().await;
    assert_eq!(taxi.command(&ride, "complete").await.expect(200)["status"], "completed");
    server.ledger_is(&ride, 1, 0).await;
    let waits: Value = server.operator().call(&other).await;
    assert_eq!(waits["status"], "dispatching", "{waits}");
}
