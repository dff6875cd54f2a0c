//! DC-1 to DC-10: what the substitute-driver service does for people when everything works.

use serde_json::json;

use crate::harness::{BUSAN, DRIVER_CALL, GANGNAM, Knob, SEOUL_STATION, Server, Setup, eventually, id_of, place, trip};

#[tokio::test]
async fn dc_1_a_customer_requests_a_driver_for_the_quoted_fare() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let quote = customer.post("/v1/quotes", trip()).await.expect(200);
    assert_eq!(quote["currency"], "KRW");
    assert!(quote["amount"].as_u64().is_some_and(|amount| amount >= 5_000), "{quote}");
    let distance = quote["distance_m"].as_f64().expect("a distance");
    assert!((7_000.0..30_000.0).contains(&distance), "Gangnam to Seoul station is about 8 km: {quote}");
    let mut body = trip();
    body["quote"] = quote["quote"].clone();
    body["note"] = json!("흰색 SUV");
    let call = customer.post("/v1/calls", body).await.expect(201);
    assert!(id_of(&call).starts_with("call_"), "{call}");
    assert_eq!(call["service"], DRIVER_CALL);
    assert_eq!(call["status"], "requested");
    assert_eq!(call["customer_id"], "mina");
    assert_eq!(call["fare"], json!({"amount": quote["amount"], "currency": "KRW"}));
    assert_eq!(call["payment"]["status"], "created");
    assert_eq!(call["pickup"]["lat"], GANGNAM.0);
    assert_eq!(call["dropoff"]["lng"], SEOUL_STATION.1);
    assert!(call["label"]["ko"].is_string() && call["label"]["en"].is_string(), "{call}");
    assert!(call["driver"].is_null(), "{call}");
    assert_eq!(customer.call(&id_of(&call)).await, call);
}

#[tokio::test]
async fn dc_2_the_customer_pays_the_quoted_fare_in_advance() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let requested = customer.request_call().await;
    let id = id_of(&requested);
    let paid = customer.pay(&id, "tok_ok").await.expect(200);
    assert_eq!(paid["status"], "dispatching");
    assert_eq!(paid["payment"]["status"], "charged");
    assert_eq!(paid["payment"]["charged"], requested["fare"]);
    let ledger = server.ledger(&id).await;
    assert_eq!((ledger.charges, ledger.refunds), (1, 0));
    assert_eq!(ledger.charged, requested["fare"]["amount"].as_u64().expect("an amount"));
}

#[tokio::test]
async fn dc_2_a_call_is_paid_with_the_request() {
    let server = Server::start().await;
    let id = server.customer("mina").request_paid_call().await;
    let call = server.customer("mina").call(&id).await;
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("dispatching"), &json!("charged")));
}

#[tokio::test]
async fn dc_3_a_paid_call_is_offered_to_drivers() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.offered(&id).await;
    server.driver_is("driver-a", &["offered"]).await;
    // It may see what it is offered.
    assert_eq!(driver.call(&id).await["status"], "dispatching");
}

#[tokio::test]
async fn dc_3_an_unpaid_call_is_never_offered() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let unpaid = id_of(&customer.request_call().await);
    let paid = server.customer("jun").request_paid_call().await;
    driver.offered(&paid).await;
    // The later, paid call has come through, so the earlier one would have.
    assert_eq!(driver.offers().await, std::slice::from_ref(&paid));
    assert_eq!(customer.call(&unpaid).await["status"], "requested");
    driver.command(&unpaid, "accept").await.client_error();
    driver.command(&paid, "accept").await.expect(200);
    // Once paid, it is offered too.
    let other = server.register_driver("driver-b", GANGNAM).await;
    customer.pay(&unpaid, "tok_ok").await.expect(200);
    other.offered(&unpaid).await;
}

