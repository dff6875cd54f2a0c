//! Whether the server is ready: it has recovered, is not draining, and the store could commit.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use crate::actors::ports::store::Store;

/// How long the store's answer is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The stage of the server between its start and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not everything is recovered yet.
    Starting,
    Ready,
    /// Answers as before, while the probe says that the server stops soon.
    Leaving,
    /// Finishes the requests under way.
    Draining,
}

/// Whether the server starts, serves or drains, for readiness and for new requests.
pub struct Lifecycle {
    stage: watch::Sender<Stage>,
    store: Arc<dyn Store>,
    asked: Question,
}

/// A question to the store. One is under way at a time, and those who wait meanwhile share its answer: a store that is
/// slow is not asked ever more often for it.
#[derive(Default)]
struct Question(Mutex<Option<(Instant, Result<(), String>)>>);

impl Question {
    /// The answer that is still believed, or that of `ask`.
    async fn answered(&self, ask: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        let mut known = self.0.lock().await;
        if let Some((at, answer)) = &*known
            && at.elapsed() < BELIEVED
        {
            return answer.clone();
        }
        let answer = ask.await;
        *known = Some((Instant::now(), answer.clone()));
        answer
    }
}

impl Lifecycle {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { stage: watch::Sender::new(Stage::Starting), store, asked: Question::default() }
    }

    pub fn ready(&self) {
        self.stage.send_if_modified(|stage| {
            let starting = *stage == Stage::Starting;
            if starting {
                *stage = Stage::Ready;
            }
            starting
        });
    }

    /// Probes are told that it is not ready; whoever asks all the same is answered.
    pub(super) fn announce(&self) {
        self.stage.send_replace(Stage::Leaving);
    }

    /// Nothing new is to be begun. There is no way back.
    pub fn drain(&self) {
        self.stage.send_replace(Stage::Draining);
    }

    /// Whether it has been told to stop.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Leaving | Stage::Draining)
    }

    /// Where it is, and every change of that.
    #[must_use]
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Whether requests are welcome.
    ///
    /// # Errors
    /// The reason in words, for the probe's answer.
    pub(super) async fn check(&self) -> Result<(), String> {
        match *self.stage.borrow() {
            Stage::Starting => return Err("it is still recovering".to_owned()),
            Stage::Leaving | Stage::Draining => return Err("it is shutting down".to_owned()),
            Stage::Ready => {}
        }
        self.asked
            .answered(async {
                match tokio::time::timeout(PATIENCE, self.store.ready()).await {
                    Ok(answer) => answer.map_err(|error| error.to_string()),
                    Err(_) => Err(format!("the store did not answer within {PATIENCE:?}")),
                }
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_slow_store_is_asked_once_and_all_who_wait_share_its_answer() {
        let (question, asked, slow) = (Question::default(), Cell::new(0), tokio::sync::Notify::new());
        let askers = (0..10).map(|_| {
            question.answered(async {
                asked.set(asked.get() + 1);
                slow.notified().await;
                Err("it is busy".to_owned())
            })
        });
        let answers = join_all(askers);
        let (answers, ()) = tokio::join!(answers, async { slow.notify_one() });
        assert_eq!(asked.get(), 1);
        assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error == "it is busy")), "{answers:?}");
    }
}
