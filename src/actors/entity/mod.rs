//! Entity actors: one per call, driver and payment, all with the same turn.
//!
//! A turn takes a message, decides, commits, adopts, answers, and then performs the effects. Nothing is answered, shown or
//! done before it is committed. This folder knows how; what the entities are is `Entity`'s business, see `world`.

mod actor;
mod commit;
pub mod envelope;
mod message;
mod owed;
mod registry;
mod rest;

use std::{future::Future, pin::Pin, sync::Arc};

pub use actor::EntityActor;
pub use message::{AskError, Until};
pub use registry::{Entities, Parts};

use super::{Cause, World, ports::store::EntityKind};
use crate::domain::{Machine, policy::Policies};

/// A future that stays on its arbiter.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A state machine with what its actor needs to know of the others: how to show itself, and how its effects are done.
pub trait Entity: Machine<Policy = Policies> {
    /// Its kind.
    const KIND: EntityKind;

    /// The state's version: how many events it has seen.
    fn version(state: &Self::State) -> u64;

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

    /// Performs an effect until it is acknowledged. `first` is false when it may have been performed before, wholly or in
    /// part: after a restart, or a panic. Answers with what its entity is to be told, if anything.
    fn perform(task: Task<Self::Effect>) -> LocalFuture<Option<Self::Command>>;
}

/// Why a state is shown.
#[derive(Debug)]
pub enum Change<'a, S> {
    /// It was committed just now.
    Committed {
        /// What it was before; `None` when it is new.
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
    /// Whose effect it is.
    pub id: Arc<str>,
    /// What to do.
    pub effect: F,
    /// Whether it certainly was not performed before.
    pub first: bool,
    /// Why it is done.
    pub cause: Cause,
}
