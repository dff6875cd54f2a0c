//! Questions and actions for all kinds of entities alike: by timers, at the start, by operators.

use std::sync::{Arc, Weak, atomic::Ordering};

use super::{Change, Entities, Entity, envelope, missing_policy};
use crate::{
    actors::{
        Cause, World,
        ports::{
            BoxFuture,
            store::{EntityKind, Stored},
        },
        supervision::{KindStats, Vitals},
    },
    domain::{
        ServiceId,
        policy::{NoPolicy, TermsId},
    },
};

/// The entities of one kind. [`World::kind`] knows which one is which.
pub trait Kind: Send + Sync {
    /// Tells the actors where the others are. Once, before the first message.
    fn connect(&self, world: Weak<World>);

    fn stats(&self) -> &Arc<KindStats>;

    /// The health of an actor that is in memory or parked.
    fn vitals(&self, id: &str) -> Option<Arc<Vitals>>;

    /// The ids of parked actors, at most `limit`.
    fn parked(&self, limit: usize) -> Vec<Arc<str>>;

    /// Brings an entity into memory, so that it performs what it owes.
    fn awaken(&self, id: &str);

    /// Tells an entity that its time has come.
    ///
    /// # Errors
    /// The reason why it did not answer, in words. A refusal is an answer.
    fn wake<'a>(&'a self, id: &'a str, cause: Cause) -> BoxFuture<'a, Result<(), String>>;

    /// Makes an actor panic in its next message: a drill. Waits until it has.
    ///
    /// # Errors
    /// Why it could not be asked, in words.
    fn crash<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>>;

    /// Puts a parked actor back to work. Answers whether it was parked.
    fn resume(&self, id: &str) -> bool;

    /// Has every running actor commit what is in memory only. Answers how many could not.
    fn save_all(&self) -> BoxFuture<'_, usize>;

    /// Drops every actor with what it is doing, and waits until they are gone.
    fn drop_all(&self) -> BoxFuture<'_, ()>;

    /// Shows what the store holds of an entity to the timers and boards, at the start.
    ///
    /// # Errors
    /// When the snapshot is none of this kind, or its terms are not known.
    fn recover(&self, world: &World, stored: &Stored) -> Result<Recovered, envelope::Unreadable>;

    /// The figures and the state in a snapshot, for operators.
    ///
    /// # Errors
    /// When the snapshot is none of this kind.
    fn inspect(&self, snapshot: &str) -> Result<Inspected, envelope::Unreadable>;

    /// The kind whose entity of the same id this one begins with: a payment is there as soon as its call is.
    fn begins_with(&self) -> Option<EntityKind>;
}

/// The facts about a recovered entity that the start needs.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Whether it owes effects, and is to be woken to perform them.
    pub owes: bool,
    /// The service without whose policy it cannot go on, if there is none at all.
    pub without_policy: Option<ServiceId>,
    /// The service and the terms that it was made under, if it goes by any.
    pub terms: Option<(ServiceId, Option<TermsId>)>,
}

/// The figures and the state in a snapshot, for operators.
#[derive(Debug)]
pub struct Inspected {
    /// How many effects it owes.
    pub owed: usize,
    /// The service whose entity it is, as far as its own state says that.
    pub service: Option<ServiceId>,
    /// Its state as JSON.
    pub state: serde_json::Value,
}

impl<E: Entity> Kind for Entities<E> {
    fn connect(&self, world: Weak<World>) {
        self.connect(world);
    }

    fn stats(&self) -> &Arc<KindStats> {
        self.stats()
    }

    fn vitals(&self, id: &str) -> Option<Arc<Vitals>> {
        self.vitals(id)
    }

    fn parked(&self, limit: usize) -> Vec<Arc<str>> {
        self.parked(limit)
    }

    fn awaken(&self, id: &str) {
        self.awaken(id);
    }

    fn wake<'a>(&'a self, id: &'a str, cause: Cause) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            match self.wake(id, cause).await {
                Ok(_) | Err(super::AskError::Rejected { .. }) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    fn crash<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.crash(id).await.map_err(|error| error.to_string()) })
    }

    fn resume(&self, id: &str) -> bool {
        self.resume(id)
    }

    fn save_all(&self) -> BoxFuture<'_, usize> {
        Box::pin(self.save_all())
    }

    fn drop_all(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.drop_all())
    }

    fn recover(&self, world: &World, stored: &Stored) -> Result<Recovered, envelope::Unreadable> {
        if self.vitals(&stored.entity.id).is_some() {
            // It is in memory and shows itself; what was read may be older.
            return Ok(Recovered::default());
        }
        let snapshot = envelope::read::<E>(&stored.snapshot)?;
        let without_policy = match missing_policy::<E>(&snapshot.state, &world.policies) {
            None => None,
            Some(NoPolicy::Service(service)) => Some(service),
            Some(missing) => return Err(missing.into()),
        };
        if !E::is_terminal(&snapshot.state) {
            self.stats().live.fetch_add(1, Ordering::Relaxed);
        }
        let terms = E::terms(&snapshot.state).map(|terms| (terms.service.clone(), terms.terms.cloned()));
        world.timers.set(&stored.entity, E::due_at(&snapshot.state));
        E::project(world, &Change::Recovered, &Arc::new(snapshot.state));
        Ok(Recovered { owes: !snapshot.owed.is_empty(), without_policy, terms })
    }

    fn inspect(&self, snapshot: &str) -> Result<Inspected, envelope::Unreadable> {
        let snapshot = envelope::read::<E>(snapshot)?;
        let service = E::service(&snapshot.state).cloned();
        let state = E::inspected(&snapshot.state);
        Ok(Inspected { owed: snapshot.owed.len(), service, state })
    }

    fn begins_with(&self) -> Option<EntityKind> {
        E::BEGINS_WITH
    }
}
