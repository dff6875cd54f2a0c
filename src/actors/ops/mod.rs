//! What operators see of actors, and may do to them: the supervision tree, one actor, drills, putting back to work.

mod figures;

use std::{sync::Arc, time::Duration};

use actix::{Actor, Context, Handler, Supervised};
use parking_lot::RwLock;

pub use figures::{ActorFigures, KindFigures};

use super::{
    World,
    entity::{AskError, Entities, Entity, envelope},
    ports::store::{EntityKind, EntityRef, Store, StoreError, Stored},
    supervision::{Crash, KindStats, Singleton, Status, Vitals},
};

/// Parked actors listed at once, per kind.
const PARKED_MAX: usize = 200;

/// How long a drill waits for the actor to be back.
const CRASH_PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks.
const CRASH_LOOK: Duration = Duration::from_millis(5);

/// Why an operator's request about an actor failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpsError {
    /// There is no such kind of actor.
    #[error("there is no kind of actor {kind:?}; there are {known}")]
    NoSuchKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: String,
    },
    /// There is no such actor.
    #[error("there is no {kind} {id:?}")]
    NoSuchActor {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// It is parked already.
    #[error("{kind}/{id} is parked; resume it first")]
    Parked {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// The actor does not take the request now.
    #[error("the actor does not answer now: {0}")]
    NoAnswer(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The operators' desk.
pub struct Ops {
    world: Arc<World>,
    store: Arc<dyn Store>,
    singles: RwLock<Vec<Arc<dyn Single>>>,
}

/// A singleton whose type does not matter.
trait Single: Send + Sync {
    fn name(&self) -> &Arc<str>;
    fn vitals(&self) -> Arc<Vitals>;
    fn stats(&self) -> &Arc<KindStats>;
    fn crash(&self);
    fn resume(&self) -> bool;
}

impl<A> Single for Singleton<A>
where
    A: Actor<Context = Context<A>> + Supervised + Handler<Crash>,
{
    fn name(&self) -> &Arc<str> {
        self.name()
    }

    fn vitals(&self) -> Arc<Vitals> {
        self.vitals()
    }

    fn stats(&self) -> &Arc<KindStats> {
        self.stats()
    }

    fn crash(&self) {
        self.crash();
    }

    fn resume(&self) -> bool {
        self.resume()
    }
}

impl Ops {
    /// The desk of a world.
    pub(super) fn new(world: &Arc<World>, store: Arc<dyn Store>) -> Self {
        let ops = Self { world: Arc::clone(world), store, singles: RwLock::default() };
        ops.watch(Arc::clone(world.guard.actor()));
        for (_, dispatcher) in world.dispatchers.actors() {
            ops.watch(Arc::clone(dispatcher));
        }
        ops
    }

    /// Adds a singleton to what operators see.
    pub fn watch<A>(&self, singleton: Arc<Singleton<A>>)
    where
        A: Actor<Context = Context<A>> + Supervised + Handler<Crash>,
    {
        self.singles.write().push(singleton);
    }

    /// The supervision tree, by kind.
    #[must_use]
    pub fn kinds(&self) -> Vec<KindFigures> {
        let mut kinds = vec![
            KindFigures::of_entities(&self.world.calls, PARKED_MAX),
            KindFigures::of_entities(&self.world.drivers, PARKED_MAX),
            KindFigures::of_entities(&self.world.payments, PARKED_MAX),
        ];
        for single in self.singles.read().iter() {
            let (kind, id) = split(single.name());
            let parked = single.vitals().status() == Status::Parked;
            match kinds.iter_mut().find(|figures| figures.kind == kind) {
                Some(figures) => figures.add(id, parked),
                None => kinds.push(KindFigures::of_single(single.stats(), id, parked)),
            }
        }
        kinds
    }

    /// One actor.
    ///
    /// # Errors
    /// When there is no such actor, or the store does not answer.
    pub async fn actor(&self, kind: &str, id: &str) -> Result<ActorFigures, OpsError> {
        match EntityKind::parse(kind) {
            Some(EntityKind::Call) => self.entity(&self.world.calls, id).await,
            Some(EntityKind::Driver) => self.entity(&self.world.drivers, id).await,
            Some(EntityKind::Payment) => self.entity(&self.world.payments, id).await,
            None => Ok(ActorFigures::of_single(kind, id, &self.single(kind, id)?.vitals())),
        }
    }

    /// Makes an actor panic in its next message. Answers once it is back or parked, or after a second if it still waits for
    /// its restart.
    ///
    /// # Errors
    /// When there is no such actor, or it takes no messages now.
    pub async fn crash(&self, kind: &str, id: &str) -> Result<ActorFigures, OpsError> {
        let before = self.actor(kind, id).await?;
        if before.status == Status::Parked {
            return Err(OpsError::Parked { kind: kind.to_owned(), id: id.to_owned() });
        }
        match EntityKind::parse(kind) {
            Some(EntityKind::Call) => crashed(self.world.calls.crash(id).await)?,
            Some(EntityKind::Driver) => crashed(self.world.drivers.crash(id).await)?,
            Some(EntityKind::Payment) => crashed(self.world.payments.crash(id).await)?,
            None => self.single(kind, id)?.crash(),
        }
        let back = async {
            loop {
                let now = self.actor(kind, id).await?;
                let restarted = now.status == Status::Running && now.restarts > before.restarts;
                if restarted || now.status == Status::Parked {
                    return Ok(now);
                }
                tokio::time::sleep(CRASH_LOOK).await;
            }
        };
        match tokio::time::timeout(CRASH_PATIENCE, back).await {
            Ok(figures) => figures,
            Err(_) => self.actor(kind, id).await,
        }
    }

    /// Puts a parked actor back to work. One that is not parked is left as it is.
    ///
    /// # Errors
    /// When there is no such actor, or the store does not answer.
    pub async fn resume(&self, kind: &str, id: &str) -> Result<ActorFigures, OpsError> {
        self.actor(kind, id).await?;
        let resumed = match EntityKind::parse(kind) {
            Some(EntityKind::Call) => self.world.calls.resume(id),
            Some(EntityKind::Driver) => self.world.drivers.resume(id),
            Some(EntityKind::Payment) => self.world.payments.resume(id),
            None => self.single(kind, id)?.resume(),
        };
        if resumed {
            tracing::warn!(kind, id, "an operator puts an actor back to work");
        }
        self.actor(kind, id).await
    }

    async fn entity<E: Entity>(&self, entities: &Entities<E>, id: &str) -> Result<ActorFigures, OpsError> {
        let vitals = entities.vitals(id);
        let stored = self.store.load(EntityRef::new(E::KIND, id)).await?;
        match (vitals, stored) {
            // A payment is there with its call, though it has nothing to say before the first charge.
            (None, None) if E::KIND == EntityKind::Payment && self.is_call(id).await? => {
                Ok(ActorFigures::of_entity(E::KIND, id, None, None))
            }
            (None, None) => Err(OpsError::NoSuchActor { kind: E::KIND.as_str().to_owned(), id: id.to_owned() }),
            (vitals, stored) => Ok(ActorFigures::of_entity(E::KIND, id, vitals.as_deref(), snapshot::<E>(stored))),
        }
    }

    async fn is_call(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.store.load(EntityRef::new(EntityKind::Call, id)).await?.is_some())
    }

    fn single(&self, kind: &str, id: &str) -> Result<Arc<dyn Single>, OpsError> {
        let singles = self.singles.read();
        let mut of_kind = singles.iter().filter(|single| split(single.name()).0 == kind).peekable();
        if of_kind.peek().is_none() {
            return Err(OpsError::NoSuchKind { kind: kind.to_owned(), known: self.known() });
        }
        let no_such = || OpsError::NoSuchActor { kind: kind.to_owned(), id: id.to_owned() };
        of_kind.find(|single| split(single.name()).1 == id).cloned().ok_or_else(no_such)
    }

    fn known(&self) -> String {
        self.kinds().iter().map(|figures| figures.kind.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, name))
}

fn crashed<S>(result: Result<(), AskError<S>>) -> Result<(), OpsError> {
    result.map_err(|error| OpsError::NoAnswer(error.to_string()))
}

/// The version and the state in a stored snapshot, as JSON.
fn snapshot<E: Entity>(stored: Option<Stored>) -> Option<(u64, serde_json::Value)> {
    let stored = stored?;
    let state = match envelope::read::<E>(&stored.snapshot) {
        Ok(snapshot) => serde_json::to_value(snapshot.state).unwrap_or_default(),
        Err(error) => serde_json::json!({ "unreadable": error.to_string() }),
    };
    Some((stored.version, state))
}
