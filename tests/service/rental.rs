//! Car rental: the customer names the car and the period; paid = rented.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Reply, Server, Setup, eventually, id_of, pause, place};

pub(crate) const DAY: [&str; 4] =
    ["2031-03-01T09:00:00Z", "2031-03-02T09:00:00Z", "2031-03-03T09:00:00Z", "2031-03-04T09:00:00Z"];

pub(crate) async fn register_car(server: &Server, id: &str) {
    let car = json!({"service": "rental", "name": format!("차 {id}"), "plate": "12가 3456"});
    server.operator().put(&format!("/v1/drivers/{id}"), car).await.expect(201);
}

pub(crate) fn booking(car: &str, from: &str, to: &str) -> Value {
    json!({"service": "rental", "pickup": place(GANGNAM), "driver_id": car, "period": {"from": from, "to": to},
        "payment": {"method": "tok_ok"}})
}

pub(crate) async fn book(customer: &Client, car: &str, from: &str, to: &str) -> Reply {
    customer.post("/v1/calls", booking(car, from, to)).await
}

/// Waits until a page of My Page or of the register has an item that fits, and returns it.
async fn listed(client: &Client, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{path} has it"), async || {
        let page = client.get(path).await.expect(200);
        let found = page["items"].as_array().and_then(|items| items.iter().find(|item| fits(item)).cloned());
        found.ok_or_else(|| page.to_string())
    })
    .await
}

/// A booking that has begun: from now on.
fn from_now(car: &str) -> Value {
    booking_in(car, 0, 24 * 3_600)
}

/// A booking from then to then, in seconds from now.
pub(crate) fn booking_in(car: &str, from_s: i64, to_s: i64) -> Value {
    let now: i64 = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs().try_into().expect("a time");
    let at = |seconds: i64| jiff::Timestamp::from_second(now + seconds).expect("a time").to_string();
    booking(car, &at(from_s), &at(to_s))
}

#[tokio::test]
async fn rc_2_a_customer_chooses_a_car_books_a_period_and_pays_in_one_step() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let call = book(&server.customer("mina"), "car-1", DAY[0], DAY[2]).await.expect(201);
    assert_eq!((&call["status"], &call["driver"]["id"]), (&json!("assigned"), &json!("car-1")));
    assert_eq!(call["fare"], json!({"amount": 100_000, "currency": "KRW"}), "two days");
    assert_eq!(call["period"]["from"], "2031-03-01T09:00:00.000Z");
    server.ledger_is(&id_of(&call), 1, 0).await;
}

#[tokio::test]
async fn rc_3_a_car_that_is_rented_now_is_engaged_in_the_register_as_well() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let call = server.customer("mina").post("/v1/calls", from_now("car-1")).await.expect(201);
    server.driver_is("car-1", &["engaged"]).await;
    eventually("the register shows it", async || {
        let list = server.operator().get("/v1/drivers?service=rental&status=engaged").await.expect(200);
        if list["items"][0]["id"] == "car-1" { Ok(()) } else { Err(list.to_string()) }
    })
    .await;
    let id = id_of(&call);
    server.operator().command(&id, "start").await.expect(200);
    server.operator().command(&id, "complete").await.expect(200);
    server.driver_is("car-1", &["available"]).await;
}

#[tokio::test]
async fn rc_4_a_cancel_gives_the_money_back_and_the_car_is_available_again() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", from_now("car-1")).await.expect(201));
    server.driver_is("car-1", &["engaged"]).await;
    assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled");
    server.payment_is(&id, &["refunded"]).await;
    server.driver_is("car-1", &["available"]).await;
    server.ledger_is(&id, 1, 1).await;
    book(&server.customer("jun"), "car-1", DAY[0], DAY[1]).await.expect(201);
}

