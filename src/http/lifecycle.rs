//! Whether the server is ready: it has recovered, is not draining, and the store could commit.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use crate::actors::ports::store::Store;

/// How long the store's answer is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not everything is recovered yet.
    Starting,
    /// At work.
    Ready,
    /// Finishing what it has begun.
    Draining,
}

/// The server's life.
pub struct Lifecycle {
    stage: watch::Sender<Stage>,
    store: Arc<dyn Store>,
    asked: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Lifecycle {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { stage: watch::Sender::new(Stage::Starting), store, asked: Mutex::new(None) }
    }

    /// Everything is recovered.
    pub fn ready(&self) {
        self.stage.send_if_modified(|stage| {
            let starting = *stage == Stage::Starting;
            if starting {
                *stage = Stage::Ready;
            }
            starting
        });
    }

    /// Nothing new is to be begun. There is no way back.
    pub fn drain(&self) {
        self.stage.send_replace(Stage::Draining);
    }

    /// Where it is, and every change of that.
    #[must_use]
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Whether requests are welcome.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn check(&self) -> Result<(), String> {
        match *self.stage.borrow() {
            Stage::Starting => return Err("it is still recovering".to_owned()),
            Stage::Draining => return Err("it is shutting down".to_owned()),
            Stage::Ready => {}
        }
        let known = self.asked.lock().clone().filter(|(at, _)| at.elapsed() < BELIEVED);
        if let Some((_, answer)) = known {
            return answer;
        }
        let answer = match tokio::time::timeout(PATIENCE, self.store.ready()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the store did not answer within {PATIENCE:?}")),
        };
        *self.asked.lock() = Some((Instant::now(), answer.clone()));
        answer
    }
}
