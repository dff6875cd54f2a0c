//! What clients were told: every 2xx about a call, to be held against what is there after a kill.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;

/// How far a call had come when a client was told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Requested,
    Dispatching,
    Assigned,
    Started,
    Completed,
}

impl Stage {
    /// The stage of a status, if it is one on the way to completion.
    pub fn of(status: &str) -> Option<Self> {
        match status {
            "requested" => Some(Self::Requested),
            "dispatching" => Some(Self::Dispatching),
            "assigned" => Some(Self::Assigned),
            "started" => Some(Self::Started),
            "completed" => Some(Self::Completed),
            _ => None,
        }
    }
}

/// What was promised about one call.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    pub customer: String,
    /// The furthest stage that was answered.
    pub stage: Option<Stage>,
    /// The driver whose accept was answered 200.
    pub driver: Option<String>,
    /// Whether a payment was answered as charged.
    pub paid: bool,
    /// Whether a cancel was answered 200.
    pub cancelled: bool,
    /// The version that was answered last.
    pub version: u64,
}

/// The promises about every call, and the requests whose answer never came.
#[derive(Default)]
pub struct Promises {
    calls: Mutex<BTreeMap<String, Promise>>,
    unanswered: Mutex<Vec<Unanswered>>,
    refused: AtomicU64,
}

/// A request for a call that may or may not have been taken.
#[derive(Debug, Clone)]
pub struct Unanswered {
    pub customer: String,
    pub key: String,
}

impl Promises {
    /// Remembers a call as it was answered.
    pub fn told(&self, call: &Value) {
        let Some(id) = call["id"].as_str() else { panic!("not a call: {call}") };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let promise = calls.entry(id.to_owned()).or_default();
        promise.customer = call["customer_id"].as_str().unwrap_or_default().to_owned();
        let status = call["status"].as_str().unwrap_or_default();
        promise.stage = promise.stage.max(Stage::of(status));
        promise.cancelled |= status == "cancelled";
        promise.paid |= matches!(call["payment"]["status"].as_str(), Some("charged" | "refunding" | "refunded"));
        promise.version = promise.version.max(call["version"].as_u64().unwrap_or_default());
        if promise.stage >= Some(Stage::Assigned)
            && let Some(driver) = call["driver"]["id"].as_str()
        {
            promise.driver = Some(driver.to_owned());
        }
    }

    /// Remembers a request that got no answer.
    pub fn unanswered(&self, customer: &str, key: &str) {
        let request = Unanswered { customer: customer.into(), key: key.into() };
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    /// Remembers that somebody was told that the store cannot commit.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How often somebody was told so.
    pub fn refusals(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Every promise so far, by call.
    pub fn all(&self) -> BTreeMap<String, Promise> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the requests that got no answer.
    pub fn take_unanswered(&self) -> Vec<Unanswered> {
        std::mem::take(&mut *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
