//! Whether this process may still speak for the shards it took.
//!
//! A process that was stopped or cut off does not learn by itself that another has taken over. So the store is asked again
//! and again who owns the shards; while that is not known for certain, nothing is answered from memory and no effect is
//! begun. Commits need none of this: the store itself refuses them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::ports::store::{Epoch, Store};

/// How often the store is asked who owns the shards.
pub const ASK_EVERY: Duration = Duration::from_secs(1);
/// How soon it is asked again when it did not answer: nothing is answered from memory before it does.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long its answer holds, from the moment it was asked.
pub const HOLDS_FOR: Duration = Duration::from_secs(3);

/// Where this process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The shards are its own.
    Owner,
    /// The store has not said so for longer than its answer holds: it does not answer, or this process was stopped. Or
    /// the store lost writes, and what is in memory is being dropped.
    Unsure,
    /// Another process has taken them. There is no way back.
    Fenced,
}

/// Shared by everything that answers or acts for the shards.
pub struct Fence {
    fenced: watch::Sender<bool>,
    born: Instant,
    /// Milliseconds after `born`, until which the last answer holds.
    holds_until: AtomicU64,
    /// What is in memory is no longer what is stored.
    paused: AtomicBool,
}

impl Default for Fence {
    fn default() -> Self {
        Self {
            fenced: watch::Sender::new(false),
            born: Instant::now(),
            holds_until: AtomicU64::new(0),
            paused: AtomicBool::new(false),
        }
    }
}

impl Fence {
    /// Where this process stands now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        if *self.fenced.borrow() {
            Standing::Fenced
        } else if self.is_paused() {
            Standing::Unsure
        } else if self.millis(Instant::now()) < self.holds_until.load(Ordering::Acquire) {
            Standing::Owner
        } else {
            Standing::Unsure
        }
    }

    /// What is in memory is no longer what is stored: nothing is answered from it until [`Self::go_on`].
    pub(super) fn pause(&self) {
        self.paused.store(true, Ordering::SeqCst);
    }

    /// What is in memory is what is stored again.
    pub(super) fn go_on(&self) {
        self.paused.store(false, Ordering::SeqCst);
    }

    /// Whether it was paused: nobody may be brought into memory.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Another process has taken the shards.
    pub fn raise(&self) {
        self.fenced.send_replace(true);
    }

    /// Waits until another process has taken the shards.
    pub async fn raised(&self) {
        // The sender is this fence: it cannot be gone.
        let _ = self.fenced.subscribe().wait_for(|fenced| *fenced).await;
    }

    /// The store, asked at `asked`, named this process as the owner.
    pub fn confirm(&self, asked: Instant) {
        self.holds_until.fetch_max(self.millis(asked + HOLDS_FOR), Ordering::AcqRel);
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Asks the store every [`ASK_EVERY`] until another process has taken the shards that were taken with `mine`.
pub(super) async fn keep_asking(fence: Arc<Fence>, store: Arc<dyn Store>, mine: Epoch) {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while fence.standing() != Standing::Fenced {
        ticks.tick().await;
        let asked = Instant::now();
        match store.owner().await {
            Ok(owner) if owner == mine => fence.confirm(asked),
            Ok(owner) => {
                tracing::error!(epoch = mine.0, found = owner.0, "another process has taken the shards");
                fence.raise();
            }
            Err(error) => {
                tracing::warn!(%error, "the store does not say who owns the shards");
                ticks.reset_after(ASK_AGAIN_AFTER);
            }
        }
        if asked.elapsed() > ASK_EVERY {
            tracing::warn!(took_ms = asked.elapsed().as_millis(), "the store was slow to say who owns the shards");
            // What took so long is no longer true for long.
            ticks.reset_immediately();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_a_while_from_when_it_was_asked_for() {
        let fence = Fence::default();
        assert_eq!(fence.standing(), Standing::Unsure, "nobody has said anything yet");
        fence.confirm(Instant::now());
        assert_eq!(fence.standing(), Standing::Owner);
        let late = Fence::default();
        let asked_too_long_ago = late.born.checked_sub(HOLDS_FOR).expect("a machine that has been up for seconds");
        late.confirm(asked_too_long_ago);
        assert_eq!(late.standing(), Standing::Unsure);
    }

    #[test]
    fn while_memory_is_not_what_is_stored_nothing_is_answered() {
        let fence = Fence::default();
        fence.confirm(Instant::now());
        fence.pause();
        assert_eq!(fence.standing(), Standing::Unsure);
        fence.go_on();
        assert_eq!(fence.standing(), Standing::Owner);
    }

    #[test]
    fn a_fence_is_never_lowered() {
        let fence = Fence::default();
        fence.raise();
        fence.confirm(Instant::now());
        assert_eq!(fence.standing(), Standing::Fenced);
    }
}
