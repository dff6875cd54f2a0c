//! How a paid call finds its driver: rounds, expiry, declines, and a hundred accepts at once.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{GANGNAM, Knob, Server, Setup, call_named_by, id_of, trip_paid_with};

#[tokio::test]
async fn of_a_hundred_accepts_at_once_exactly_one_wins_and_nobody_else_is_left_held() {
    let server = Setup::new().with(Knob::OffersPerRound(100)).with(Knob::OfferExpiresS(60)).start().await;
    let names: Vec<_> = (0..100).map(|n| format!("driver-{n}")).collect();
    let drivers = join_all(names.iter().map(|name| server.register_driver(name, GANGNAM))).await;
    let id = server.customer("mina").request_paid_call().await;
    join_all(drivers.iter().map(|driver| driver.offered(&id))).await;
    let replies = join_all(drivers.iter().map(|driver| driver.command(&id, "accept"))).await;
    let winners: Vec<_> = replies.iter().zip(&names).filter(|(reply, _)| reply.status == 200).collect();
    assert_eq!(winners.len(), 1);
    let winner = winners[0].1;
    for (reply, _) in replies.iter().zip(&names).filter(|(_, name)| *name != winner) {
        reply.clone().problem(409, "call_taken");
    }
    let call = server.call_is(&id, &["assigned"]).await;
    assert_eq!(call["driver"]["id"], winner.as_str());
    server.driver_is(winner, &["engaged"]).await;
    join_all(names.iter().filter(|name| *name != winner).map(|name| server.driver_is(name, &["available"]))).await;
}

#[tokio::test]
async fn the_nearest_driver_is_asked_first() {
    let server = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(60)).start().await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.012, GANGNAM.1)).await;
    let near = server.register_driver("driver-near", (GANGNAM.0 + 0.001, GANGNAM.1)).await;
    let id = server.customer("mina").request_paid_call().await;
    near.offered(&id).await;
    assert_eq!(far.offers().await, Vec::<String>::new());
    far.command(&id, "accept").await.problem(409, "not_offered");
}

#[tokio::test]
async fn a_declined_offer_goes_to_the_next_driver() {
    let server = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(60)).start().await;
    let near = server.register_driver("driver-near", GANGNAM).await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.01, GANGNAM.1)).await;
    let id = server.customer("mina").request_paid_call().await;
    near.offered(&id).await;
    near.command(&id, "decline").await.expect(200);
    near.no_longer_offered(&id).await;
    near.command(&id, "decline").await.expect(200);
    far.take(&id).await;
    server.driver_is("driver-near", &["available"]).await;
}

#[tokio::test]
async fn an_offer_nobody_answers_lapses_and_the_next_driver_is_asked() {
    let server = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(1)).start().await;
    let near = server.register_driver("driver-near", GANGNAM).await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.01, GANGNAM.1)).await;
    let id = server.customer("mina").request_paid_call().await;
    near.offered(&id).await;
    far.take(&id).await;
    server.driver_is("driver-near", &["available"]).await;
    assert_eq!(server.call_is(&id, &["assigned"]).await["driver"]["id"], "driver-far");
}

