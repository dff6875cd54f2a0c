//! The engine: everything the actors do, as the outside asks for it. One method per use case; the
//! front ends only translate.

mod accounts;
mod calls;
mod drivers;
mod error;
mod losses;
mod payments;
mod queries;
mod recovery;
mod settling;
mod start;
mod terms;

use std::{sync::Arc, time::Duration};

pub use error::CallError;
use futures_util::future;
use jiff::Timestamp;
pub use losses::LostPayment;
pub use start::{EngineParts, EngineSettings, StartError};

use super::{
    Ops, World,
    entity::{AskError, Kind},
    ports::store::{Store, StoreError},
    timers,
};

/// The engine. Shared by all front ends.
pub struct Engine {
    world: Arc<World>,
    /// The operators' actions on actors.
    pub ops: Ops,
    store: Arc<dyn Store>,
    payment_wait: Duration,
}

impl Engine {
    /// Commits what is in memory only: positions, and what was done for others. For the end of the process, once nobody
    /// asks for anything any more; what is not committed by then is as old after the next start as after a crash.
    pub async fn save(&self, within: Duration) {
        let saving = async {
            let failed = future::join_all(self.world.kinds().map(Kind::save_all)).await;
            failed.into_iter().sum::<usize>()
        };
        match tokio::time::timeout(within, saving).await {
            Ok(0) => tracing::info!("everything in memory is committed"),
            Ok(failed) => tracing::warn!(failed, "not everything in memory is committed: some entities could not"),
            Err(_) => {
                tracing::warn!(
                    within_ms = within.as_millis(),
                    "not everything in memory is committed: it took too long"
                );
            }
        }
    }

    /// Looks for deadlines that were due by `overdue` and that nobody keeps, as is done every ten seconds, and has them
    /// kept. Answers how many there were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sweep_deadlines(&self, overdue: Timestamp) -> Result<usize, StoreError> {
        timers::sweep(&self.world, self.store.as_ref(), overdue).await
    }

    /// The actors and what they share, for tests of the actors themselves.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }
}

/// Sends a message over which an actor panicked once more, to the actor that takes its place: questions and commands
/// are idempotent, and the panic may have been about something else.
async fn once_more<T, S>(ask: impl AsyncFn() -> Result<T, AskError<S>>) -> Result<T, AskError<S>> {
    match ask().await {
        Err(AskError::Crashed) => ask().await,
        answer => answer,
    }
}