#[tokio::test]
async fn dc_4_exactly_one_accept_wins_and_the_other_driver_gets_409() {
    let server = Setup::new().with(Knob::OffersPerRound(10)).start().await;
    let first = server.register_driver("driver-a", GANGNAM).await;
    let second = server.register_driver("driver-b", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    first.offered(&id).await;
    second.offered(&id).await;
    let won = first.command(&id, "accept").await.expect(200);
    assert_eq!(won["status"], "assigned");
    assert_eq!(won["driver"]["id"], "driver-a");
    let lost = second.command(&id, "accept").await.problem(409, "call_taken");
    assert_eq!((&lost["call"]["id"], &lost["call"]["status"]), (&json!(id), &json!("assigned")));
    assert!(lost["call"].get("customer_id").is_none() && lost["call"].get("driver").is_none(), "{lost}");
    server.driver_is("driver-a", &["engaged"]).await;
    server.driver_is("driver-b", &["available"]).await;
    second.no_longer_offered(&id).await;
}

#[tokio::test]
async fn dc_4_accepting_a_cancelled_call_gets_409() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.offered(&id).await;
    customer.command(&id, "cancel").await.expect(200);
    driver.command(&id, "accept").await.problem(409, "call_taken");
    server.driver_is("driver-a", &["available"]).await;
}

#[tokio::test]
async fn dc_5_the_customer_sees_the_progress_live() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let id = customer.request_paid_call().await;
    screen.call_is(&id, "dispatching").await;
    driver.take(&id).await;
    let assigned = screen.call_is(&id, "assigned").await;
    assert_eq!(assigned["call"]["driver"]["id"], "driver-a");
    driver.post("/v1/drivers/driver-a/position", json!({"lat": 37.4985, "lng": 127.0280})).await.expect(204);
    let position =
        screen.frame_where("the driver's position", |frame| frame["type"] == "position" && frame["lat"] == 37.4985);
    assert_eq!(position.await["driver"], "driver-a");
    driver.command(&id, "start").await.expect(200);
    screen.call_is(&id, "started").await;
    driver.command(&id, "complete").await.expect(200);
    screen.call_is(&id, "completed").await;
    server.driver_is("driver-a", &["available"]).await;
}

#[tokio::test]
async fn dc_6_the_customer_can_cancel_midway() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let unpaid = id_of(&customer.request_call().await);
    assert_eq!(customer.command(&unpaid, "cancel").await.expect(200)["status"], "cancelled");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    let reason = json!({"reason": "다른 차를 탔어요"});
    let cancelled = customer.post(&format!("/v1/calls/{id}/cancel"), reason).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["cancelled_by"]), (&json!("cancelled"), &json!("customer")));
    assert_eq!(cancelled["reason"], "다른 차를 탔어요");
    server.driver_is("driver-a", &["available"]).await;
}

#[tokio::test]
async fn dc_6_a_started_call_can_no_longer_be_cancelled() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    driver.command(&id, "start").await.expect(200);
    let problem = customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    assert_eq!(problem["call"]["status"], "started", "a refusal carries the call: {problem}");
    assert_eq!(server.ledger(&id).await.refunds, 0);
}

#[tokio::test]
async fn dc_7_a_cancel_cancels_the_payment() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let cancelled = customer.command(&id, "cancel").await.expect(200);
    let status = cancelled["payment"]["status"].as_str().unwrap_or_default();
    assert!(["refunding", "refunded"].contains(&status), "{cancelled}");
    let call = server.payment_is(&id, &["refunded"]).await;
    assert_eq!(call["status"], "cancelled");
    assert_eq!(call["payment"]["refunded"], call["payment"]["charged"]);
    let ledger = server.ledger_is(&id, 1, 1).await;
    assert_eq!(ledger.charged, ledger.refunded);
}

