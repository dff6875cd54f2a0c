//! The metrics of the group commit.

use std::time::Duration;

use metrics::{Counter, Histogram, Unit};

use super::CommitResult;
use crate::actors::ports::store::{Committed, StoreError};

/// Handles to the metrics, made once: a commit costs a few additions.
#[derive(Clone)]
pub(super) struct Meters {
    latency: Histogram,
    group: Histogram,
    ok: Counter,
    duplicate: Counter,
    conflict: Counter,
    fenced: Counter,
    unavailable: Counter,
    unknown: Counter,
    corrupt: Counter,
}

impl Meters {
    pub fn new() -> Self {
        metrics::describe_histogram!(
            "callout_store_commit_seconds",
            Unit::Seconds,
            "From asking for a commit to its answer"
        );
        metrics::describe_histogram!("callout_store_group_commits", Unit::Count, "Commits written together");
        metrics::describe_counter!("callout_store_commits_total", Unit::Count, "Commits by outcome");
        metrics::describe_counter!(
            "callout_store_script_loads_total",
            Unit::Count,
            "Times Redis had to be given the commit script"
        );
        metrics::describe_counter!("callout_store_connects_total", Unit::Count, "Connections to Redis, by purpose");
        let outcome = |name: &'static str| metrics::counter!("callout_store_commits_total", "outcome" => name);
        Self {
            latency: metrics::histogram!("callout_store_commit_seconds"),
            group: metrics::histogram!("callout_store_group_commits"),
            ok: outcome("ok"),
            duplicate: outcome("duplicate"),
            conflict: outcome("conflict"),
            fenced: outcome("fenced"),
            unavailable: outcome("unavailable"),
            unknown: outcome("unknown"),
            corrupt: outcome("corrupt"),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a group has at most a few thousand commits")]
    pub fn group(&self, size: usize) {
        self.group.record(size as f64);
    }

    pub fn committed(&self, answer: &CommitResult, took: Duration) {
        self.latency.record(took);
        let outcome = match answer {
            Ok(Committed::Ok) => &self.ok,
            Ok(Committed::Duplicate) => &self.duplicate,
            Ok(Committed::Conflict { .. }) => &self.conflict,
            Ok(Committed::Fenced { .. }) => &self.fenced,
            Err(StoreError::Unavailable { .. }) => &self.unavailable,
            Err(StoreError::Unknown { .. }) => &self.unknown,
            Err(StoreError::Corrupt { .. }) => &self.corrupt,
        };
        outcome.increment(1);
    }
}
