//! Calls whose payment waits for the gateway, oldest first.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::domain::{CallId, call::Call};

#[derive(Default)]
struct Waiting {
    order: BTreeSet<(Timestamp, CallId)>,
    since: HashMap<CallId, Timestamp>,
}

/// The payments that wait.
#[derive(Default)]
pub struct DeferredBoard(Mutex<Waiting>);

impl DeferredBoard {
    /// Forgets every payment.
    pub(super) fn clear(&self) {
        *self.0.lock() = Waiting::default();
    }

    /// Notes whether a call's payment waits for the gateway.
    pub fn show(&self, call: &Call) {
        let waits = call.is_deferred();
        let mut waiting = self.0.lock();
        if waits == waiting.since.contains_key(&call.id) {
            return;
        }
        if waits {
            waiting.order.insert((call.created_at, call.id.clone()));
            waiting.since.insert(call.id.clone(), call.created_at);
        } else if let Some(since) = waiting.since.remove(&call.id) {
            waiting.order.remove(&(since, call.id.clone()));
        }
    }

    /// Those who have waited longest and whom `wanted` lets pass, at most `limit`.
    #[must_use]
    pub fn oldest(&self, limit: usize, wanted: impl Fn(&CallId) -> bool) -> Vec<CallId> {
        let waiting = self.0.lock();
        let wanted = waiting.order.iter().map(|(_, call)| call).filter(|call| wanted(call));
        wanted.take(limit).cloned().collect()
    }
}
