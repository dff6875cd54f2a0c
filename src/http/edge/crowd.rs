//! How much each client holds open at once, with a bound: connections of an address, sockets of a principal.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use parking_lot::Mutex;

/// Those who hold something open, and how often each does. Nobody is remembered who holds nothing.
pub(in crate::http) struct Crowd<K: Eq + Hash + Clone> {
    max: u32,
    open: Mutex<HashMap<K, u32>>,
}

/// One thing that a client holds open, until it is dropped.
pub(in crate::http) struct Place<K: Eq + Hash + Clone> {
    crowd: Arc<Crowd<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Crowd<K> {
    /// Nobody yet; each may hold `max` open.
    pub(in crate::http) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { max, open: Mutex::default() })
    }

    /// How many each may hold open.
    pub(in crate::http) fn max(&self) -> u32 {
        self.max
    }

    /// One more for a client, unless it has as many as it may.
    pub(in crate::http) fn enter(self: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut open = self.open.lock();
        let held = open.get(&key).copied().unwrap_or_default();
        (held < self.max).then(|| {
            open.insert(key.clone(), held + 1);
            Place { crowd: Arc::clone(self), key }
        })
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut open = self.crowd.open.lock();
        match open.get_mut(&self.key) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(open.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holds_as_much_as_it_may_and_a_place_that_is_given_up_is_free_again() {
        let crowd = Crowd::new(2);
        let (first, _second) = (crowd.enter("mina"), crowd.enter("mina"));
        assert!(first.is_some() && crowd.enter("mina").is_none());
        assert!(crowd.enter("jun").is_some(), "others are not in the way");
        drop(first);
        assert!(crowd.enter("mina").is_some());
    }

    #[test]
    fn nobody_is_remembered_who_holds_nothing() {
        let crowd = Crowd::new(2);
        let places: Vec<_> = (0..100).filter_map(|n| crowd.enter(n)).collect();
        assert_eq!(places.len(), 100);
        drop(places);
        assert!(crowd.open.lock().is_empty());
    }
}
