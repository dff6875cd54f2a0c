//! Who is found for which call, when many wait for few.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{GANGNAM, Server, Setup, eventually, id_of, place};

/// The most open offers of one driver.
const OPEN_OFFERS_MAX: usize = 20;

fn cleaning() -> Value {
    json!({"service": "cleaning", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"},
        "period": {"from": "2031-03-01T09:00:00Z", "to": "2031-03-01T12:00:00Z"}})
}

/// Each of these calls as it is now.
async fn now(server: &Server, calls: &[String]) -> Vec<Value> {
    let operator = server.operator();
    join_all(calls.iter().map(|call| operator.call(call))).await
}

#[tokio::test]
async fn cl_2_of_many_waiting_calls_the_oldest_get_the_companies_and_the_others_are_left_alone() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let mut calls = Vec::new();
    for _ in 0..40 {
        calls.push(id_of(&customer.post("/v1/calls", cleaning()).await.expect(201)));
    }
    let before: Vec<_> = now(&server, &calls).await.iter().map(|call| call["version"].as_u64()).collect();
    let companies: Vec<_> = (0..8).map(|n| format!("company-{n}")).collect();
    let registered = companies.iter().map(|company| {
        let path = format!("/v1/drivers/{company}");
        let operator = &operator;
        async move { operator.put(&path, json!({"service": "cleaning", "name": company})).await.expect(201) }
    });
    join_all(registered).await;
    let companies_calls = calls.iter().take(companies.len());
    for call in companies_calls {
        server.call_is(call, &["assigned"]).await;
    }
    let after = now(&server, &calls).await;
    for (at, call) in after.iter().enumerate() {
        let expected = if at < companies.len() { "assigned" } else { "dispatching" };
        assert_eq!(call["status"], expected, "call {at}: {call}");
    }
    let commits = after.iter().zip(&before).map(|(call, before)| call["version"].as_u64().zip(*before));
    let commits: Vec<_> = commits.map(|both| both.map(|(after, before)| after - before)).collect();
    assert!(commits[companies.len()..].iter().all(|count| *count == Some(0)), "those that wait: {commits:?}");
    assert!(commits[..companies.len()].iter().all(|count| *count == Some(2)), "offered and assigned: {commits:?}");
}

#[tokio::test]
async fn dc_3_no_driver_holds_more_offers_than_it_may_however_many_calls_wait() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for _ in 0..60 {
        customer.request_paid_call().await;
    }
    let drivers = join_all((0..2).map(|n| {
        let server = &server;
        async move { server.register_driver(&format!("driver-{n}"), GANGNAM).await }
    }))
    .await;
    let mut most = 0;
    eventually("both hold as many as they may", async || {
        let mut held = Vec::new();
        for driver in &drivers {
            let offers = driver.get(&format!("/v1/drivers/{}/offers?limit=200", driver.id)).await.expect(200);
            held.push(offers["items"].as_array().map_or(0, Vec::len));
        }
        most = most.max(held.iter().copied().max().unwrap_or_default());
        if held.iter().all(|count| *count == OPEN_OFFERS_MAX) { Ok(()) } else { Err(format!("{held:?}")) }
    })
    .await;
    assert_eq!(most, OPEN_OFFERS_MAX);
}

#[tokio::test]
async fn dc_3_a_driver_who_becomes_free_is_asked_though_another_ones_offer_is_open() {
    let server = Setup::new().policy("driver-call", "dispatch.offer_s", 600).start().await;
    let first = server.register_driver("driver-a", GANGNAM).await;
    let call = server.customer("mina").request_paid_call().await;
    first.offered(&call).await;
    let second = server.register_driver("driver-b", GANGNAM).await;
    second.offered(&call).await;
    second.command(&call, "accept").await.expect(200);
    server.driver_is("driver-a", &["available"]).await;
}
