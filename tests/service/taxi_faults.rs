//! TX-N1 to TX-N5, TX-K1 and TX-K2: what the taxi keeps to when something is down, overloaded, scarce or killed.

use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{GANGNAM, Knob, Server, Setup, eventually, id_of, pause},
    taxi::{TAXI, request_ride, ride},
};

#[tokio::test]
async fn tx_n1_a_cancel_reaches_a_taxi_that_was_down() {
    let server = Server::start().await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    server.park("driver", "taxi-a").await;
    assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled", "nobody waits for the taxi");
    server.resume("driver", "taxi-a").await;
    server.driver_is("taxi-a", &["available"]).await;
    let told = eventually("the taxi is told", async || {
        let told = taxi.notifications_about(&id).await;
        if told.iter().any(|item| item["occasion"] == "cancelled") { Ok(told) } else { Err(format!("{told:?}")) }
    })
    .await;
    assert_eq!(told.iter().filter(|item| item["occasion"] == "cancelled").count(), 1, "{told:?}");
}

#[tokio::test]
async fn tx_n1_a_kill_between_the_cancel_and_the_driver_frees_the_taxi_all_the_same() {
    let mut server = Server::start().await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    server.park("driver", "taxi-a").await;
    customer.command(&id, "cancel").await.expect(200);
    server.kill_and_start_again().await;
    server.driver_is("taxi-a", &["available"]).await;
    assert_eq!(customer.call(&id).await["status"], "cancelled");
    taxi.take(&request_ride(&customer, "tok_ok").await).await;
}

#[tokio::test]
async fn tx_n2_a_gateway_that_is_down_at_drop_off_keeps_the_ride_started_and_a_retry_works() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.simulate(json!({"down": true})).await;
    for _ in 0..3 {
        let problem = taxi.command(&id, "complete").await.problem(503, "payment_unavailable");
        assert_eq!(problem["call"]["status"], "started", "{problem}");
    }
    server.driver_is("taxi-a", &["engaged"]).await;
    server.simulate(json!({})).await;
    eventually("a retry is taken", async || {
        let reply = taxi.command(&id, "complete").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.problem(503, "payment_unavailable").to_string()) }
    })
    .await;
    assert_eq!(customer.call(&id).await["status"], "completed");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_n2_an_open_breaker_refuses_at_once_and_says_when_to_come_back() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.force_breaker("open").await;
    let problem = taxi.command(&id, "complete").await.problem(503, "payment_unavailable");
    assert_eq!(problem["call"]["status"], "started");
    assert_eq!(server.ledger(&id).await.charges, 0);
    server.force_breaker("auto").await;
    assert_eq!(taxi.command(&id, "complete").await.expect(200)["status"], "completed");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_n2_a_charge_whose_answer_never_came_completes_the_ride_once_it_is_known() {
    let server = Setup::new().with(Knob::GatewayTimeoutMs(300)).start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_timeout").await;
    let reply = taxi.command(&id, "complete").await;
    if reply.status != 200 {
        reply.problem(503, "payment_pending");
    }
    server.call_is(&id, &["completed"]).await;
    taxi.command(&id, "complete").await.expect(200);
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_n2_a_kill_while_the_fare_is_charged_bills_once_and_completes() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.simulate(json!({"latency_ms": 5_000})).await;
    let complete = taxi.request(reqwest::Method::POST, &format!("/v1/calls/{id}/complete")).send();
    let kill = async {
        // The gateway has taken the money and has not said so yet.
        server.ledger_is(&id, 1, 0).await;
        server.kill();
    };
    let (answer, ()) = tokio::join!(complete, kill);
    assert!(answer.is_err(), "the server was killed before it could answer");
    server.start_again().await;
    eventually("the ride is completed", async || {
        let reply = taxi.command(&id, "complete").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    assert_eq!(customer.call(&id).await["status"], "completed");
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("taxi-a", &["available"]).await;
}

#[tokio::test]
async fn tx_n3_rides_go_on_while_notifications_and_my_page_are_down_and_these_catch_up() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.park("readmodel", "readmodel").await;
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    taxi.command(&id, "complete").await.expect(200);
    server.resume("readmodel", "readmodel").await;
    eventually("My Page shows the ride", async || {
        let page = customer.get("/v1/me/calls").await;
        if page.body["items"][0]["status"] == "completed" { Ok(()) } else { Err(page.text) }
    })
    .await;
    let told = customer.notified_about(&id, 4).await;
    let mut occasions: Vec<_> = told.iter().filter_map(|item| item["occasion"].as_str()).collect();
    occasions.reverse();
    assert_eq!(occasions, ["assigned", "started", "paid", "completed"], "in order, once each: {told:?}");
}

#[tokio::test]
async fn tx_n4_while_supply_is_exhausted_customers_are_led_to_call_later_and_nobody_accepted_is_forgotten() {
    let setup = Setup::new().policy(TAXI, "dispatch.waiting_max", 2).policy(TAXI, "dispatch.offer_s", 1);
    let server = setup.start().await;
    let customers: Vec<_> = (0..4).map(|n| server.customer(&format!("customer-{n}"))).collect();
    let waiting = [request_ride(&customers[0], "tok_ok").await, request_ride(&customers[1], "tok_ok").await];
    for customer in &customers[2..] {
        let refusal = customer.post("/v1/calls", ride("tok_ok")).await;
        assert_eq!(refusal.status, 503, "{}", refusal.text);
        refusal.any_problem();
    }
    for (n, id) in waiting.iter().enumerate() {
        let taxi = server.taxi(&format!("taxi-{n}"), GANGNAM).await;
        eventually("a taxi takes one who waits", async || {
            let offers = taxi.offers().await;
            let mine = offers.first().ok_or_else(|| "no offer".to_owned())?;
            let reply = taxi.command(mine, "accept").await;
            if reply.status == 200 { Ok(()) } else { Err(reply.text) }
        })
        .await;
        assert_ne!(server.operator().call(id).await["status"], "cancelled");
    }
    for id in &waiting {
        server.call_is(id, &["assigned"]).await;
    }
    request_ride(&customers[2], "tok_ok").await;
}

#[tokio::test]
async fn tx_n5_every_change_of_the_ride_is_notified() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    taxi.command(&id, "complete").await.expect(200);
    for occasion in ["assigned", "started", "paid", "completed"] {
        let pushed = screen.frame_where(occasion, |frame| {
            frame["type"] == "notification" && frame.to_string().contains(&format!("\"{occasion}\""))
        });
        assert!(pushed.await.to_string().contains(&id));
    }
    let told = taxi.notified_about(&id, 2).await;
    for occasion in ["offer", "assigned"] {
        assert!(told.iter().any(|item| item["occasion"] == occasion), "{occasion}: {told:?}");
    }
}

