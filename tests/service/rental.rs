//! Car rental: the customer names the car and the period; paid = rented.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Reply, Server, eventually, id_of, place};

const DAY: [&str; 4] = ["2031-03-01T09:00:00Z", "2031-03-02T09:00:00Z", "2031-03-03T09:00:00Z", "2031-03-04T09:00:00Z"];

async fn register_car(server: &Server, id: &str) {
    let car = json!({"service": "rental", "name": format!("차 {id}"), "plate": "12가 3456"});
    server.operator().put(&format!("/v1/drivers/{id}"), car).await.expect(201);
}

fn booking(car: &str, from: &str, to: &str) -> Value {
    json!({"service": "rental", "pickup": place(GANGNAM), "driver_id": car, "period": {"from": from, "to": to},
        "payment": {"method": "tok_ok"}})
}

async fn book(customer: &Client, car: &str, from: &str, to: &str) -> Reply {
    customer.post("/v1/calls", booking(car, from, to)).await
}

/// A booking that has begun: from now on.
fn from_now(car: &str) -> Value {
    let now = jiff::Timestamp::from_second(
        std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs().try_into().expect("a time"),
    )
    .expect("a time");
    booking(car, &now.to_string(), &(now + jiff::SignedDuration::from_hours(24)).to_string())
}

#[tokio::test]
async fn rc_1_an_operator_registers_changes_and_retires_cars() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let operator = server.operator();
    let changed = json!({"service": "rental", "name": "다른 차"});
    assert_eq!(operator.put("/v1/drivers/car-1", changed).await.expect(200)["name"], "다른 차");
    let seen = server.customer("mina").get("/v1/drivers/car-1").await.expect(200);
    assert_eq!(seen["status"], "available");
    eventually("the customer sees the car in the list", async || {
        let list = server.customer("mina").get("/v1/drivers?service=rental").await.expect(200);
        if list["items"][0]["id"] == "car-1" { Ok(()) } else { Err(list.to_string()) }
    })
    .await;
    operator.delete("/v1/drivers/car-1").await.ok();
    book(&server.customer("mina"), "car-1", DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
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
async fn wrong_choices_of_car_and_period_are_refused_and_change_nothing() {
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
    let mut nothing = booking("car-1", DAY[0], DAY[1]);
    nothing.as_object_mut().expect("an object").remove("driver_id");
    customer.post("/v1/calls", nothing).await.problem(400, "invalid_request");
    for unknown in ["no-such-car", "kim"] {
        book(&customer, unknown, DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
    }
    book(&customer, "car-1", DAY[0], DAY[1]).await.expect(201);
}
