//! What an operator does in a drill: faults of the simulated gateway, its ledger, crashes and the breaker.

use serde_json::{Value, json};

use super::{Client, Server, eventually};

/// What the gateway really did for one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    pub charges: usize,
    /// Their sum, minor units.
    pub charged: u64,
    pub refunds: usize,
    /// Their sum, minor units.
    pub refunded: u64,
}

impl Server {
    /// Gives the simulated gateway faults.
    pub async fn simulate(&self, changes: Value) {
        self.operator().put("/v1/ops/gateway/simulator", faults(changes)).await.ok();
    }

    /// What the gateway really did for a payment.
    pub async fn ledger(&self, payment: &str) -> Ledger {
        let path = format!("/v1/ops/gateway/simulator/charges?payment_id={payment}");
        let answer = self.operator().get(&path).await.expect(200);
        let mut ledger = Ledger::default();
        for item in answer["items"].as_array().expect("items") {
            assert_eq!(item["payment_id"], payment, "{item}");
            let amount = item["amount"].as_u64().expect("an amount");
            match item["kind"].as_str() {
                Some("charge") => (ledger.charges, ledger.charged) = (ledger.charges + 1, ledger.charged + amount),
                Some("refund") => (ledger.refunds, ledger.refunded) = (ledger.refunds + 1, ledger.refunded + amount),
                _ => panic!("neither charge nor refund: {item}"),
            }
        }
        ledger
    }

    /// Waits until the gateway has charged and refunded that often.
    pub async fn ledger_is(&self, payment: &str, charges: usize, refunds: usize) -> Ledger {
        eventually(&format!("{payment}: {charges} charges, {refunds} refunds"), async || {
            let ledger = self.ledger(payment).await;
            if (ledger.charges, ledger.refunds) == (charges, refunds) { Ok(ledger) } else { Err(format!("{ledger:?}")) }
        })
        .await
    }

    /// The state of the breaker: `closed`, `open` or `half_open`.
    pub async fn breaker(&self) -> String {
        let gateway = self.operator().get("/v1/ops/gateway").await.expect(200);
        let breaker = &gateway["breaker"];
        let state = breaker.as_str().or_else(|| breaker["state"].as_str());
        state.unwrap_or_else(|| panic!("no breaker state in {gateway}")).to_owned()
    }

    /// Waits until so many requests of payments have ended in one of these ways since the server started: `refused`,
    /// `not_sent`, `failed`…
    pub async fn gateway_requests(&self, outcomes: &[&str], wanted: u64) {
        eventually(&format!("{wanted} requests ended as {outcomes:?}"), async || {
            let counts = self.operator().get("/v1/ops/gateway").await.expect(200)["counts"].clone();
            let count: u64 = outcomes.iter().map(|outcome| counts[outcome].as_u64().expect("a count")).sum();
            if count >= wanted { Ok(()) } else { Err(counts.to_string()) }
        })
        .await;
    }

    /// Forces the breaker, or gives it back to itself with `auto`.
    pub async fn force_breaker(&self, state: &str) {
        self.operator().put("/v1/ops/gateway/breaker", json!({"state": state})).await.ok();
    }

    /// Waits until the breaker is in that state.
    pub async fn breaker_is(&self, state: &str) {
        eventually(&format!("the breaker is {state}"), async || {
            let found = self.breaker().await;
            if found == state { Ok(()) } else { Err(found) }
        })
        .await;
    }

    /// One actor as ops see it.
    pub async fn actor(&self, kind: &str, id: &str) -> Value {
        self.operator().get(&format!("/v1/ops/actors/{kind}/{id}")).await.expect(200)
    }

    /// Crashes an actor once and waits until it is back or parked; returns what ops see then.
    pub async fn crash(&self, kind: &str, id: &str) -> Value {
        let before = self.actor(kind, id).await["restarts"].as_u64().unwrap_or_default();
        self.operator().command_actor(kind, id, "crash").await;
        eventually(&format!("{kind}/{id} is back after a crash"), async || {
            let actor = self.actor(kind, id).await;
            let restarts = actor["restarts"].as_u64().unwrap_or_default();
            let settled = matches!(actor["status"].as_str(), Some("running" | "parked" | "passive"));
            let parked = actor["status"] == "parked";
            if settled && (restarts > before || parked) { Ok(actor) } else { Err(actor.to_string()) }
        })
        .await
    }

    /// Crashes an actor until it is parked.
    pub async fn park(&self, kind: &str, id: &str) {
        for _ in 0..50 {
            if self.crash(kind, id).await["status"] == "parked" {
                return;
            }
        }
        panic!("{kind}/{id} was not parked by 50 crashes");
    }

    /// Puts a parked actor back to work.
    pub async fn resume(&self, kind: &str, id: &str) {
        self.operator().post(&format!("/v1/ops/actors/{kind}/{id}/resume"), json!({})).await.ok();
        eventually(&format!("{kind}/{id} is resumed"), async || {
            let actor = self.actor(kind, id).await;
            if actor["status"] == "parked" { Err(actor.to_string()) } else { Ok(()) }
        })
        .await;
    }
}

impl Client {
    async fn command_actor(&self, kind: &str, id: &str, command: &str) {
        self.post(&format!("/v1/ops/actors/{kind}/{id}/{command}"), json!({})).await.ok();
    }
}

/// A setting of the simulator: everything as it works, but for what is given.
fn faults(changes: Value) -> Value {
    let mut faults =
        json!({"latency_ms": 0, "decline_rate": 0.0, "error_rate": 0.0, "timeout_rate": 0.0, "down": false});
    if let (Some(faults), Value::Object(changes)) = (faults.as_object_mut(), changes) {
        faults.extend(changes);
    }
    faults
}