#[tokio::test]
async fn tx_k1_the_answer_of_a_request_comes_in_time_also_when_the_server_is_killed() {
    let mut server = Setup::new().policy(TAXI, "dispatch.deadline_s", 2).start().await;
    let customer = server.customer("mina");
    let before = std::time::Instant::now();
    let id = request_ride(&customer, "tok_ok").await;
    server.kill_and_start_again().await;
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!((&call["cancelled_by"], &call["reason"]), (&json!("system"), &json!("no_driver")));
    assert!(before.elapsed() < Duration::from_secs(2 + 5), "{:?}", before.elapsed());
    customer.notified_about(&id, 1).await;
}

#[tokio::test]
async fn tx_k1_a_deadline_that_passed_while_the_server_was_down_is_answered_when_it_is_back() {
    let mut server = Setup::new().policy(TAXI, "dispatch.deadline_s", 1).start().await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = request_ride(&customer, "tok_ok").await;
    server.kill();
    pause(Duration::from_millis(1_200)).await;
    server.start_again().await;
    assert_eq!(server.call_is(&id, &["cancelled"]).await["cancelled_by"], "system");
    taxi.command(&id, "accept").await.problem(409, "call_taken");
    server.driver_is("taxi-a", &["available"]).await;
}

#[tokio::test]
async fn tx_k1_the_shipped_deadline_leaves_time_within_the_sixty_seconds() {
    let server = Server::start().await;
    let services = server.customer("mina").get("/v1/services").await.expect(200);
    let taxi = services["items"].as_array().and_then(|items| items.iter().find(|item| item["id"] == TAXI));
    assert!(taxi.is_some(), "{services}");
    let policy = include_str!("../../config/services/taxi.toml").parse::<toml::Table>().expect("TOML");
    assert!(policy["dispatch"]["deadline_s"].as_integer().is_some_and(|seconds| (1..60).contains(&seconds)));
}

#[tokio::test]
async fn tx_k2_the_answer_to_a_request_is_never_lost_whatever_else_is_down() {
    let mut server = Setup::new().policy(TAXI, "dispatch.deadline_s", 3).start().await;
    let customer = server.customer("mina");
    server.park("dispatcher", TAXI).await;
    server.park("readmodel", "readmodel").await;
    server.simulate(json!({"down": true})).await;
    let body = ride("tok_ok");
    let keyed = |key: &'static str| {
        customer.request(reqwest::Method::POST, "/v1/calls").header("Idempotency-Key", key).json(&body)
    };
    let reply = crate::harness::Client::send(keyed("once")).await;
    let id = id_of(&reply.expect(201));
    server.kill_and_start_again().await;
    let again = crate::harness::Client::send(keyed("once")).await.expect(200);
    assert_eq!(id_of(&again), id, "asking again answers the same call");
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!(call["cancelled_by"], "system");
    customer.notified_about(&id, 1).await;
}
