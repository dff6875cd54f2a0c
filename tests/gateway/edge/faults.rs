//! Faults that a test orders: on which requests, how often, and before or after localstripe has performed the request.
//!
//! A status of 500 is the API's own and stays with the idempotency key. Other statuses come from a proxy in front of the
//! API, with a page in place of JSON: a key does not keep them, and behind it the true answer is kept.

use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::request::{Asked, Fields, matches};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Wrong {
    /// The connection is closed without an answer.
    Cut,
    /// This status is answered.
    Status(u16),
    /// The request, or its answer, takes so much longer. A request that takes longer has its key in use meanwhile.
    Delay(Duration),
    /// The request, or its answer, waits until the faults have been released so often.
    Held(u64),
    /// 429 with `Retry-After` in seconds, before anything is performed.
    Busy(u64),
    /// A member of the answer has another value: a JSON pointer and the value.
    Changed(&'static str, Value),
}

/// Whether localstripe has performed the request by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// A fault, of the next request unless it is told otherwise.
#[derive(Debug, Clone)]
pub struct Fault {
    wrong: Wrong,
    when: When,
    method: Option<&'static str>,
    path: Option<String>,
    fields: Fields,
    /// How many requests it still meets.
    left: u32,
}

impl Fault {
    fn new(wrong: Wrong, when: When) -> Self {
        Self { wrong, when, method: None, path: None, fields: Fields::new(), left: 1 }
    }

    pub fn cut(when: When) -> Self {
        Self::new(Wrong::Cut, when)
    }

    pub fn status(status: u16, when: When) -> Self {
        Self::new(Wrong::Status(status), when)
    }

    pub fn delay(time: Duration, when: When) -> Self {
        Self::new(Wrong::Delay(time), when)
    }

    /// Until `Edge::release`.
    pub fn held(when: When) -> Self {
        Self::new(Wrong::Held(0), when)
    }

    pub fn busy(retry_after_s: u64) -> Self {
        Self::new(Wrong::Busy(retry_after_s), When::Before)
    }

    pub fn changed(pointer: &'static str, value: impl Into<Value>) -> Self {
        Self::new(Wrong::Changed(pointer, value.into()), When::After)
    }

    /// Only of this method and path, in which `*` stands for any one segment.
    pub fn on(self, method: &'static str, path: &str) -> Self {
        Self { method: Some(method), path: Some(path.to_owned()), ..self }
    }

    /// Only of requests with this field.
    pub fn with(mut self, field: &str, value: &str) -> Self {
        self.fields.insert(field.to_owned(), value.to_owned());
        self
    }

    /// Of so many requests.
    pub fn times(self, left: u32) -> Self {
        Self { left, ..self }
    }

    /// Until [`Faults::mend`].
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    fn meets(&self, asked: &Asked) -> bool {
        self.method.is_none_or(|method| method == asked.method)
            && self.path.as_deref().is_none_or(|path| matches(path, &asked.path))
            && self.fields.iter().all(|(field, value)| asked.field(field) == Some(value))
    }
}

/// The faults that are still to come.
#[derive(Default)]
pub struct Faults {
    ordered: Mutex<Vec<Fault>>,
    /// How often what is held was released.
    released: watch::Sender<u64>,
}

impl Faults {
    pub fn order(&self, mut fault: Fault) {
        if let Wrong::Held(until) = &mut fault.wrong {
            *until = *self.released.borrow() + 1;
        }
        self.ordered.lock().push(fault);
    }

    /// Lets go on what was ordered to be held before, whether it is held by now or comes later.
    pub fn release(&self) {
        self.released.send_modify(|released| *released += 1);
    }

    /// Waits as long as a fault says.
    pub async fn wait(&self, wrong: &Wrong) {
        match wrong {
            Wrong::Delay(time) => tokio::time::sleep(*time).await,
            // The sender is here, so the wait ends only when it is released.
            Wrong::Held(until) => drop(self.released.subscribe().wait_for(|released| released >= until).await),
            _ => {}
        }
    }

    /// Takes back all that are still to come, and says how many requests they would have met.
    pub fn mend(&self) -> u64 {
        self.ordered.lock().drain(..).map(|fault| u64::from(fault.left)).sum()
    }

    /// The fault of this request: of several, the one that was ordered first.
    pub fn take(&self, asked: &Asked) -> Option<(When, Wrong)> {
        let mut faults = self.ordered.lock();
        let place = faults.iter().position(|fault| fault.meets(asked))?;
        let fault = &mut faults[place];
        fault.left -= 1;
        let taken = (fault.when, fault.wrong.clone());
        faults.retain(|fault| fault.left > 0);
        Some(taken)
    }
}