#[tokio::test]
async fn rc_4_a_cancel_that_meets_the_payment_leaves_no_money_behind_and_frees_the_car() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    server.simulate(json!({"latency_ms": 700})).await;
    let cancelling = async {
        let call =
            socket.frame_where("a charge under way", |frame| frame["call"]["payment"]["status"] == "charging").await;
        let id = id_of(&call["call"]);
        // The money has moved, the answer is still on its way.
        server.ledger_is(&id, 1, 0).await;
        assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled");
        id
    };
    let (_, id) = tokio::join!(book(&customer, "car-1", DAY[0], DAY[1]), cancelling);
    eventually("another customer gets the car", async || {
        let reply = book(&server.customer("jun"), "car-1", DAY[0], DAY[1]).await;
        if reply.status == 201 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    assert_eq!(server.payment_is(&id, &["refunded"]).await["status"], "cancelled");
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn rc_7_overlapping_periods_are_refused_and_adjacent_ones_are_fine() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    book(&mina, "car-1", DAY[0], DAY[2]).await.expect(201);
    let refused = book(&jun, "car-1", DAY[1], DAY[3]).await.problem(409, "driver_unavailable");
    assert_eq!(refused["call"]["status"], "denied");
    server.ledger_is(&id_of(&refused["call"]), 0, 0).await;
    book(&jun, "car-1", DAY[2], DAY[3]).await.expect(201);
}

#[tokio::test]
async fn rc_7_two_customers_at_the_same_instant_never_hold_the_same_car_for_overlapping_periods() {
    let server = Server::start().await;
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    for round in 0..10 {
        let car = format!("car-{round}");
        register_car(&server, &car).await;
        let (one, other) = tokio::join!(book(&mina, &car, DAY[0], DAY[2]), book(&jun, &car, DAY[1], DAY[3]));
        let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
        let (won, lost) = (won.expect(201), lost.problem(409, "driver_unavailable"));
        server.ledger_is(&id_of(&won), 1, 0).await;
        server.ledger_is(&id_of(&lost["call"]), 0, 0).await;
        let booked = server.operator().get(&format!("/v1/drivers/{car}")).await.expect(200)["bookings"].clone();
        let (call, from, to) = (&won["id"], &won["period"]["from"], &won["period"]["to"]);
        assert_eq!(booked, json!([{"call": call, "from": from, "to": to}]), "one booking, the winner's");
    }
}

#[tokio::test]
async fn rc_7_adjacent_periods_at_the_same_instant_are_both_booked() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    let (one, other) = tokio::join!(book(&mina, "car-1", DAY[0], DAY[1]), book(&jun, "car-1", DAY[1], DAY[2]));
    one.expect(201);
    other.expect(201);
}

#[tokio::test]
async fn rc_7_of_many_customers_at_the_same_instant_one_gets_the_car() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customers: Vec<_> = (0..20).map(|n| server.customer(&format!("customer-{n}"))).collect();
    let requests = customers.iter().map(|customer| book(customer, "car-1", DAY[0], DAY[1]));
    let replies = futures_util::future::join_all(requests).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert!(replies.iter().all(|reply| matches!(reply.status, 201 | 409)));
}

