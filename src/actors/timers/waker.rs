//! The actor that wakes entities whose time has come.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Supervised, WrapFuture};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::timeout;

use super::{super::supervision::Crash, sweep::sweep_for_ever};
use crate::{
    actors::{
        Cause, World,
        ports::store::{EntityRef, Store},
    },
    clock,
};

/// Entities woken at the same time, at most.
const WAKES_AT_ONCE: usize = 256;
/// An entity that has not answered by then is no longer waited for: it is woken again, and keeps nobody else waiting.
const WAKE_PATIENCE: Duration = Duration::from_secs(5);

/// The actor that wakes entities.
pub struct Waker {
    pub world: Arc<World>,
    /// Where deadlines are looked for that nobody keeps.
    pub store: Arc<dyn Store>,
}

impl Actor for Waker {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.spawn(wake_for_ever(Arc::clone(&self.world)).into_actor(self));
        context.spawn(sweep_for_ever(Arc::clone(&self.world), Arc::clone(&self.store)).into_actor(self));
    }
}

impl Supervised for Waker {}

impl Handler<Crash> for Waker {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
        panic!("a drill: the timers were asked to crash");
    }
}

/// Wakes whoever is due while others still answer: the slowest keeps nobody waiting.
async fn wake_for_ever(world: Arc<World>) {
    let mut answering = FuturesUnordered::new();
    let mut woken = HashSet::new();
    loop {
        for entity in world.timers.take_due(clock::now(), WAKES_AT_ONCE - answering.len()) {
            // One that has not answered yet stays in the index, and comes again.
            if woken.insert(entity.clone()) {
                let world = &world;
                answering.push(async move {
                    if timeout(WAKE_PATIENCE, wake(world, &entity)).await.is_err() {
                        tracing::warn!(%entity, "an entity did not answer when it was woken");
                    }
                    entity
                });
            }
        }
        let wait = world.timers.wait(clock::now());
        tokio::select! {
            Some(entity) = answering.next() => {
                woken.remove(&entity);
            }
            _ = timeout(wait, world.timers.sooner.notified()), if answering.len() < WAKES_AT_ONCE => {}
        }
    }
}

/// Its next deadline is noted by its actor, which alone knows it.
async fn wake(world: &World, entity: &EntityRef) {
    if let Err(error) = world.kind(entity.kind).wake(&entity.id, Cause::fresh("deadline")).await {
        tracing::warn!(%entity, error, "a deadline could not be kept yet");
    }
}
