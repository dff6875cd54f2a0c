//! The guard's metrics. It counts, and decides nothing.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{breaker::BreakerState, figures::Counts, job::RequestKind, outcome::Outcome};

/// Handles to the metrics, and the counts that operators see.
pub(super) struct Meter {
    counts: [AtomicU64; Outcome::ALL.len()],
    requests: [[Counter; Outcome::ALL.len()]; RequestKind::ALL.len()],
    seconds: [Histogram; RequestKind::ALL.len()],
    queue_length: Gauge,
    in_flight: Gauge,
    breaker_state: Gauge,
}

impl Meter {
    pub(super) fn new() -> Self {
        let requests = |kind: RequestKind| {
            Outcome::ALL.map(|outcome| {
                counter!("callout_gateway_requests_total", "kind" => kind.name(), "outcome" => outcome.name())
            })
        };
        Self {
            counts: Default::default(),
            requests: RequestKind::ALL.map(requests),
            seconds: RequestKind::ALL.map(|kind| histogram!("callout_gateway_request_seconds", "kind" => kind.name())),
            queue_length: gauge!("callout_gateway_queue_length"),
            in_flight: gauge!("callout_gateway_in_flight"),
            breaker_state: gauge!("callout_gateway_breaker_state"),
        }
    }

    /// A request that was sent has ended.
    pub(super) fn ended(&self, kind: RequestKind, outcome: Outcome, took: Duration) {
        self.count(kind, outcome);
        self.seconds[kind as usize].record(took.as_secs_f64());
    }

    /// A request was not sent.
    pub(super) fn refused(&self, kind: RequestKind) {
        self.count(kind, Outcome::Refused);
    }

    /// Breaker state: 0 closed, 1 half-open, 2 open.
    pub(super) fn show(&self, queue_length: usize, in_flight: usize, breaker: BreakerState) {
        self.queue_length.set(queue_length as f64);
        self.in_flight.set(in_flight as f64);
        self.breaker_state.set(f64::from(breaker as u8));
    }

    pub(super) fn counts(&self) -> Counts {
        let count = |outcome: Outcome| self.counts[outcome as usize].load(Ordering::Relaxed);
        Counts {
            ok: count(Outcome::Ok),
            declined: count(Outcome::Declined),
            failed: count(Outcome::Failed),
            no_answer: count(Outcome::NoAnswer),
            not_sent: count(Outcome::NotSent),
            refused: count(Outcome::Refused),
        }
    }

    fn count(&self, kind: RequestKind, outcome: Outcome) {
        self.counts[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.requests[kind as usize][outcome as usize].increment(1);
    }
}
