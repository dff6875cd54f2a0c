//! Getting a write into the store, and never guessing what became of it.

use std::{sync::Arc, time::Duration};

use crate::{
    actors::{
        backoff::BackoffSettings,
        ports::store::{Commit, Committed, Store, StoreError},
        supervision::Vitals,
    },
    clock,
};

const REPEATS: &str = "callout_commit_repeats_total";

/// Names the figures and lets them begin at 0.
pub(super) fn describe_metrics() {
    let said = "Writes sent again because their outcome was unknown";
    metrics::describe_counter!(REPEATS, metrics::Unit::Count, said);
    metrics::counter!(REPEATS).increment(0);
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    Yes,
    /// Nothing was written; the store says when to try again.
    No(Duration),
    /// Another version is there.
    Conflict,
    /// Another owner has the shard.
    Fenced,
    /// The stored snapshot cannot be read and must not be overwritten: it needs a person.
    Unreadable(String),
}

/// How long a repetition of a write with an unknown outcome waits.
pub(super) const REPEAT: BackoffSettings = BackoffSettings { initial_ms: 50, factor: 2.0, max_ms: 1_000, jitter: 0.2 };

/// Writes, repeating the same write id for as long as its outcome is unknown. Meanwhile the entity is frozen: callers
/// are told so by `on_freeze`, once.
pub(super) async fn write(
    store: Arc<dyn Store>,
    commit: Commit,
    vitals: Arc<Vitals>,
    on_freeze: impl FnOnce(),
) -> Written {
    let mut on_freeze = Some(on_freeze);
    let mut attempt = 0;
    let written = loop {
        match store.commit(commit.clone()).await {
            Ok(Committed::Ok | Committed::Duplicate) => break Written::Yes,
            Ok(Committed::Conflict { .. }) => break Written::Conflict,
            Ok(Committed::Fenced { found }) => {
                tracing::error!(entity = %commit.entity, epoch = commit.epoch.0, found = found.0, "a write was fenced");
                break Written::Fenced;
            }
            // Only certain as long as no repetition of it is on its way.
            Err(StoreError::Unavailable { retry_after, .. }) if attempt == 0 => break Written::No(retry_after),
            Err(StoreError::Corrupt { reason }) => break Written::Unreadable(reason),
            Err(error) => {
                tracing::warn!(entity = %commit.entity, %error, attempt, "the outcome of a write is unknown");
                metrics::counter!(REPEATS).increment(1);
                vitals.set_frozen(true);
                if let Some(on_freeze) = on_freeze.take() {
                    on_freeze();
                }
            }
        }
        tokio::time::sleep(REPEAT.delay(attempt, clock::random_unit())).await;
        attempt += 1;
    };
    vitals.set_frozen(false);
    written
}
