//! Which calls a socket follows, and which of their changes it has been told: no number twice, none backwards.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::domain::{CallId, call::Call};

/// How many calls one socket may follow.
pub(super) const MAX: usize = 1_000;
/// The number of calls that a socket does not follow, but whose last told change it remembers. Their changes come in
/// the hub's order; the number matters only when the socket follows the call soon after.
const REMEMBERED: usize = 64;

/// How many changes of a call are held back while its missed ones are read. When there are more, they are read as well.
const HELD_MAX: usize = 64;

/// The calls that a socket follows, and the changes that it was told.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    followed: HashSet<CallId>,
    told: HashMap<CallId, Told>,
    held: HashMap<CallId, Held>,
}

/// Which changes of a call a socket was told: all from the first of these numbers to the last. Several that were
/// committed together are told as one, with the last number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    first: u64,
    last: u64,
}

/// The changes of a call that are held back while the missed ones are read.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The changes in the order of their commits, oldest first.
    pub changes: Vec<Arc<Call>>,
    /// Whether there were more than are kept here.
    pub overflowed: bool,
}

impl Subscriptions {
    /// Follows a call; `false` when that is one too many.
    pub fn follow(&mut self, call: &CallId) -> bool {
        let room = self.followed.len() < MAX || self.followed.contains(call);
        if room {
            self.followed.insert(call.clone());
        }
        room
    }

    /// Follows a call no more.
    pub fn leave(&mut self, call: &CallId) {
        self.followed.remove(call);
    }

    /// From now on changes of the call are held back.
    pub fn hold(&mut self, call: &CallId) {
        self.held.entry(call.clone()).or_default();
    }

    /// Whether this change is held back, and then keeps it, if there is room.
    pub fn holds_back(&mut self, call: &Arc<Call>) -> bool {
        let Some(held) = self.held.get_mut(&call.id) else { return false };
        if held.changes.len() < HELD_MAX && !held.overflowed {
            held.changes.push(Arc::clone(call));
        } else {
            held.overflowed = true;
        }
        true
    }

    /// The changes of a call that were held back. From now on none are.
    pub fn release(&mut self, call: &CallId) -> Held {
        self.held.remove(call).unwrap_or_default()
    }

    /// The number up to which a call's changes were told; `None`: not even that there is one.
    pub fn last_told(&self, call: &CallId) -> Option<u64> {
        self.told.get(call).map(|told| told.last)
    }

    /// Whether a change that was missed, with a number above `after`, is still to be told: it is unless it was told on
    /// this socket before. Missed changes come in their order, and from then on count as told.
    pub fn is_missed(&mut self, call: &CallId, after: u64, seq: u64) -> bool {
        if seq <= after {
            return false;
        }
        match self.told.get_mut(call) {
            Some(told) if (told.first..=told.last).contains(&seq) => false,
            Some(told) => {
                told.last = told.last.max(seq);
                true
            }
            None => {
                self.note(call, Told { first: seq, last: seq });
                true
            }
        }
    }

    /// All changes above `after` were told or are known to be missing.
    pub fn caught_up(&mut self, call: &CallId, after: u64) {
        if let Some(told) = self.told.get_mut(call) {
            told.first = told.first.min(after.saturating_add(1));
        }
    }

    /// Whether that change of a call, as it happens, is news; from then on it is not.
    pub fn is_news(&mut self, call: &CallId, seq: u64) -> bool {
        match self.told.get_mut(call) {
            Some(told) if seq <= told.last => false,
            Some(told) => {
                told.last = seq;
                true
            }
            None => {
                self.note(call, Told { first: seq, last: seq });
                true
            }
        }
    }

    fn note(&mut self, call: &CallId, told: Told) {
        self.forget_some();
        self.told.insert(call.clone(), told);
    }

    fn forget_some(&mut self) {
        if self.told.len() >= self.followed.len() + REMEMBERED {
            let followed = &self.followed;
            self.told.retain(|call, _| followed.contains(call));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tested = Result<(), crate::domain::InvalidId>;

    #[test]
    fn no_change_is_told_twice_or_backwards() -> Tested {
        let (mut subscriptions, call) = (Subscriptions::default(), CallId::new("call_1")?);
        let news: Vec<u64> = [4, 4, 6, 5, 7].into_iter().filter(|seq| subscriptions.is_news(&call, *seq)).collect();
        assert_eq!(news, [4, 6, 7]);
        Ok(())
    }

    #[test]
    fn what_was_missed_is_told_once_and_nothing_that_was_told_before() -> Tested {
        let (mut subscriptions, call) = (Subscriptions::default(), CallId::new("call_1")?);
        let mut missed = |after, seqs: std::ops::RangeInclusive<u64>| {
            let told: Vec<u64> = seqs.filter(|seq| subscriptions.is_missed(&call, after, *seq)).collect();
            subscriptions.caught_up(&call, after);
            told
        };
        assert_eq!(missed(5, 1..=8), [6, 7, 8]);
        assert_eq!(missed(5, 1..=9), [9], "the others were told");
        assert_eq!(missed(2, 1..=9), [3, 4, 5], "those before were not");
        assert_eq!(missed(0, 1..=9), [1, 2]);
        assert!(!subscriptions.is_news(&call, 9) && subscriptions.is_news(&call, 10));
        Ok(())
    }

    #[test]
    fn what_was_told_as_it_happened_is_not_told_again() -> Tested {
        let (mut subscriptions, call) = (Subscriptions::default(), CallId::new("call_1")?);
        assert!(subscriptions.is_news(&call, 6));
        let told: Vec<u64> = (1..=8).filter(|seq| subscriptions.is_missed(&call, 4, *seq)).collect();
        assert_eq!(told, [5, 7, 8]);
        Ok(())
    }

    #[test]
    fn what_is_remembered_is_bounded() -> Tested {
        let mut subscriptions = Subscriptions::default();
        for n in 0..10_000 {
            let call = CallId::new(format!("call_{n}"))?;
            assert_eq!(subscriptions.follow(&call), n < MAX);
            assert!(subscriptions.is_news(&call, 1));
            assert!(subscriptions.told.len() <= subscriptions.followed.len() + REMEMBERED);
        }
        assert!(!subscriptions.is_news(&CallId::new("call_0")?, 1), "what is followed is not forgotten");
        Ok(())
    }
}
