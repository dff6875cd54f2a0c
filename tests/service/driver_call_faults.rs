//! DC-N1 to DC-N5: what the substitute-driver service keeps to when something is down.

use serde_json::json;

use crate::harness::{GANGNAM, Knob, Server, Setup, eventually, id_of, pause, trip_paid_with};

#[tokio::test]
async fn dc_n1_a_crash_between_cancel_and_refund_ends_in_the_same_state() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    server.simulate(json!({"down": true})).await;
    let cancelled = customer.command(&id, "cancel").await.expect(200);
    assert_eq!(cancelled["status"], "cancelled", "a refund never blocks a cancel: {cancelled}");
    server.payment_is(&id, &["refunding"]).await;
    for kind in ["payment", "call"] {
        server.crash(kind, &id).await;
    }
    server.simulate(json!({})).await;
    let call = server.payment_is(&id, &["refunded"]).await;
    assert_eq!((&call["status"], &call["cancelled_by"]), (&json!("cancelled"), &json!("customer")));
    let ledger = server.ledger(&id).await;
    assert_eq!((ledger.charges, ledger.refunds, ledger.charged), (1, 1, ledger.refunded));
}

#[tokio::test]
async fn dc_n1_a_kill_between_cancel_and_refund_ends_in_the_same_state() {
    let mut server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    server.simulate(json!({"down": true})).await;
    customer.command(&id, "cancel").await.expect(200);
    server.kill_and_start_again().await;
    server.simulate(json!({})).await;
    let call = server.payment_is(&id, &["refunded"]).await;
    assert_eq!(call["status"], "cancelled");
    server.driver_is("driver-a", &["available"]).await;
    let ledger = server.ledger(&id).await;
    assert_eq!((ledger.charges, ledger.refunds), (1, 1));
}

#[tokio::test]
async fn dc_n2_a_call_whose_payment_failed_is_never_offered() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let declined = customer.post("/v1/calls", trip_paid_with("tok_declined")).await.problem(402, "payment_declined");
    assert_eq!(declined["call"]["status"], "requested", "{declined}");
    server.simulate(json!({"down": true})).await;
    let failed = customer.post("/v1/calls", trip_paid_with("tok_ok")).await.problem(503, "payment_unavailable");
    assert_eq!(failed["call"]["status"], "requested", "{failed}");
    server.simulate(json!({})).await;
    server.force_breaker("closed").await;
    let paid = server.customer("jun").request_paid_call().await;
    driver.offered(&paid).await;
    assert_eq!(driver.offers().await, [paid], "the two unpaid calls came before and are not among them");
}

#[tokio::test]
async fn dc_n3_every_status_change_notifies_the_people_concerned() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
    // Paid, assigned, started, completed; offer and assigned.
    for notification in customer.notified_about(&id, 4).await.iter().chain(&driver.notified_about(&id, 2).await) {
        assert!(notification["text"]["ko"].is_string() && notification["text"]["en"].is_string(), "{notification}");
        assert!(notification["at"].is_string(), "{notification}");
    }
}

#[tokio::test]
async fn dc_n3_a_cancel_and_its_refund_notify_both_sides() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    let before = driver.notified_about(&id, 2).await.len();
    customer.command(&id, "cancel").await.expect(200);
    // Paid, assigned, cancelled, refunded.
    customer.notified_about(&id, 4).await;
    driver.notified_about(&id, before + 1).await;
}

#[tokio::test]
async fn dc_n4_calls_are_requested_and_paid_while_the_whole_driver_side_is_down() {
    let server = Server::start().await;
    let drivers = ["driver-a", "driver-b"];
    for id in drivers {
        server.register_driver(id, GANGNAM).await;
        server.park("driver", id).await;
    }
    server.park("dispatcher", "driver-call").await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let call = customer.call(&id).await;
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("dispatching"), &json!("charged")));
    server.resume("dispatcher", "driver-call").await;
    for id in drivers {
        server.resume("driver", id).await;
    }
    let driver = server.driver("driver-a");
    driver.offered(&id).await;
    driver.command(&id, "accept").await.expect(200);
}

#[tokio::test]
async fn dc_n5_an_overloaded_payment_system_holds_requests_back_and_leads_to_a_retry() {
    let server = Setup::new().with(Knob::GuardRoom { in_flight: 1, queue: 1 }).start().await;
    server.simulate(json!({"latency_ms": 700})).await;
    let customers: Vec<_> = (0..12).map(|n| server.customer(&format!("customer-{n}"))).collect();
    let requests = customers.iter().map(|customer| customer.post("/v1/calls", trip_paid_with("tok_ok")));
    let replies = futures_util::future::join_all(requests).await;
    let refused: Vec<_> = replies.iter().zip(&customers).filter(|(reply, _)| reply.status != 201).collect();
    assert!(!refused.is_empty(), "twelve payments at once do not fit in a guard with room for two");
    assert!(refused.len() < replies.len(), "what was let in is finished");
    server.simulate(json!({})).await;
    for (reply, customer) in refused {
        let problem = reply.clone().problem(503, "payment_unavailable");
        let id = id_of(&problem["call"]);
        assert_eq!(problem["call"]["status"], "requested", "{problem}");
        pause(std::time::Duration::from_secs(reply.retry_after().expect("Retry-After").min(3))).await;
        eventually("a retry is taken", async || {
            let retry = customer.pay(&id, "tok_ok").await;
            if retry.status == 200 { Ok(()) } else { Err(retry.text) }
        })
        .await;
        assert_eq!(server.ledger(&id).await.charges, 1);
    }
}
