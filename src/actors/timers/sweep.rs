//! Looks for deadlines that are stored and that nobody keeps. There should be none: each one found is counted.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    actors::{
        World,
        ports::store::{Shard, Store, StoreError},
    },
    clock,
};

/// How often the store is asked.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How long a deadline must be over before anybody asks why it was not kept.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// Entities looked at in one shard at a time.
const PAGE: usize = 256;

/// Deadlines found that nobody kept.
const FORGOTTEN: &str = "callout_deadlines_forgotten_total";

/// Names the figure and lets it begin at 0.
pub fn describe_metrics() {
    let said = "Deadlines that were stored and overdue, and kept by nobody";
    metrics::describe_counter!(FORGOTTEN, metrics::Unit::Count, said);
    metrics::counter!(FORGOTTEN).increment(0);
}

pub(super) async fn sweep_for_ever(world: Arc<World>, store: Arc<dyn Store>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if let Err(error) = sweep(&world, store.as_ref(), clock::now() - OVERDUE_AFTER).await {
            tracing::debug!(%error, "the store does not say which deadlines are overdue");
        }
    }
}

/// Finds the deadlines that were due by `overdue` and are kept by nobody, and has them kept from now on. Answers how many.
///
/// # Errors
/// When the store does not answer.
pub async fn sweep(world: &World, store: &dyn Store, overdue: Timestamp) -> Result<usize, StoreError> {
    let mut forgotten = 0;
    for shard in Shard::all() {
        for stored in store.due(shard, overdue, PAGE).await? {
            if world.timers.due_at(&stored.entity).is_some() {
                continue;
            }
            // What was read may be older than the look at the timers. What is read after it is not.
            let now = store.load(stored.entity.clone()).await?;
            let Some(due_at) = now.and_then(|now| now.due_at).filter(|due_at| *due_at <= overdue) else { continue };
            if world.timers.set_if_absent(&stored.entity, due_at) {
                tracing::error!(entity = %stored.entity, %due_at, "a deadline was kept by nobody; it is kept again");
                metrics::counter!(FORGOTTEN).increment(1);
                forgotten += 1;
            }
        }
    }
    Ok(forgotten)
}
