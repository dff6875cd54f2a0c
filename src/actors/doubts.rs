//! Payments that went back to an earlier state because the store lost commits: the gateway knows more of them than the store.
//!
//! Their next attempts at charging may repeat keys that were used already. So none of their charges counts as a first one:
//! each is looked up before it is sent, and so are the later attempts that were lost.

use std::sync::Arc;

use dashmap::DashMap;

/// The payments in doubt, with the last attempt at charging that was lost.
#[derive(Default)]
pub struct Doubts(DashMap<Arc<str>, u32>);

impl Doubts {
    /// Notes that a payment lost the commits of attempts up to this one.
    pub(super) fn add(&self, payment: &str, attempt: u32) {
        let mut last = self.0.entry(Arc::from(payment)).or_default();
        *last = attempt.max(*last);
    }

    /// The last attempt that was lost; `None` when the payment is not in doubt.
    #[must_use]
    pub fn last_attempt(&self, payment: &str) -> Option<u32> {
        self.0.get(payment).map(|last| *last)
    }
}