#[tokio::test]
async fn an_offer_says_until_when_it_stands() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.offered(&id).await;
    let offers = driver.get("/v1/drivers/driver-a/offers").await.expect(200);
    let offer = &offers["items"][0];
    assert_eq!(call_named_by(offer), Some(id.as_str()));
    let expires: jiff::Timestamp = offer["expires_at"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    let call = server.call_is(&id, &["dispatching"]).await;
    let created: jiff::Timestamp = call["created_at"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    assert!(expires > created, "{offer} {call}");
}

#[tokio::test]
async fn a_driver_who_becomes_available_gets_the_call_that_waits() {
    let server = Server::start().await;
    let id = server.customer("mina").request_paid_call().await;
    let driver = server.register_driver("driver-late", GANGNAM).await;
    driver.take(&id).await;
}

#[tokio::test]
async fn a_driver_who_is_offline_or_engaged_gets_no_offers() {
    let server = Setup::new().with(Knob::OffersPerRound(10)).start().await;
    let engaged = server.register_driver("driver-engaged", GANGNAM).await;
    let first = server.customer("mina").request_paid_call().await;
    engaged.take(&first).await;
    let offline = server.register_driver("driver-offline", GANGNAM).await;
    offline.put("/v1/drivers/driver-offline/availability", json!({"available": false})).await.ok();
    server.driver_is("driver-offline", &["offline"]).await;
    let free = server.register_driver("driver-free", GANGNAM).await;
    let second = server.customer("jun").request_paid_call().await;
    free.offered(&second).await;
    assert_eq!(engaged.offers().await, Vec::<String>::new());
    assert_eq!(offline.offers().await, Vec::<String>::new());
    engaged.command(&second, "accept").await.client_error();
}

#[tokio::test]
async fn a_driver_holds_one_call_at_a_time() {
    let server = Setup::new().with(Knob::OffersPerRound(10)).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let first = server.customer("mina").request_paid_call().await;
    let second = server.customer("jun").request_paid_call().await;
    let (one, two) = tokio::join!(driver.command(&first, "accept"), driver.command(&second, "accept"));
    assert!([one.status, two.status].iter().filter(|status| **status == 200).count() <= 1, "{one:?} {two:?}");
    for call in [&first, &second] {
        let call = server.call_is(call, &["dispatching", "assigned"]).await;
        assert!(call["status"] == "dispatching" || call["driver"]["id"] == "driver-a", "{call}");
    }
}

#[tokio::test]
async fn a_call_without_a_driver_is_cancelled_by_the_system_at_its_deadline_and_refunded() {
    let server = Setup::new().with(Knob::DispatchDeadlineS(1)).start().await;
    let id = server.customer("mina").request_paid_call().await;
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!(call["cancelled_by"], "system");
    server.payment_is(&id, &["refunded"]).await;
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn an_engaged_driver_cannot_be_retired_and_a_free_one_can() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.take(&id).await;
    let operator = server.operator();
    assert_eq!(operator.delete("/v1/drivers/driver-a").await.status, 409);
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
    server.driver_is("driver-a", &["available"]).await;
    operator.delete("/v1/drivers/driver-a").await.ok();
    server.driver_is("driver-a", &["retired"]).await;
}

#[tokio::test]
async fn repeating_a_command_that_took_effect_answers_the_same_state() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.take(&id).await;
    for command in ["accept", "start", "start", "complete", "complete"] {
        driver.command(&id, command).await.expect(200);
    }
    assert_eq!(server.call_is(&id, &["completed"]).await["driver"]["id"], "driver-a");
    driver.command(&id, "start").await.problem(409, "illegal_transition");
}

/// The offer would stand for a minute; the call does not wait that long for somebody who cannot come.
#[tokio::test]
async fn a_call_offered_to_a_driver_who_took_another_one_goes_to_the_next() {
    let server = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(60)).start().await;
    let near = server.register_driver("driver-near", GANGNAM).await;
    let (first, second) =
        (server.customer("mina").request_paid_call().await, server.customer("jisu").request_paid_call().await);
    near.offered(&first).await;
    near.offered(&second).await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.01, GANGNAM.1)).await;
    near.command(&first, "accept").await.expect(200);
    far.take(&second).await;
    near.no_longer_offered(&second).await;
    assert_eq!(server.call_is(&first, &["assigned"]).await["driver"]["id"], "driver-near");
}

#[tokio::test]
async fn the_offers_of_a_driver_who_goes_offline_go_to_the_next() {
    let server = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(60)).start().await;
    let near = server.register_driver("driver-near", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    near.offered(&id).await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.01, GANGNAM.1)).await;
    near.put("/v1/drivers/driver-near/availability", json!({"available": false})).await.expect(200);
    far.take(&id).await;
    near.no_longer_offered(&id).await;
}

