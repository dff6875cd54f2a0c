//! Deadlines: who wants to be woken when. What is committed is the deadline in the snapshot; this is its index in memory,
//! one entry an entity, so that an entity need not be in memory to keep its appointments.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Supervised, WrapFuture};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    Cause, World,
    entity::{AskError, Entities, Entity},
    ports::store::{EntityKind, EntityRef},
    supervision::Crash,
};
use crate::clock;

/// Entities woken at the same time, at most.
const WAKES_AT_ONCE: usize = 256;
/// An entity that could not be woken is tried again after this long.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
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

impl Timers {
    /// Notes when an entity wants to be woken. `None`: not at all.
    pub fn set(&self, entity: &EntityRef, due_at: Option<Timestamp>) {
        let mut index = self.index.lock();
        if index.by_entity.get(entity).copied() == due_at {
            return;
        }
        if let Some(before) = index.by_entity.remove(entity) {
            index.queue.remove(&(before, entity.clone()));
        }
        if let Some(due_at) = due_at {
            let first = index.queue.first().is_none_or(|(first, _)| due_at < *first);
            index.queue.insert((due_at, entity.clone()));
            index.by_entity.insert(entity.clone(), due_at);
            if first {
                self.sooner.notify_one();
            }
        }
    }

    /// How many entities wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.lock().queue.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

/// The actor that wakes entities.
pub struct Waker(pub Arc<World>);

impl Actor for Waker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.spawn(wake_for_ever(Arc::clone(&self.0)).into_actor(self));
    }
}

impl Supervised for Waker {}

impl Handler<Crash> for Waker {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
        panic!("a drill: the timers were asked to crash");
    }
}

async fn wake_for_ever(world: Arc<World>) {
    loop {
        let wait = world.timers.wait(clock::now());
        let _ = tokio::time::timeout(wait, world.timers.sooner.notified()).await;
        let due = world.timers.take_due(clock::now(), WAKES_AT_ONCE);
        stream::iter(due).for_each_concurrent(WAKES_AT_ONCE, |entity| wake(&world, entity)).await;
    }
}

async fn wake(world: &World, entity: EntityRef) {
    match entity.kind {
        EntityKind::Call => wake_in(&world.calls, world, &entity).await,
        EntityKind::Driver => wake_in(&world.drivers, world, &entity).await,
        EntityKind::Payment => wake_in(&world.payments, world, &entity).await,
    }
}

async fn wake_in<E: Entity>(entities: &Entities<E>, world: &World, entity: &EntityRef) {
    match entities.ask(&entity.id, E::wake(), Cause::fresh("deadline")).await {
        // It may have had nothing to do yet: then its own deadline holds again.
        Ok(state) => world.timers.set(entity, E::due_at(&state)),
        Err(AskError::Rejected { .. }) => world.timers.set(entity, None),
        Err(error) => tracing::warn!(%entity, %error, "a deadline could not be kept yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(timers.len(), 1);
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
    fn the_earliest_come_first_and_no_more_than_asked_for() {
        let timers = Timers::default();
        for (id, second) in [("c", 3), ("a", 1), ("b", 2)] {
            timers.set(&entity(id), Some(at(second)));
        }
        assert_eq!(timers.take_due(at(9), 2), [entity("a"), entity("b")]);
    }
}
