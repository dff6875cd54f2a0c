//! How much one customer may hold without paying, and how far ahead.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{GANGNAM, Setup, id_of, place, trip},
    rental::booking_in,
    studycafe::register_seat,
};

fn seat_for(id: &str, in_s: i64, seconds: i64) -> Value {
    let mut body = booking_in(id, in_s, in_s + seconds);
    body["service"] = json!("studycafe");
    body["pickup"] = place(GANGNAM);
    body
}

#[tokio::test]
async fn sc_1_a_seat_has_only_so_many_open_bookings_and_one_that_ends_makes_room() {
    let server = Setup::new().policy("studycafe", "booking.per_driver_max", 3).start().await;
    register_seat(&server, "seat-1").await;
    let customer = server.customer("mina");
    let book = async |hour: i64| customer.post("/v1/calls", seat_for("seat-1", 3_600 * hour, 3_600)).await;
    let mut calls = Vec::new();
    for hour in 1..=3 {
        calls.push(id_of(&book(hour).await.expect(201)));
    }
    book(4).await.problem(409, "driver_unavailable");
    customer.command(&calls[0], "cancel").await.expect(200);
    server.call_is(&calls[0], &["cancelled"]).await;
    crate::harness::eventually("there is room for another one", async || {
        let reply = book(4).await;
        if reply.status == 201 { Ok(()) } else { Err(reply.text) }
    })
    .await;
}

#[tokio::test]
async fn rc_2_a_period_is_neither_too_short_nor_too_far_ahead() {
    let server = Setup::new().policy("studycafe", "booking.period_min_s", 600).start().await;
    register_seat(&server, "seat-1").await;
    let customer = server.customer("mina");
    let refused = customer.post("/v1/calls", seat_for("seat-1", 60, 599)).await.problem(400, "invalid_request");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("shorter than 600 s")), "{refused}");
    let mut far = seat_for("seat-1", 60, 600);
    far["period"] = json!({"from": "9998-12-31T00:00:00Z", "to": "9999-01-01T00:00:00Z"});
    let refused = customer.post("/v1/calls", far).await.problem(400, "invalid_request");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("from now")), "{refused}");
    customer.post("/v1/calls", seat_for("seat-1", 60, 600)).await.expect(201);
}

#[tokio::test]
async fn dc_2_a_customer_has_only_so_many_open_calls_that_are_not_paid() {
    let mut server = Setup::new().policy("driver-call", "payment.unpaid_max", 3).start().await;
    let customer = server.customer("mina");
    let all = join_all((0..12).map(|_| customer.post("/v1/calls", trip()))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|reply| reply.status == 201);
    assert_eq!((taken.len(), refused.len()), (3, 9));
    let calls: Vec<_> = taken.into_iter().map(|reply| id_of(&reply.expect(201))).collect();
    for reply in refused {
        reply.problem(409, "too_many_unpaid");
    }
    server.customer("jun").post("/v1/calls", trip()).await.expect(201);
    server.kill_and_start_again().await;
    let customer = server.customer("mina");
    customer.post("/v1/calls", trip()).await.problem(409, "too_many_unpaid");
    customer.pay(&calls[0], "tok_ok").await.expect(200);
    customer.command(&calls[1], "cancel").await.expect(200);
    for _ in 0..2 {
        customer.post("/v1/calls", trip()).await.expect(201);
    }
    customer.post("/v1/calls", trip()).await.problem(409, "too_many_unpaid");
}
