//! A car that is not back when its period ends: whoever wants it now does not get it, and nobody gets a second one's.

use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{Client, Server, eventually, id_of, pause},
    rental::{booking_in, register_car},
};

/// Hands a car over for a period that ends in a moment, and lets it end.
async fn overdue(server: &Server, customer: &Client, car: &str) -> String {
    let id = id_of(&customer.post("/v1/calls", booking_in(car, 0, 2)).await.expect(201));
    server.operator().command(&id, "start").await.expect(200);
    pause(Duration::from_millis(2_100)).await;
    id
}

#[tokio::test]
async fn rc_7_a_car_that_is_overdue_cannot_be_booked_for_now_until_it_is_back() {
    let mut server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, jun, operator) = (server.customer("mina"), server.customer("jun"), server.operator());
    let out = overdue(&server, &mina, "car-1").await;
    for restart in [false, true] {
        if restart {
            server.kill_and_start_again().await;
        }
        server.driver_is("car-1", &["engaged"]).await;
        let refused = jun.post("/v1/calls", booking_in("car-1", 0, 3_600)).await.problem(409, "driver_unavailable");
        server.ledger_is(&id_of(&refused["call"]), 0, 0).await;
    }
    jun.post("/v1/calls", booking_in("car-1", 3_600, 7_200)).await.expect(201);
    operator.command(&out, "complete").await.expect(200);
    server.driver_is("car-1", &["available"]).await;
    jun.post("/v1/calls", booking_in("car-1", 0, 3_000)).await.expect(201);
}

#[tokio::test]
async fn rc_6_a_car_that_is_still_out_is_not_handed_over_to_the_next_customer() {
    let mut server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, jun, operator) = (server.customer("mina"), server.customer("jun"), server.operator());
    let next = id_of(&jun.post("/v1/calls", booking_in("car-1", 3, 3_600)).await.expect(201));
    let out = overdue(&server, &mina, "car-1").await;
    pause(Duration::from_secs(1)).await;
    for restart in [false, true] {
        if restart {
            server.kill_and_start_again().await;
        }
        let refused = operator.command(&next, "start").await.problem(409, "driver_unavailable");
        assert_eq!(refused["call"]["status"], "assigned", "{refused}");
        jun.command(&next, "start").await.problem(403, "forbidden");
    }
    operator.command(&out, "start").await.expect(200);
    operator.command(&out, "complete").await.expect(200);
    eventually("the next customer gets it", async || {
        let reply = operator.command(&next, "start").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.problem(409, "driver_unavailable").to_string()) }
    })
    .await;
    assert_eq!(jun.call(&next).await["status"], "started");
    let shown = server.operator().get("/v1/drivers/car-1").await.expect(200);
    assert_eq!((&shown["status"], shown["bookings"].as_array().map(Vec::len)), (&json!("engaged"), Some(1)));
}

#[tokio::test]
async fn rc_6_a_hand_over_that_a_cancel_overtakes_leaves_the_car_free() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, operator) = (server.customer("mina"), server.operator());
    for _ in 0..5 {
        let id = id_of(&mina.post("/v1/calls", booking_in("car-1", 0, 3_600)).await.expect(201));
        let (started, cancelled) = tokio::join!(operator.command(&id, "start"), mina.command(&id, "cancel"));
        let status = server.call_is(&id, &["started", "cancelled"]).await["status"].clone();
        let one_won = (started.status == 200) != (cancelled.status == 200);
        assert!(one_won, "{status}: {} {}", started.text, cancelled.text);
        assert_eq!(status == "started", started.status == 200);
        if status == "started" {
            operator.command(&id, "complete").await.expect(200);
        }
        server.driver_is("car-1", &["available"]).await;
    }
}

#[tokio::test]
async fn rc_n4_a_car_that_nobody_came_for_is_available_when_its_period_ends() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    let missed = id_of(&mina.post("/v1/calls", booking_in("car-1", 0, 2)).await.expect(201));
    server.driver_is("car-1", &["engaged"]).await;
    server.driver_is("car-1", &["available"]).await;
    eventually("the register says so", async || {
        let page = mina.get("/v1/drivers?service=rental&status=available").await.expect(200);
        if page["items"][0]["id"] == "car-1" { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    let next = id_of(&jun.post("/v1/calls", booking_in("car-1", 0, 3_600)).await.expect(201));
    // Who comes too late does not get what is another one's by now.
    server.operator().command(&missed, "start").await.problem(409, "driver_unavailable");
    server.operator().command(&next, "start").await.expect(200);
}

#[tokio::test]
async fn rc_7_a_car_is_handed_over_early_only_if_nobody_else_has_it_until_then() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, jun, operator) = (server.customer("mina"), server.customer("jun"), server.operator());
    let late = id_of(&mina.post("/v1/calls", booking_in("car-1", 7_200, 10_800)).await.expect(201));
    // It ends before the other begins, also when a second passes between the two.
    let early = id_of(&jun.post("/v1/calls", booking_in("car-1", 3_600, 7_190)).await.expect(201));
    let refused = operator.command(&late, "start").await.problem(409, "driver_unavailable");
    assert_eq!((&refused["call"]["status"], &refused["detail"]), (&json!("assigned"), &json!("the car is engaged")));
    operator.command(&early, "start").await.expect(200);
    // It is out from now on, not only from then.
    jun.post("/v1/calls", booking_in("car-1", 60, 3_000)).await.problem(409, "driver_unavailable");
    operator.command(&early, "complete").await.expect(200);
    server.driver_is("car-1", &["available"]).await;
    operator.command(&late, "start").await.expect(200);
}

#[tokio::test]
async fn rc_2_nothing_is_paid_for_a_period_that_is_over() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let mina = server.customer("mina");
    let mut unpaid = booking_in("car-1", 0, 2);
    unpaid.as_object_mut().expect("a body").remove("payment");
    let id = id_of(&mina.post("/v1/calls", unpaid).await.expect(201));
    assert_eq!(server.call_is(&id, &["cancelled"]).await["cancelled_by"], "system");
    mina.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
    server.ledger_is(&id, 0, 0).await;
    server.driver_is("car-1", &["available"]).await;
}
