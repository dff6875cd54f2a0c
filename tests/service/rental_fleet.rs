//! The fleet: cars that operators register, change and retire.

use serde_json::json;

use crate::{
    harness::{Server, eventually, id_of},
    rental::{DAY, book, register_car},
};

#[tokio::test]
async fn rc_1_nobody_but_an_operator_registers_or_changes_a_car() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    for id in ["car-1", "kim"] {
        let driver = server.driver(id);
        let path = format!("/v1/drivers/{id}");
        driver.put(&path, json!({"service": "rental", "name": "내 차"})).await.problem(403, "forbidden");
    }
    let car = server.driver("car-1");
    car.put("/v1/drivers/car-1", json!({"service": "taxi", "name": "내 차"})).await.problem(403, "forbidden");
    car.put("/v1/drivers/car-1/availability", json!({"available": false})).await.problem(403, "forbidden");
    let shown = server.driver_is("car-1", &["available"]).await;
    assert_eq!((&shown["service"], &shown["name"]), (&json!("rental"), &json!("차 car-1")));
    server.operator().get("/v1/drivers/kim").await.problem(404, "not_found");
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
    let elsewhere = json!({"service": "no-such-service", "name": "차"});
    operator.put("/v1/drivers/car-1", elsewhere).await.client_error();
    server.customer("mina").put("/v1/drivers/car-2", json!({"service": "rental", "name": "내 차"})).await.any_problem();
    operator.delete("/v1/drivers/car-1").await.ok();
    book(&server.customer("mina"), "car-1", DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
}

#[tokio::test]
async fn rc_1_a_car_with_bookings_stays_in_its_service_and_is_not_retired() {
    let server = Server::start().await;
    register_car(&server, "car-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let id = id_of(&book(&customer, "car-1", DAY[0], DAY[1]).await.expect(201));
    let moved = json!({"service": "studycafe", "name": "좌석"});
    operator.put("/v1/drivers/car-1", moved.clone()).await.problem(409, "driver_unavailable");
    operator.delete("/v1/drivers/car-1").await.client_error();
    customer.command(&id, "cancel").await.expect(200);
    eventually("the car can be moved", async || {
        let reply = operator.put("/v1/drivers/car-1", moved.clone()).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    book(&customer, "car-1", DAY[0], DAY[1]).await.problem(409, "driver_unavailable");
}

#[tokio::test]
async fn rc_1_a_driver_that_becomes_a_car_can_be_booked() {
    let server = Server::start().await;
    let operator = server.operator();
    operator.put("/v1/drivers/car-1", json!({"service": "driver-call", "name": "실수"})).await.expect(201);
    operator.put("/v1/drivers/car-1", json!({"service": "rental", "name": "차"})).await.expect(200);
    server.driver_is("car-1", &["available"]).await;
    book(&server.customer("mina"), "car-1", DAY[0], DAY[1]).await.expect(201);
}