#[tokio::test]
async fn the_offers_of_a_driver_who_changes_its_service_go_to_the_next() {
    let server = Setup::new().with(Knob::OffersPerRound(1)).with(Knob::OfferExpiresS(60)).start().await;
    let near = server.register_driver("driver-near", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    near.offered(&id).await;
    let far = server.register_driver("driver-far", (GANGNAM.0 + 0.01, GANGNAM.1)).await;
    near.put("/v1/drivers/driver-near", json!({"service": "taxi", "name": "김"})).await.expect(200);
    far.take(&id).await;
    near.no_longer_offered(&id).await;
}

#[tokio::test]
async fn who_has_a_call_cannot_decline_it_and_who_is_offered_one_cannot_cancel_it() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.offered(&id).await;
    driver.command(&id, "cancel").await.problem(403, "forbidden");
    driver.command(&id, "accept").await.expect(200);
    let refused = driver.command(&id, "decline").await.problem(409, "illegal_transition");
    assert_eq!(refused["call"]["status"], "assigned");
}

#[tokio::test]
async fn a_driver_whom_an_operator_retired_cannot_register_itself_again() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let operator = server.operator();
    operator.delete("/v1/drivers/driver-a").await.expect(200);
    let profile = json!({"service": "driver-call", "name": "김"});
    driver.put("/v1/drivers/driver-a", profile.clone()).await.problem(409, "illegal_transition");
    server.driver_is("driver-a", &["retired"]).await;
    operator.put("/v1/drivers/driver-a", profile).await.expect(200);
    server.driver_is("driver-a", &["offline"]).await;
}

#[tokio::test]
async fn no_registration_that_meets_a_retirement_undoes_it() {
    let server = Server::start().await;
    let (operator, driver) = (server.operator(), server.driver("driver-a"));
    for round in 0..20 {
        let profile = |name: String| json!({"service": "driver-call", "name": name});
        operator.put("/v1/drivers/driver-a", profile("김".to_owned())).await.ok();
        let registers = async {
            // Other data each time: a repetition would change nothing.
            for turn in 0..10 {
                driver.put("/v1/drivers/driver-a", profile(format!("김 {round} {turn}"))).await;
            }
        };
        let retires = async { operator.delete("/v1/drivers/driver-a").await.expect(200) };
        tokio::join!(registers, retires);
        assert_eq!(operator.get("/v1/drivers/driver-a").await.expect(200)["status"], "retired", "round {round}");
    }
}

#[tokio::test]
async fn an_offer_shows_little_of_the_customer_and_the_call_shows_the_rest() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut app = driver.ws().await;
    let mut body = trip_paid_with("tok_ok");
    body["note"] = json!("gate 4711");
    body["pickup"]["address"] = json!("강남역 12번 출구");
    let id = id_of(&server.customer("mina").post("/v1/calls", body).await.expect(201));
    let offered = app.next_about("offer", &id).await["call"].clone();
    let listed = driver.get("/v1/drivers/driver-a/offers").await.expect(200)["items"][0]["call"].clone();
    for shown in [offered, listed, driver.call(&id).await] {
        for hidden in ["customer_id", "note"] {
            assert!(shown[hidden].is_null(), "{hidden}: {shown}");
        }
        assert!(shown["pickup"]["address"].is_null() && shown["pickup"]["lat"].is_f64(), "{shown}");
        assert!(shown["dropoff"]["lat"].is_f64() && shown["fare"]["amount"].is_u64(), "{shown}");
    }
    let taken = driver.take(&id).await;
    assert_eq!((&taken["note"], &taken["customer_id"]), (&json!("gate 4711"), &json!("mina")), "{taken}");
    assert_eq!(taken["pickup"]["address"], "강남역 12번 출구");
}

#[tokio::test]
async fn what_an_offer_shows_is_the_services_policy() {
    let shows = toml::Value::Array(vec!["note".into(), "address".into()]);
    let server = Setup::new().policy("driver-call", "dispatch.offer_shows", shows).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut body = trip_paid_with("tok_ok");
    body["note"] = json!("gate 4711");
    body["pickup"]["address"] = json!("강남역");
    let id = id_of(&server.customer("mina").post("/v1/calls", body).await.expect(201));
    driver.offered(&id).await;
    let shown = driver.call(&id).await;
    assert_eq!((&shown["note"], &shown["pickup"]["address"]), (&json!("gate 4711"), &json!("강남역")), "{shown}");
    assert!(shown["dropoff"].is_null() && shown["customer_id"].is_null(), "{shown}");
}
