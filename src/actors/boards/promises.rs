//! Drivers that were found for a call whose offer is not committed yet. Until it is, the boards do not show it, and the next
//! search would find the same drivers again.

use std::time::{Duration, Instant};

use dashmap::DashMap;

use crate::domain::{CallId, DriverId};

/// After how long a promise is forgotten whose call never committed an offer: the request was refused, or gave up.
const LONGEST: Duration = Duration::from_secs(2);

struct Promise {
    drivers: Vec<DriverId>,
    made: Instant,
}

/// Drivers who were found for a call that has not committed its offer or assignment yet.
#[derive(Default)]
pub struct PromiseBoard {
    calls: DashMap<CallId, Promise>,
    drivers: DashMap<DriverId, usize>,
}

impl PromiseBoard {
    /// Forgets every promise.
    pub(super) fn clear(&self) {
        self.calls.clear();
        self.drivers.clear();
    }

    /// Notes which drivers were found for a call; what was found before is forgotten.
    pub fn promise(&self, call: &CallId, drivers: &[DriverId], now: Instant) {
        self.settle(call);
        for driver in drivers {
            *self.drivers.entry(driver.clone()).or_default() += 1;
        }
        self.calls.insert(call.clone(), Promise { drivers: drivers.to_vec(), made: now });
    }

    /// The call has committed its offers, or will not: the other boards show how it is.
    pub fn settle(&self, call: &CallId) {
        let Some((_, promise)) = self.calls.remove(call) else { return };
        for driver in &promise.drivers {
            if let Some(mut count) = self.drivers.get_mut(driver) {
                *count = count.saturating_sub(1);
            }
            self.drivers.remove_if(driver, |_, count| *count == 0);
        }
    }

    /// To how many calls a driver was promised.
    #[must_use]
    pub fn count(&self, driver: &DriverId) -> usize {
        self.drivers.get(driver).map_or(0, |count| *count)
    }

    /// Forgets the promises of calls that committed nothing for too long.
    pub fn forget_old(&self, now: Instant) {
        let is_old = |promise: &Promise| now.saturating_duration_since(promise.made) > LONGEST;
        let old: Vec<_> =
            self.calls.iter().filter(|entry| is_old(entry.value())).map(|entry| entry.key().clone()).collect();
        old.iter().for_each(|call| self.settle(call));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_counts_until_its_call_has_committed_or_it_is_old() {
        let (board, now) = (PromiseBoard::default(), Instant::now());
        let call = |name: &str| CallId::new(name).expect("an id");
        let driver = DriverId::new("d1").expect("an id");
        board.promise(&call("call_1"), std::slice::from_ref(&driver), now);
        board.promise(&call("call_1"), std::slice::from_ref(&driver), now);
        board.promise(&call("call_2"), std::slice::from_ref(&driver), now);
        assert_eq!(board.count(&driver), 2);
        board.settle(&call("call_1"));
        board.settle(&call("call_1"));
        assert_eq!(board.count(&driver), 1);
        board.forget_old(now + LONGEST);
        assert_eq!(board.count(&driver), 1);
        board.forget_old(now + LONGEST * 2);
        assert_eq!((board.count(&driver), board.calls.len(), board.drivers.len()), (0, 0, 0));
    }
}
