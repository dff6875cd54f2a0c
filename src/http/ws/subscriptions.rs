//! Which calls a socket follows, and which of their changes it has been told: no number twice, none backwards.

use std::collections::{HashMap, HashSet};

use crate::domain::CallId;

/// How many calls one socket may follow.
pub(super) const MAX: usize = 1_000;
/// Of how many calls that it does not follow a socket remembers what it was told. They come in the hub's order anyway:
/// their numbers matter only when one gets followed soon after.
const REMEMBERED: usize = 64;

/// What a socket follows and was told.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    followed: HashSet<CallId>,
    told: HashMap<CallId, u64>,
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

    /// The client says that it knows a call's changes up to that number: it is told the later ones, again if need be.
    pub fn knows(&mut self, call: &CallId, seq: u64) {
        self.told.insert(call.clone(), seq);
    }

    /// Whether that change of a call is news; from then on it is not.
    pub fn is_news(&mut self, call: &CallId, seq: u64) -> bool {
        if self.told.get(call).is_some_and(|told| *told >= seq) {
            return false;
        }
        self.forget_some();
        self.told.insert(call.clone(), seq);
        true
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
        subscriptions.knows(&call, 3);
        let news: Vec<u64> =
            [2, 3, 4, 4, 6, 5, 7].into_iter().filter(|seq| subscriptions.is_news(&call, *seq)).collect();
        assert_eq!(news, [4, 6, 7]);
        Ok(())
    }

    #[test]
    fn a_client_that_says_it_knows_less_is_told_again() -> Tested {
        let (mut subscriptions, call) = (Subscriptions::default(), CallId::new("call_1")?);
        assert!(subscriptions.is_news(&call, 6));
        subscriptions.knows(&call, 4);
        assert!(subscriptions.is_news(&call, 5));
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
