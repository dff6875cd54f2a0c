//! When no new call is begun: calls under way go first, and the cheapest refusal is the one before any work.

use std::{sync::Arc, time::Duration};

use metrics::{Counter, Unit};

use super::{
    error::{Code, Problem},
    settings::LimitSettings,
};
use crate::actors::ports::store::Store;

const REFUSED: &str = "callout_calls_not_begun_total";

/// Above this share of the room for waiting commits, the rest is for calls under way.
const QUEUED_MAX: f64 = 0.25;

/// Decides whether a new call is begun.
pub(super) struct Admission {
    store: Arc<dyn Store>,
    /// Zero: no bound.
    wait_max: Duration,
    refused: Counter,
}

impl Admission {
    pub(super) fn new(store: Arc<dyn Store>, limits: &LimitSettings) -> Self {
        metrics::describe_counter!(REFUSED, Unit::Count, "Calls refused because commits took too long");
        let wait_max = Duration::from_millis(limits.commit_wait_max_ms);
        Self { store, wait_max, refused: metrics::counter!(REFUSED) }
    }

    /// Refuses a new call while commits take too long.
    pub(super) fn of_a_new_call(&self) -> Result<(), Problem> {
        let load = self.store.load_now();
        if self.wait_max.is_zero() || (load.wait <= self.wait_max && load.queued <= QUEUED_MAX) {
            return Ok(());
        }
        self.refused.increment(1);
        let said = "the server has as much to do as it can; nothing was begun, please try again";
        Err(Problem::new(Code::Overloaded, said).retry_after(load.wait * 2))
    }
}
