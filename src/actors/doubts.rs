//! Payments that went back to an earlier state because the store lost commits: the gateway knows more of them than the store.
//!
//! Their next attempts at charging may repeat keys that were used already. So none of their charges counts as a first one:
//! each is looked up before it is sent, and so are the later attempts that were lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use dashmap::DashMap;

/// The payments in doubt, with the last attempt at charging that was lost.
#[derive(Default)]
pub struct Doubts {
    payments: DashMap<Arc<str>, u32>,
    /// Commits were lost that nobody can name: any payment may be among them.
    all: AtomicBool,
}

impl Doubts {
    /// Notes that a payment lost the commits of attempts up to this one.
    pub(super) fn add(&self, payment: &str, attempt: u32) {
        let mut last = self.payments.entry(Arc::from(payment)).or_default();
        *last = attempt.max(*last);
    }

    /// Notes that payments may have lost commits that nobody can name.
    pub(super) fn add_all(&self) {
        self.all.store(true, Ordering::Release);
    }

    /// The last attempt that was lost, 0 if that is not known; `None` when the payment is not in doubt.
    #[must_use]
    pub fn last_attempt(&self, payment: &str) -> Option<u32> {
        let known = self.payments.get(payment).map(|last| *last);
        known.or_else(|| self.all.load(Ordering::Acquire).then_some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_that_was_lost_counts_and_without_names_everybody_is_in_doubt() {
        let doubts = Doubts::default();
        assert_eq!(doubts.last_attempt("call_1"), None);
        doubts.add("call_1", 2);
        doubts.add("call_1", 1);
        assert_eq!((doubts.last_attempt("call_1"), doubts.last_attempt("call_2")), (Some(2), None));
        doubts.add_all();
        assert_eq!((doubts.last_attempt("call_1"), doubts.last_attempt("call_2")), (Some(2), Some(0)));
    }
}
