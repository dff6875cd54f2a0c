//! Entity actors: one per call, driver, payment and account, all with the same turn.
//!
//! A turn takes a message, decides, commits, adopts, answers, and then performs the effects. Nothing is answered, shown
//! or done before it is committed. This folder knows how; what the entities are is `Entity`'s business, see `world`.

mod actor;
mod answers;
mod busy;
mod commit;
mod dropping;
pub mod envelope;
mod kind;
mod ledger;
mod load;
mod message;
mod perform;
mod registry;
mod rest;

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

pub use actor::EntityActor;
pub use kind::{Inspected, Kind, Recovered};
pub use message::{AskError, Until};
pub use registry::{Entities, Parts};

use super::{Cause, World, ports::store::EntityKind};
use crate::domain::{
    Machine, ServiceId,
    policy::{NoPolicy, Policies, TermsId},
};

/// A future that stays on its arbiter.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A state machine together with its actor's part: how a state is shown to the boards, and how effects are performed.
pub trait Entity: Machine<Policy = Policies> {
    /// Its name in keys, metrics and the operators' interface.
    const KIND: EntityKind;

    /// The kind whose entity of the same id it begins with, though nothing is stored of it yet.
    const BEGINS_WITH: Option<EntityKind> = None;

    /// The kind whose entity of the same id it may be forgotten with, once both are over. `None`: it is kept for ever.
    const EXPIRES_WITH: Option<EntityKind> = None;

    /// The state's version: how many events it has seen.
    fn version(state: &Self::State) -> u64;

    /// The service whose entity it is, as far as its own state says that.
    fn service(_state: &Self::State) -> Option<&ServiceId> {
        None
    }

    /// The terms that it was made under, if it goes by any.
    fn terms(_state: &Self::State) -> Option<Terms<'_>> {
        None
    }

    /// An event as the event stream carries it. What is left out here is in the snapshot alone.
    fn streamed(event: &Self::Event) -> Cow<'_, Self::Event> {
        Cow::Borrowed(event)
    }

    /// The state as operators see it, as JSON.
    fn inspected(state: &Self::State) -> serde_json::Value {
        serde_json::to_value(state).unwrap_or_default()
    }

    /// Shows a state to the boards and the hub. Must be idempotent and quick; must not wait.
    fn project(world: &World, change: &Change<'_, Self::State>, after: &Arc<Self::State>);

    /// Looks something up that the command needs, before it is decided.
    fn prepare(
        _world: &Arc<World>,
        _state: Option<&Self::State>,
        _command: &Self::Command,
    ) -> Option<LocalFuture<Self::Command>> {
        None
    }

    /// Performs an effect until it is acknowledged. `first` is false when it may have been performed before, wholly or
    /// in part: after a restart, or a panic. Answers with what its entity is to be told, if anything.
    fn perform(task: Task<Self::Effect>) -> LocalFuture<Option<Self::Command>>;
}

/// The terms that an entity was made under.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub service: &'a ServiceId,
    /// The name of the terms; without: it was made before terms were kept.
    pub terms: Option<&'a TermsId>,
    /// Whether it cannot go on without them.
    pub needed: bool,
}

/// The policy that an entity cannot go on without, and that is not known.
fn missing_policy<E: Entity>(state: &E::State, policies: &Policies) -> Option<NoPolicy> {
    let Terms { service, terms, .. } = E::terms(state).filter(|terms| terms.needed)?;
    policies.under(service, terms).err()
}

/// Why a state is shown.
#[derive(Debug)]
pub enum Change<'a, S> {
    /// It was committed just now.
    Committed {
        /// The state before; `None` when the entity is new.
        before: Option<&'a S>,
    },
    /// It was committed some time ago and read from the store.
    Recovered,
    /// Something changed that is not committed, such as a position.
    Volatile,
}

/// An effect to perform.
pub struct Task<F> {
    /// Where to find the others.
    pub world: Arc<World>,
    /// The id of the entity that owes the effect.
    pub id: Arc<str>,
    pub effect: F,
    /// Whether this is certainly the first time that it is performed.
    pub first: bool,
    /// Why it is done.
    pub cause: Cause,
}
