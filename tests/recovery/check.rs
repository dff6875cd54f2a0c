//! Holds what is there after a kill against what clients were told.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;

use crate::{
    harness::{Client, Server, eventually, id_of, trip_paid_with},
    promises::{Promise, Promises, Stage},
};

/// Every promised call is there in at least the promised state, and no driver has two calls.
pub async fn nothing_answered_is_lost(server: &Server, promises: &Promises) {
    let calls = read_all(server, promises).await;
    let mut drivers: BTreeMap<String, String> = BTreeMap::new();
    for (id, (promise, call)) in &calls {
        kept(promise, call);
        let busy = matches!(call["status"].as_str(), Some("assigned" | "started"));
        if let (true, Some(driver)) = (busy, call["driver"]["id"].as_str())
            && let Some(other) = drivers.insert(driver.to_owned(), id.clone())
        {
            panic!("{driver} holds two calls: {other} and {id}");
        }
    }
}

/// Requests without an answer are repeated with their key: each is one call, never two.
pub async fn unanswered_requests_are_one_call_each(server: &Server, promises: &Promises) {
    for request in promises.take_unanswered() {
        let customer = server.customer(&request.customer);
        let mut ids = Vec::new();
        for _ in 0..2 {
            ids.extend(repeat(&customer, &request.key).await);
        }
        for id in &ids {
            promises.told(&customer.call(id).await);
        }
        ids.dedup();
        assert!(ids.len() <= 1, "{request:?} is two calls: {ids:?}");
    }
}

/// The id of the call for that key, or nothing when the body was another one.
async fn repeat(customer: &Client, key: &str) -> Option<String> {
    eventually(&format!("the request with the key {key} is answered"), async || {
        let request = customer.request(Method::POST, "/v1/calls").header("idempotency-key", key);
        let reply = Client::send(request.json(&trip_paid_with("tok_ok"))).await;
        match reply.status {
            200 | 201 => Ok(Some(id_of(&reply.body))),
            // It was the request without a payment that got through.
            409 => Ok(None),
            // In flight when the server was killed, and being settled. A refusal that names no call is one of a server that
            // has too much to do yet, and wants the request again.
            503 => {
                let problem = reply.any_problem();
                let id = problem["call"]["id"].as_str().map(str::to_owned);
                id.map(Some).ok_or_else(|| problem.to_string())
            }
            _ => panic!("{} {}", reply.status, reply.text),
        }
    })
    .await
}

/// In the end every call is over, or unpaid, and the gateway's ledger agrees with it.
pub async fn everything_is_settled(server: &Server, promises: &Promises) {
    for id in promises.all().keys() {
        eventually(&format!("{id} is settled"), async || settled(server, id).await).await;
    }
}

/// Whether a call is over or unpaid, and the ledger agrees.
pub async fn settled(server: &Server, id: &str) -> Result<(), String> {
    let reply = server.operator().get(&format!("/v1/calls/{id}")).await;
    let ledger = server.ledger(id).await;
    assert!(ledger.charges <= 1 && ledger.refunds <= ledger.charges, "{id}: {ledger:?}");
    let call = reply.body;
    let payment = call["payment"]["status"].as_str().unwrap_or_default();
    let right = match call["status"].as_str() {
        Some("requested") => ledger.charges == 0 && !matches!(payment, "charging" | "unknown"),
        Some("completed") => (ledger.charges, ledger.refunds, payment) == (1, 0, "charged"),
        Some("cancelled") if ledger.charges == 0 => !matches!(payment, "charging" | "unknown" | "refunding"),
        Some("cancelled") => ledger.charged == ledger.refunded && payment == "refunded",
        _ => false,
    };
    if right { Ok(()) } else { Err(format!("{call} {ledger:?}")) }
}

async fn read_all(server: &Server, promises: &Promises) -> BTreeMap<String, (Promise, Value)> {
    let operator = server.operator();
    let read = |(id, promise): (String, Promise)| {
        let operator = operator.clone();
        async move {
            // What waits for the outcome of a write says so, but not for long.
            let reply = eventually(&format!("{id} is answered"), async || {
                let reply = operator.get(&format!("/v1/calls/{id}")).await;
                if reply.status == 503 { Err(reply.text) } else { Ok(reply) }
            })
            .await;
            assert_eq!(reply.status, 200, "{id} was answered and is gone: {promise:?} {}", reply.text);
            (id, (promise, reply.body))
        }
    };
    stream::iter(promises.all()).map(read).buffer_unordered(8).collect().await
}

fn kept(promise: &Promise, call: &Value) {
    let status = call["status"].as_str().unwrap_or_default();
    let why = || format!("{promise:?} is not kept by {call}");
    let version = call["version"].as_u64().unwrap_or_default();
    assert!(version >= promise.version, "older than what was answered: {}", why());
    assert!(!promise.cancelled || status == "cancelled", "{}", why());
    if status == "cancelled" {
        assert!(promise.stage < Some(Stage::Started), "{}", why());
    } else {
        assert!(Stage::of(status) >= promise.stage, "{}", why());
        let driver = call["driver"]["id"].as_str();
        assert!(promise.driver.is_none() || promise.driver.as_deref() == driver, "{}", why());
    }
    let payment = call["payment"]["status"].as_str().unwrap_or_default();
    assert!(!promise.paid || ["charged", "refunding", "refunded"].contains(&payment), "{}", why());
}
