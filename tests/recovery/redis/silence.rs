//! What callers are told while Redis says nothing: the right reason, and what to look for.

use serde_json::json;

use super::rig::IMPATIENT;
use crate::{
    harness::{Knob, Setup, eventually, trip_paid_with},
    proxy::{Proxy, Wire},
    redis_server::RedisServer,
};

#[tokio::test]
async fn a_request_whose_outcome_is_not_known_names_its_call_which_is_found_later() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let proxy = Proxy::start(redis.port()).await.expect("a proxy");
    let server = Setup::new().on_store(&proxy.url()).config(IMPATIENT).with(Knob::DispatchDeadlineS(60)).start().await;
    let mina = server.customer("mina");
    proxy.set(Wire::SwallowReplies);
    let told = mina.post("/v1/calls", trip_paid_with("tok_ok")).await.problem(503, "store_unavailable");
    let id = told["call"]["id"].as_str().expect("an id").to_owned();
    proxy.cut();
    proxy.set(Wire::Open);
    // The write that nobody heard of was made, or is made again: the call goes on as if nothing had been.
    eventually("the call is paid", async || {
        let reply = mina.get(&format!("/v1/calls/{id}")).await;
        let charged = reply.status == 200 && reply.body["payment"]["status"] == json!("charged");
        if charged { Ok(()) } else { Err(reply.text) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn who_asks_for_what_cannot_be_loaded_is_told_that_the_store_is_silent() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let proxy = Proxy::start(redis.port()).await.expect("a proxy");
    let server = Setup::new().on_store(&proxy.url()).config(IMPATIENT).start().await;
    proxy.set(Wire::BlackHole);
    server.operator().get("/v1/calls/call_never_made").await.problem(503, "store_unavailable");
    let driver = server.driver("kim");
    driver.put("/v1/drivers/kim", json!({"service": "taxi", "name": "김"})).await.problem(503, "store_unavailable");
    proxy.set(Wire::Open);
    eventually("the driver can register", async || {
        let reply = driver.put("/v1/drivers/kim", json!({"service": "taxi", "name": "김"})).await;
        if reply.status < 300 { Ok(()) } else { Err(reply.text) }
    })
    .await;
}
