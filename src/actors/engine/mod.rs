//! The engine: everything the actors do, as the outside asks for it. One method per use case; the front ends only translate.

mod calls;
mod drivers;
mod error;
mod recovery;
mod start;

use std::{ops::Deref, sync::Arc, time::Duration};

pub use error::CallError;
pub use start::{EngineParts, EngineSettings};

use super::{Ops, World, ports::store::Store};

/// The engine. Shared by all front ends.
pub struct Engine {
    world: Arc<World>,
    /// What operators may do to actors.
    pub ops: Ops,
    store: Arc<dyn Store>,
    payment_wait: Duration,
}

impl Deref for Engine {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Engine {
    /// The store, for those who ask whether it can commit.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The actors' world.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
}
