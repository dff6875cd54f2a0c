//! Taxi: offered to taxis nearby, paid at drop-off.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, SEOUL_STATION, Server, eventually, id_of, place};

fn ride(method: Option<&str>) -> Value {
    let mut body = json!({"service": "taxi", "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION)});
    if let Some(method) = method {
        body["payment"] = json!({"method": method});
    }
    body
}

async fn register_taxi(server: &Server, id: &str, (lat, lng): (f64, f64)) -> Client {
    let taxi = server.driver(id);
    let profile =
        json!({"service": "taxi", "name": id, "plate": "서울 33바 1234", "position": {"lat": lat, "lng": lng}});
    taxi.put(&format!("/v1/drivers/{id}"), profile).await.expect(201);
    taxi.put(&format!("/v1/drivers/{id}/availability"), json!({"available": true})).await.expect(200);
    taxi
}

/// A ride under way.
async fn under_way(server: &Server, method: Option<&str>) -> (Client, Client, String) {
    let taxi = register_taxi(server, "taxi-1", GANGNAM).await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", ride(method)).await.expect(201));
    taxi.take(&id).await;
    taxi.command(&id, "start").await.expect(200);
    (customer, taxi, id)
}

#[tokio::test]
async fn tx_1_a_ride_is_requested_unpaid_and_tx_2_a_driver_accepts_it() {
    let server = Server::start().await;
    let taxi = register_taxi(&server, "taxi-1", GANGNAM).await;
    let call = server.customer("mina").post("/v1/calls", ride(Some("tok_ok"))).await.expect(201);
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("dispatching"), &json!("created")));
    let taken = taxi.take(&id_of(&call)).await;
    assert_eq!((&taken["status"], &taken["driver"]["id"]), (&json!("assigned"), &json!("taxi-1")));
    server.ledger_is(&id_of(&call), 0, 0).await;
}

#[tokio::test]
async fn tx_3_the_customer_is_told_the_arrival_time_and_sees_it_change() {
    let server = Server::start().await;
    let taxi = register_taxi(&server, "taxi-1", (37.5100, 127.0300)).await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    let id = id_of(&customer.post("/v1/calls", ride(None)).await.expect(201));
    taxi.take(&id).await;
    let far = customer.call(&id).await["driver"]["eta_s"].as_u64().expect("an arrival time");
    server.driver_is("taxi-1", &["engaged"]).await;
    taxi.post("/v1/drivers/taxi-1/position", json!({"lat": 37.4990, "lng": 127.0280})).await.expect(204);
    let moved = socket.next_frame_of("position").await;
    let near = moved["eta_s"].as_u64().expect("an arrival time");
    assert!(near < far, "{near} s after {far} s");
    assert_eq!(customer.call(&id).await["driver"]["eta_s"], near);
}

#[tokio::test]
async fn tx_6_at_alighting_the_fare_is_charged_once_however_often_it_is_completed() {
    let server = Server::start().await;
    let (_, taxi, id) = under_way(&server, Some("tok_ok")).await;
    let done = taxi.command(&id, "complete").await.expect(200);
    assert_eq!((&done["status"], &done["payment"]["status"]), (&json!("completed"), &json!("charged")));
    taxi.command(&id, "complete").await.expect(200);
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("taxi-1", &["available"]).await;
}

#[tokio::test]
async fn tx_6_without_payment_a_ride_is_not_completed_and_another_method_completes_it() {
    let server = Server::start().await;
    let (customer, taxi, id) = under_way(&server, Some("tok_declined")).await;
    let refused = taxi.command(&id, "complete").await.problem(402, "payment_declined");
    assert_eq!(refused["call"]["status"], "started");
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["status"], "completed");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_6_a_ride_without_any_method_waits_for_one() {
    let server = Server::start().await;
    let (customer, taxi, id) = under_way(&server, None).await;
    taxi.command(&id, "complete").await.problem(402, "payment_declined");
    customer.pay(&id, "tok_ok").await.expect(200);
    server.call_is(&id, &["completed"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_n2_while_payments_cannot_be_taken_the_ride_stays_started_and_a_retry_works() {
    let server = Server::start().await;
    let (_, taxi, id) = under_way(&server, Some("tok_ok")).await;
    server.simulate(json!({"down": true})).await;
    let reply = taxi.command(&id, "complete").await;
    assert!(reply.retry_after().is_some(), "{:?}", reply.headers);
    assert_eq!(reply.problem(503, "payment_unavailable")["call"]["status"], "started");
    server.simulate(json!({})).await;
    eventually("the retry works", async || {
        let reply = taxi.command(&id, "complete").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_7_a_customer_cancels_until_boarding_and_no_longer() {
    let server = Server::start().await;
    let taxi = register_taxi(&server, "taxi-1", GANGNAM).await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", ride(Some("tok_ok"))).await.expect(201));
    taxi.take(&id).await;
    customer.command(&id, "cancel").await.expect(200);
    taxi.command(&id, "start").await.problem(409, "illegal_transition");
    server.driver_is("taxi-1", &["available"]).await;
    let id = id_of(&customer.post("/v1/calls", ride(Some("tok_ok"))).await.expect(201));
    taxi.take(&id).await;
    taxi.command(&id, "start").await.expect(200);
    customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    server.ledger_is(&id, 0, 0).await;
}

#[tokio::test]
async fn tx_n4_while_no_taxi_is_free_and_enough_wait_customers_are_told_to_call_later() {
    let server = Server::start().await;
    let mut waiting = Vec::new();
    let refused = loop {
        let reply = server.customer(&format!("customer-{}", waiting.len())).post("/v1/calls", ride(None)).await;
        match reply.status {
            201 => waiting.push(id_of(&reply.body)),
            _ => break reply,
        }
    };
    assert_eq!(waiting.len(), 50, "as many as the policy lets wait");
    assert!(refused.retry_after().is_some_and(|seconds| seconds >= 1), "{:?}", refused.headers);
    refused.problem(503, "overloaded");
    register_taxi(&server, "taxi-1", GANGNAM).await.offered(&waiting[0]).await;
}