#[tokio::test]
async fn dc_8_my_page_shows_everything_that_ever_happened_to_the_call() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    customer.pay(&id, "tok_declined").await.problem(402, "payment_declined");
    customer.pay(&id, "tok_ok").await.expect(200);
    driver.take(&id).await;
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["refunded"]).await;
    let mine = eventually("My Page shows the refunded call", async || {
        let page = customer.get("/v1/me/calls").await.expect(200);
        let shown = page["items"].as_array().and_then(|items| items.iter().find(|call| call["id"] == id.as_str()));
        let refunded = shown.filter(|call| call["status"] == "cancelled" && call["payment"]["status"] == "refunded");
        refunded.cloned().ok_or_else(|| page.to_string())
    });
    assert_eq!(mine.await["cancelled_by"], "customer");
    let timeline = eventually("the timeline is complete", async || {
        let timeline = customer.timeline(&id).await;
        // Requested, declined, charged, assigned, cancelled, refunded at the very least.
        if timeline.len() >= 6 { Ok(timeline) } else { Err(format!("{timeline:?}")) }
    })
    .await;
    for entry in &timeline {
        assert!(entry["seq"].is_u64() && entry["at"].is_string() && entry["event"].is_string(), "{entry}");
        assert!(!entry["description"].is_null(), "{entry}");
    }
    let times: Vec<_> = timeline.iter().filter_map(|entry| entry["at"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn dc_9_a_call_outside_the_service_area_is_denied() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", BUSAN).await;
    let customer = server.customer("mina");
    let mut body = trip();
    body["pickup"] = place(BUSAN);
    let problem = customer.post("/v1/calls", body.clone()).await.problem(422, "out_of_area");
    assert_eq!(problem["call"]["status"], "denied", "{problem}");
    customer.post("/v1/quotes", body).await.problem(422, "out_of_area");
    let id = id_of(&problem["call"]);
    assert_eq!(customer.call(&id).await["status"], "denied");
    customer.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
    customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    assert_eq!(driver.offers().await, Vec::<String>::new());
}

#[tokio::test]
async fn dc_9_a_denied_call_that_was_paid_is_refunded_and_stays_denied() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut body = trip();
    body["pickup"] = place(BUSAN);
    body["payment"] = json!({"method": "tok_ok"});
    let problem = customer.post("/v1/calls", body).await.problem(422, "out_of_area");
    let id = id_of(&problem["call"]);
    eventually("nothing that was charged is kept", async || {
        let (call, ledger) = (customer.call(&id).await, server.ledger(&id).await);
        let settled = if ledger.charges == 0 { "created" } else { "refunded" };
        let even = ledger.charged == ledger.refunded && call["payment"]["status"] == settled;
        if even && call["status"] == "denied" { Ok(()) } else { Err(format!("{call} {ledger:?}")) }
    })
    .await;
}

#[tokio::test]
async fn dc_10_a_payment_under_the_minimum_is_refused() {
    // A way costs enough; without any there is only the base.
    let server = Setup::new().with(Knob::FlatFare(4_999)).policy(DRIVER_CALL, "fare.per_km", 100).start().await;
    let customer = server.customer("mina");
    let mut body = json!({"service": DRIVER_CALL, "pickup": place(GANGNAM), "dropoff": place(GANGNAM)});
    body["payment"] = json!({"method": "tok_ok"});
    let refusal = customer.post("/v1/calls", body).await;
    let problem = refusal.problem(422, "payment_below_minimum");
    let detail = problem["detail"].as_str().unwrap_or_default().replace(',', "");
    assert!(detail.contains("4999") && detail.contains("5000"), "says what it is and what it must be: {detail}");
    if let Some(id) = problem["call"]["id"].as_str() {
        assert_eq!(server.ledger(id).await.charges, 0);
    }
}

#[tokio::test]
async fn dc_10_a_payment_of_the_minimum_is_taken() {
    let server = Setup::new().with(Knob::FlatFare(5_000)).start().await;
    let id = server.customer("mina").request_paid_call().await;
    assert_eq!(server.ledger(&id).await.charged, 5_000);
}
