//! The operators' view of actors, and their actions: the supervision tree, one actor, drills, putting back to work.

mod figures;

use std::{sync::Arc, time::Duration};

use actix::{Actor, Context, Handler, Supervised};
use parking_lot::RwLock;

use figures::Committed;
pub use figures::{ActorFigures, KindFigures};

use super::{
    World,
    entity::{Inspected, Kind},
    ports::store::{EntityKind, EntityRef, Store, StoreError, Stored},
    supervision::{Crash, KindStats, Singleton, Status, Vitals},
};
use crate::domain::ServiceId;

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
    #[error("there is no kind of actor {kind:?}; the kinds are {known}")]
    NoSuchKind {
        /// The kind in the request.
        kind: String,
        known: String,
    },
    /// There is no such actor.
    #[error("there is no {kind} {id:?}")]
    NoSuchActor { kind: String, id: String },
    /// It is parked already.
    #[error("{kind}/{id} is parked; resume it first")]
    Parked { kind: String, id: String },
    /// The actor does not take the request now.
    #[error("the actor does not answer now: {0}")]
    NoAnswer(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The operators' questions and actions, for entities and singletons alike.
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
        let mut kinds: Vec<_> = self.world.kinds().map(|kind| KindFigures::of_entities(kind, PARKED_MAX)).collect();
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

    /// The figures of one actor, by its kind and id.
    ///
    /// # Errors
    /// When there is no such actor, or the store does not answer.
    pub async fn actor(&self, kind: &str, id: &str) -> Result<ActorFigures, OpsError> {
        match EntityKind::parse(kind) {
            Some(kind) => self.entity(kind, id).await,
            None => Ok(ActorFigures::of_single(kind, id, &self.single(kind, id)?.vitals())),
        }
    }

    /// The one service that an actor concerns; `None` when it serves them all, or nobody can say.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn service_of(&self, kind: &str, id: &str) -> Result<Option<ServiceId>, OpsError> {
        let Some(kind) = EntityKind::parse(kind) else {
            // A dispatcher is named after its service.
            return Ok(self.world.policies.services().find(|known| known.as_str() == id).cloned());
        };
        // A payment is of the service of its call.
        let kind = self.world.kind(kind).begins_with().unwrap_or(kind);
        let stored = match self.store.load(EntityRef::new(kind, id)).await {
            Err(StoreError::Corrupt { .. }) => return Ok(None),
            stored => stored?,
        };
        Ok(stored.and_then(|stored| self.service_in(kind, &stored.snapshot)))
    }

    /// The service that a snapshot of an entity names.
    #[must_use]
    pub fn service_in(&self, kind: EntityKind, snapshot: &str) -> Option<ServiceId> {
        self.world.kind(kind).inspect(snapshot).ok().and_then(|inspected| inspected.service)
    }

    /// Makes an actor panic in its next message. Answers once it is back or parked, or after a second if it still
    /// waits for its restart.
    ///
    /// # Errors
    /// When there is no such actor, or it takes no messages now.
    pub async fn crash(&self, kind: &str, id: &str) -> Result<ActorFigures, OpsError> {
        let before = self.actor(kind, id).await?;
        if before.status == Status::Parked {
            return Err(OpsError::Parked { kind: kind.to_owned(), id: id.to_owned() });
        }
        match EntityKind::parse(kind) {
            Some(kind) => self.world.kind(kind).crash(id).await.map_err(OpsError::NoAnswer)?,
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
            Some(kind) => self.world.kind(kind).resume(id),
            None => self.single(kind, id)?.resume(),
        };
        if resumed {
            tracing::warn!(kind, id, "an operator puts an actor back to work");
        }
        self.actor(kind, id).await
    }

    async fn entity(&self, kind: EntityKind, id: &str) -> Result<ActorFigures, OpsError> {
        let entities = self.world.kind(kind);
        let vitals = entities.vitals(id);
        let stored = match self.store.load(EntityRef::new(kind, id)).await {
            Err(StoreError::Corrupt { reason }) => {
                let figures = ActorFigures::of_entity(kind, id, vitals.as_deref(), None);
                return Ok(ActorFigures { state: unreadable(&reason), ..figures });
            }
            stored => stored?,
        };
        if vitals.is_none() && stored.is_none() && !self.has_begun(kind, id).await? {
            return Err(OpsError::NoSuchActor { kind: kind.as_str().to_owned(), id: id.to_owned() });
        }
        let committed = stored.map(|stored| committed(entities, &stored));
        Ok(ActorFigures::of_entity(kind, id, vitals.as_deref(), committed))
    }

    /// Whether something of which nothing is stored is there all the same: it begins with an entity that is stored.
    async fn has_begun(&self, kind: EntityKind, id: &str) -> Result<bool, StoreError> {
        let Some(first) = self.world.kind(kind).begins_with() else { return Ok(false) };
        match self.store.load(EntityRef::new(first, id)).await {
            Err(StoreError::Corrupt { .. }) => Ok(true),
            stored => Ok(stored?.is_some()),
        }
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

/// Stands for a state that cannot be read.
fn unreadable(reason: &str) -> serde_json::Value {
    serde_json::json!({ "unreadable": reason })
}

/// The content of a stored snapshot, its state as JSON.
fn committed(entities: &dyn Kind, stored: &Stored) -> Committed {
    match entities.inspect(&stored.snapshot) {
        Ok(Inspected { owed, state, .. }) => Committed { version: stored.version, owed, state },
        Err(error) => Committed { version: stored.version, owed: 0, state: unreadable(&error.to_string()) },
    }
}
