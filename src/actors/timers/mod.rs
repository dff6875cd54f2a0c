//! Deadlines: who wants to be woken when. What is committed is the deadline in the snapshot; this is its index in memory,
//! one entry an entity, so that an entity need not be in memory to keep its appointments.
//!
//! An entry is written by its entity's actor only, after each commit and each wake, and by recovery before any actor runs:
//! nobody else can know that a later commit has not set another deadline meanwhile.

mod sweep;
mod waker;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ports::store::EntityRef;
pub use sweep::{describe_metrics, sweep};
pub use waker::Waker;

/// An entity that could not be woken, or for which its deadline changed nothing, is woken again after this long.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// The clock is looked at this often at the least, so that a changed wall clock is noticed.
const LOOK_AT_LEAST: Duration = Duration::from_secs(5);

/// The index of deadlines.
#[derive(Default)]
pub struct Timers {
    index: Mutex<Index>,
    sooner: Notify,
}

#[derive(Default)]
struct Index {
    queue: BTreeSet<(Timestamp, EntityRef)>,
    by_entity: HashMap<EntityRef, Timestamp>,
}

impl Index {
    /// Answers whether the entity is the first to be woken now.
    fn set(&mut self, entity: &EntityRef, due_at: Option<Timestamp>) -> bool {
        if self.by_entity.get(entity).copied() == due_at {
            return false;
        }
        if let Some(before) = self.by_entity.remove(entity) {
            self.queue.remove(&(before, entity.clone()));
        }
        let Some(due_at) = due_at else { return false };
        let first = self.queue.first().is_none_or(|(first, _)| due_at < *first);
        self.queue.insert((due_at, entity.clone()));
        self.by_entity.insert(entity.clone(), due_at);
        first
    }
}

impl Timers {
    /// Notes when an entity wants to be woken. `None`: not at all.
    pub fn set(&self, entity: &EntityRef, due_at: Option<Timestamp>) {
        if self.index.lock().set(entity, due_at) {
            self.sooner.notify_one();
        }
    }

    /// Notes that an entity is to be woken, if nobody has noted anything for it. Answers whether nobody had.
    fn set_if_absent(&self, entity: &EntityRef, due_at: Timestamp) -> bool {
        let mut index = self.index.lock();
        let is_absent = !index.by_entity.contains_key(entity);
        if is_absent && index.set(entity, Some(due_at)) {
            self.sooner.notify_one();
        }
        is_absent
    }

    /// Forgets every deadline.
    pub(super) fn clear(&self) {
        *self.index.lock() = Index::default();
    }

    /// When an entity will be woken.
    #[must_use]
    pub fn due_at(&self, entity: &EntityRef) -> Option<Timestamp> {
        self.index.lock().by_entity.get(entity).copied()
    }

    /// Those whose time has come, earliest first, at most `limit`. They stay in the index, at a later time, until their
    /// next commit says otherwise: a wake that fails comes again.
    fn take_due(&self, now: Timestamp, limit: usize) -> Vec<EntityRef> {
        let mut index = self.index.lock();
        let due: Vec<(Timestamp, EntityRef)> =
            index.queue.iter().take_while(|(due_at, _)| *due_at <= now).take(limit).cloned().collect();
        for entry in &due {
            index.queue.remove(entry);
            index.queue.insert((now + AGAIN_AFTER, entry.1.clone()));
            index.by_entity.insert(entry.1.clone(), now + AGAIN_AFTER);
        }
        due.into_iter().map(|(_, entity)| entity).collect()
    }

    /// How long until the first deadline.
    fn wait(&self, now: Timestamp) -> Duration {
        let index = self.index.lock();
        let first = index.queue.first().map(|(due_at, _)| due_at.duration_since(now));
        first.map_or(LOOK_AT_LEAST, |wait| Duration::try_from(wait).unwrap_or_default().min(LOOK_AT_LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ports::store::EntityKind;

    fn entity(id: &str) -> EntityRef {
        EntityRef::new(EntityKind::Call, id)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_entity_has_one_deadline_the_last_one_set() {
        let timers = Timers::default();
        timers.set(&entity("a"), Some(at(10)));
        timers.set(&entity("a"), Some(at(5)));
        timers.set(&entity("b"), Some(at(7)));
        timers.set(&entity("b"), None);
        assert_eq!(timers.index.lock().queue.len(), 1);
        assert_eq!(timers.take_due(at(4), 9), []);
        assert_eq!(timers.take_due(at(5), 9), [entity("a")]);
    }

    #[test]
    fn a_wake_that_changes_nothing_comes_again() {
        let timers = Timers::default();
        timers.set(&entity("a"), Some(at(5)));
        assert_eq!(timers.take_due(at(5), 9), [entity("a")]);
        assert_eq!(timers.take_due(at(5), 9), []);
        assert_eq!(timers.take_due(at(6), 9), [entity("a")]);
    }

    #[test]
    fn a_forgotten_deadline_never_replaces_the_one_that_is_there() {
        let timers = Timers::default();
        assert!(timers.set_if_absent(&entity("a"), at(5)));
        assert!(!timers.set_if_absent(&entity("a"), at(3)));
        assert_eq!(timers.due_at(&entity("a")), Some(at(5)));
    }

    #[test]
    fn the_earliest_come_first_and_no_more_than_asked_for() {
        let timers = Timers::default();
        for (id, second) in [("c", 3), ("a", 1), ("b", 2)] {
            timers.set(&entity(id), Some(at(second)));
        }
        assert_eq!(timers.take_due(at(9), 2), [entity("a"), entity("b")]);
    }
}