#[tokio::test]
async fn rc_n1_while_payments_cannot_be_taken_the_car_is_held_and_can_be_paid_later() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    server.simulate(json!({"down": true})).await;
    let customer = server.customer("mina");
    let problem = book(&customer, "car-1", DAY[0], DAY[1]).await.problem(503, "payment_unavailable");
    let id = id_of(&problem["call"]);
    assert_eq!(problem["call"]["status"], "requested");
    book(&server.customer("jun"), "car-1", DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
    server.simulate(json!({})).await;
    eventually("it is paid", async || {
        let reply = customer.pay(&id, "tok_ok").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    server.call_is(&id, &["assigned"]).await;
}

#[tokio::test]
async fn rc_n1_a_hold_that_is_not_paid_lapses_and_the_car_is_free_again() {
    let server = Setup::new().policy("rental", "payment.unpaid_s", 2).start().await;
    register_car(&server, "car-1").await;
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    let mut declined = booking("car-1", DAY[0], DAY[1]);
    declined["payment"]["method"] = json!("tok_declined");
    let problem = mina.post("/v1/calls", declined).await.problem(402, "payment_declined");
    let id = id_of(&problem["call"]);
    book(&jun, "car-1", DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
    assert_eq!(server.call_is(&id, &["cancelled"]).await["cancelled_by"], "system");
    mina.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
    eventually("the car can be booked", async || {
        let reply = book(&jun, "car-1", DAY[0], DAY[1]).await;
        if reply.status == 201 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    server.ledger_is(&id, 0, 0).await;
}

#[tokio::test]
async fn rc_n1_a_hold_lapses_though_the_server_was_down_when_its_time_came() {
    let mut server = Setup::new().policy("rental", "payment.unpaid_s", 2).start().await;
    register_car(&server, "car-1").await;
    let mut unpaid = booking("car-1", DAY[0], DAY[1]);
    unpaid.as_object_mut().expect("an object").remove("payment");
    let id = id_of(&server.customer("mina").post("/v1/calls", unpaid).await.expect(201));
    server.kill();
    pause(Duration::from_secs(2)).await;
    server.start_again().await;
    server.call_is(&id, &["cancelled"]).await;
    eventually("the car has no booking", async || {
        let car = server.operator().get("/v1/drivers/car-1").await.expect(200);
        if car["bookings"].is_null() { Ok(()) } else { Err(car.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn rc_5_my_page_shows_who_i_am_and_what_i_rented_and_cancelled() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customer = server.customer("mina");
    assert_eq!(customer.get("/v1/me").await.expect(200)["id"], "mina");
    let kept = id_of(&book(&customer, "car-1", DAY[0], DAY[1]).await.expect(201));
    let cancelled = id_of(&book(&customer, "car-1", DAY[1], DAY[2]).await.expect(201));
    book(&server.customer("jun"), "car-1", DAY[2], DAY[3]).await.expect(201);
    customer.command(&cancelled, "cancel").await.expect(200);
    let rented = listed(&customer, "/v1/me/calls?service=rental&status=assigned", |call| call["id"] == kept).await;
    assert_eq!(
        (&rented["driver"]["id"], &rented["period"]["to"]),
        (&json!("car-1"), &json!("2031-03-02T09:00:00.000Z"))
    );
    let over = listed(&customer, "/v1/me/calls?status=cancelled", |call| call["payment"]["status"] == "refunded").await;
    assert_eq!(over["id"], *cancelled);
    let mine = customer.get("/v1/me/calls").await.expect(200);
    assert_eq!(mine["items"].as_array().map(Vec::len), Some(2), "nobody else's: {mine}");
}

#[tokio::test]
async fn rc_6_returning_the_car_completes_the_call_and_frees_the_car() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let id = id_of(&customer.post("/v1/calls", from_now("car-1")).await.expect(201));
    operator.command(&id, "complete").await.problem(409, "illegal_transition");
    customer.command(&id, "start").await.problem(403, "forbidden");
    operator.command(&id, "start").await.expect(200);
    customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    operator.delete("/v1/drivers/car-1").await.client_error();
    assert_eq!(operator.command(&id, "complete").await.expect(200)["status"], "completed");
    assert_eq!(operator.command(&id, "complete").await.expect(200)["status"], "completed", "twice is once");
    server.driver_is("car-1", &["available"]).await;
    listed(&operator, "/v1/drivers?service=rental&status=available", |car| car["id"] == "car-1").await;
    server.ledger_is(&id, 1, 0).await;
    server.customer("jun").post("/v1/calls", from_now("car-1")).await.expect(201);
}

#[tokio::test]
async fn rc_n2_bookings_go_on_while_the_register_is_down_and_it_catches_up() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    server.park("readmodel", "readmodel").await;
    server.park("dispatcher", "rental").await;
    let call = server.customer("mina").post("/v1/calls", from_now("car-1")).await.expect(201);
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("assigned"), &json!("charged")));
    server.customer("jun").post("/v1/calls", from_now("car-1")).await.problem(409, "driver_unavailable");
    server.resume("readmodel", "readmodel").await;
    listed(&server.operator(), "/v1/drivers?service=rental&status=engaged", |car| car["id"] == "car-1").await;
}

#[tokio::test]
async fn rc_n3_an_overloaded_payment_leads_to_trying_later() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customer = server.customer("mina");
    server.force_breaker("open").await;
    let problem = book(&customer, "car-1", DAY[0], DAY[1]).await.problem(503, "payment_unavailable");
    let id = id_of(&problem["call"]);
    customer.pay(&id, "tok_ok").await.problem(503, "payment_unavailable");
    server.ledger_is(&id, 0, 0).await;
    server.force_breaker("auto").await;
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["status"], "assigned");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn rc_n4_every_change_of_rental_and_payment_is_visible_and_told() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    let id = id_of(&book(&customer, "car-1", DAY[0], DAY[1]).await.expect(201));
    socket.call_is(&id, "assigned").await;
    customer.command(&id, "cancel").await.expect(200);
    socket.call_is(&id, "cancelled").await;
    server.payment_is(&id, &["refunded"]).await;
    let told = eventually("four things are told", async || {
        let told = customer.notifications_about(&id).await;
        if told.len() == 4 { Ok(told) } else { Err(format!("{told:?}")) }
    })
    .await;
    let told: Vec<_> = told.iter().rev().map(|notice| notice["occasion"].clone()).collect();
    assert_eq!(told, ["paid", "assigned", "cancelled", "refunded"]);
    let events = eventually("the timeline is whole", async || {
        let events = json!(customer.timeline(&id).await).to_string();
        if events.contains("cancelled") { Ok(events) } else { Err(events) }
    })
    .await;
    for word in ["requested", "booked", "payment", "assigned"] {
        assert!(events.contains(word), "no {word} in {events}");
    }
}

#[tokio::test]
async fn rc_2_wrong_choices_of_car_and_period_are_refused_and_change_nothing() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    server.register_driver("kim", GANGNAM).await;
    let customer = server.customer("mina");
    for (car, from, to) in [
        ("car-1", DAY[1], DAY[0]),
        ("car-1", DAY[0], DAY[0]),
        ("car-1", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        ("car-1", "2031-01-01T00:00:00Z", "2033-01-01T00:00:00Z"),
    ] {
        book(&customer, car, from, to).await.problem(400, "invalid_request");
    }
    for field in ["driver_id", "period"] {
        let mut nothing = booking("car-1", DAY[0], DAY[1]);
        nothing.as_object_mut().expect("an object").remove(field);
        customer.post("/v1/calls", nothing).await.problem(400, "invalid_request");
    }
    for unknown in ["no-such-car", "kim"] {
        book(&customer, unknown, DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
    }
    book(&customer, "car-1", DAY[0], DAY[1]).await.expect(201);
}
