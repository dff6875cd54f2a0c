//! Tokens that are limited to services: nothing of the others is heard, counted, listed or done.

use serde_json::{Value, json};

use crate::{
    harness::{Claims, Client, GANGNAM, Server, eventually, id_of, mint, trip, trip_paid_with},
    taxi::request_ride,
};

pub fn limited(server: &Server, role: &str, id: &str, service: &str) -> Client {
    let claims = Claims { services: Some(vec![service.into()]), ..Claims::new(role, id) };
    server.client_with(Some(mint(&claims, server.secret())), id)
}

/// The services of what somebody was told, and how many calls are counted.
async fn heard(client: &Client) -> (Vec<Value>, u64) {
    let told = client.get("/v1/me/notifications?limit=200").await.expect(200);
    let services = told["items"].as_array().expect("a list").iter().map(|notice| notice["service"].clone());
    let me = client.get("/v1/me").await.expect(200);
    let counts = me["calls"].as_object().expect("counts").values().filter_map(Value::as_u64);
    (services.collect(), counts.sum())
}

#[tokio::test]
async fn a_customer_with_a_token_for_one_service_hears_of_that_one_only() {
    let server = Server::start().await;
    let (everything, some) = (server.customer("mina"), limited(&server, "customer", "mina", "driver-call"));
    let mut socket = some.ws().await;
    server.taxi("taxi-1", GANGNAM).await;
    let ride = request_ride(&everything, "tok_ok").await;
    let refused = socket.ask(json!({"type": "subscribe", "call": ride}), "1").await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("not_found")), "{refused}");
    everything.command(&ride, "cancel").await.expect(200);
    let call = id_of(&everything.post("/v1/calls", trip_paid_with("tok_ok")).await.expect(201));
    // Frames come in order: what comes before those of this call would be of the ride.
    loop {
        let frame = socket.frame_where("any", |_| true).await;
        assert!(!frame.to_string().contains(&ride), "{frame}");
        if frame["type"] == "notification" && frame.to_string().contains(&call) {
            break;
        }
    }
    eventually("the other service is neither listed nor counted", async || {
        let (all, counted) = heard(&everything).await;
        let (services, own) = heard(&some).await;
        let complete = all.contains(&json!("taxi")) && all.contains(&json!("driver-call")) && counted == 2;
        if !complete {
            return Err(format!("{all:?} {counted}"));
        }
        assert!(services.iter().all(|service| service == "driver-call") && !services.is_empty(), "{services:?}");
        assert_eq!(own, 1);
        Ok(())
    })
    .await;
    some.get("/v1/me/notifications?service=taxi").await.problem(403, "forbidden");
    let taxi = everything.get("/v1/me/notifications?service=taxi").await.expect(200);
    assert!(taxi["items"].as_array().is_some_and(|items| items.iter().all(|item| item["service"] == "taxi")), "{taxi}");
}

#[tokio::test]
async fn pages_of_notifications_leave_nothing_out_however_much_is_about_other_services() {
    let server = Server::start().await;
    let (everything, some) = (server.customer("mina"), limited(&server, "customer", "mina", "driver-call"));
    for turn in 0..6 {
        for _ in 0..turn {
            let ride = request_ride(&everything, "tok_ok").await;
            everything.command(&ride, "cancel").await.expect(200);
        }
        everything.post("/v1/calls", trip_paid_with("tok_ok")).await.expect(201);
    }
    eventually("all six payments are told, in pages of two", async || {
        let (mut found, mut cursor) = (0, String::new());
        loop {
            let page = some.get(&format!("/v1/me/notifications?limit=2{cursor}")).await.expect(200);
            let items = page["items"].as_array().expect("a list");
            assert!(items.iter().all(|item| item["service"] == "driver-call"), "{page}");
            found += items.iter().filter(|item| item["occasion"] == "paid").count();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if found == 6 { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_driver_with_a_token_for_another_service_has_no_registration_and_no_offers() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    let elsewhere = limited(&server, "driver", "driver-a", "taxi");
    let mut socket = elsewhere.ws().await;
    let call = server.customer("mina").request_paid_call().await;
    server.driver("driver-a").offered(&call).await;
    assert!(elsewhere.get("/v1/me").await.expect(200)["driver"].is_null());
    elsewhere.get("/v1/drivers/driver-a/offers").await.problem(404, "not_found");
    elsewhere.put("/v1/drivers/driver-a/availability", json!({"available": false})).await.problem(404, "not_found");
    let profile = json!({"service": "taxi", "name": "김"});
    elsewhere.put("/v1/drivers/driver-a", profile).await.problem(403, "forbidden");
    let pong = socket.ask(json!({"type": "position", "lat": GANGNAM.0, "lng": GANGNAM.1}), "1").await;
    assert_eq!(pong["code"], "not_found", "{pong}");
    assert!(!pong.to_string().contains(&call), "the first frame is the answer to the command: {pong}");
}

#[tokio::test]
async fn an_operator_of_one_service_does_nothing_that_concerns_all() {
    let server = Server::start().await;
    let limited = limited(&server, "operator", "ops", "taxi");
    let call = id_of(&server.customer("mina").post("/v1/calls", trip()).await.expect(201));
    for reply in [
        limited.put("/v1/ops/gateway/breaker", json!({"state": "open"})).await,
        limited.put("/v1/ops/gateway/simulator", json!({"down": true})).await,
        limited.get("/v1/ops/gateway/simulator/charges").await,
    ] {
        reply.problem(403, "forbidden");
    }
    for actor in
        [format!("call/{call}"), format!("payment/{call}"), "guard/gateway".into(), "dispatcher/driver-call".into()]
    {
        let path = format!("/v1/ops/actors/{actor}");
        limited.get(&path).await.problem(404, "not_found");
        limited.post(&format!("{path}/crash"), json!({})).await.problem(404, "not_found");
        limited.post(&format!("{path}/resume"), json!({})).await.problem(404, "not_found");
    }
    assert_eq!(server.breaker().await, "closed");
    limited.get("/v1/ops/gateway").await.expect(200);
    limited.get("/v1/ops/actors").await.expect(200);
}

#[tokio::test]
async fn an_operator_of_one_service_looks_after_the_actors_of_that_service() {
    let server = Server::start().await;
    let limited = limited(&server, "operator", "ops", "driver-call");
    server.register_driver("driver-a", GANGNAM).await;
    let call = server.customer("mina").request_paid_call().await;
    for actor in
        [format!("call/{call}"), format!("payment/{call}"), "driver/driver-a".into(), "dispatcher/driver-call".into()]
    {
        let path = format!("/v1/ops/actors/{actor}");
        limited.get(&path).await.expect(200);
        limited.post(&format!("{path}/crash"), json!({})).await.expect(200);
        limited.post(&format!("{path}/resume"), json!({})).await.expect(200);
    }
}
