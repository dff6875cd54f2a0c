//! What a live call costs in Redis.

use redis::FromRedisValue;
use serde_json::json;

use crate::{
    harness::{GANGNAM, SEOUL_STATION, Server, Setup, eventually, id_of},
    redis_server::RedisServer,
};

/// The most that a call of the substitute-driver service may take, with its payment and its place in the agenda.
const BYTES_MAX: u64 = 1_500;

#[tokio::test]
async fn a_live_call_with_its_payment_takes_at_most_1_500_bytes() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let agenda = agenda_entry(&redis).await;
    let server = Setup::new().on_store(&redis.url()).start().await;
    let driver = server.register_driver("driver-0001", GANGNAM).await;
    let call = request(&server).await;
    driver.offered(&call).await;
    let offered = settled_size(&redis, &call).await + agenda;
    driver.take(&call).await;
    let assigned = settled_size(&redis, &call).await + agenda;
    eprintln!("dispatching with one offer: {offered} bytes, assigned: {assigned} bytes, {agenda} of them the agenda's");
    assert!(offered <= BYTES_MAX && assigned <= BYTES_MAX, "{offered} and {assigned} bytes");
}

/// A paid call as an app asks for it: addresses, a note, an idempotency key.
async fn request(server: &Server) -> String {
    let place = |(lat, lng): (f64, f64), address: &str| json!({"lat": lat, "lng": lng, "address": address});
    let body = json!({
        "service": crate::harness::DRIVER_CALL,
        "pickup": place(GANGNAM, "서울 강남구 강남대로 396"),
        "dropoff": place(SEOUL_STATION, "서울 용산구 한강대로 405"),
        "note": "지하 2층 B구역",
        "payment": {"method": "tok_ok"},
    });
    let customer = server.customer("customer-0001");
    let request = customer.request(reqwest::Method::POST, "/v1/calls").json(&body);
    let request = request.header("idempotency-key", "0f3b1c0e-4f6f-4d6c-9d0a-1f2e3d4c5b6a");
    id_of(&crate::harness::Client::send(request).await.expect(201))
}

/// The bytes of a call's snapshot and its payment's, once neither owes anything.
async fn settled_size(redis: &RedisServer, call: &str) -> u64 {
    eventually("nothing is owed", async || {
        let mut bytes = 0;
        for kind in ["call", "payment"] {
            let keys: Vec<String> = ask(redis, &format!("KEYS callout:*:{kind}/{call}")).await;
            let [key] = &keys[..] else { return Err(format!("{kind}/{call} is not one key: {keys:?}")) };
            let snapshot: String = ask(redis, &format!("GET {key}")).await;
            if snapshot.contains("\"owed\"") {
                return Err(snapshot);
            }
            bytes += ask::<u64>(redis, &format!("MEMORY USAGE {key}")).await;
        }
        Ok(bytes)
    })
    .await
}

/// What one call more in a shard's agenda takes, when there are many.
async fn agenda_entry(redis: &RedisServer) -> u64 {
    const MANY: u64 = 1_000;
    let entries: Vec<String> = (0..MANY).map(|n| format!("{} call/call_{n:022}", 1_790_000_000_000 + n)).collect();
    ask::<u64>(redis, &format!("ZADD agenda {}", entries.join(" "))).await;
    let bytes: u64 = ask(redis, "MEMORY USAGE agenda SAMPLES 0").await;
    ask::<u64>(redis, "DEL agenda").await;
    bytes.div_ceil(MANY)
}

async fn ask<T: FromRedisValue>(redis: &RedisServer, command: &str) -> T {
    let value = redis.say(command).await.expect("an answer");
    redis::from_redis_value(value).unwrap_or_else(|_| panic!("an unexpected answer to {command}"))
}
