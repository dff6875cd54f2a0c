//! The guard's metrics. It counts, and decides nothing.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{breaker::BreakerState, figures::Counts, job::RequestKind, outcome::Outcome};

const REQUESTS: &str = "callout_gateway_requests_total";
const SECONDS: &str = "callout_gateway_request_seconds";
const QUEUE_LENGTH: &str = "callout_gateway_queue_length";
const IN_FLIGHT: &str = "callout_gateway_in_flight";
const BREAKER_STATE: &str = "callout_gateway_breaker_state";
const LOCKED_OUT: &str = "callout_gateway_unauthorized";

fn describe_metrics() {
    describe_counter!(REQUESTS, Unit::Count, "Requests to the payment gateway, by kind and outcome");
    describe_histogram!(SECONDS, Unit::Seconds, "Time of a request to the payment gateway, by kind");
    describe_gauge!(QUEUE_LENGTH, Unit::Count, "Requests that wait to be sent to the payment gateway");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Requests to the payment gateway without an answer yet");
    describe_gauge!(BREAKER_STATE, "State of the payment breaker: 0 closed, 1 half-open, 2 open");
    describe_gauge!(LOCKED_OUT, "1 while the payment gateway refuses the API key, and nothing is charged; otherwise 0");
}

/// Handles to the metrics, and the counts that operators see.
pub(super) struct Meter {
    counts: [AtomicU64; Outcome::NAMES.len()],
    requests: [[Counter; Outcome::NAMES.len()]; RequestKind::ALL.len()],
    seconds: [Histogram; RequestKind::ALL.len()],
    queue_length: Gauge,
    in_flight: Gauge,
    breaker_state: Gauge,
    locked_out: Gauge,
}

impl Meter {
    pub(super) fn new() -> Self {
        describe_metrics();
        let requests = |kind: RequestKind| {
            Outcome::NAMES.map(|outcome| counter!(REQUESTS, "kind" => kind.name(), "outcome" => outcome))
        };
        Self {
            counts: Default::default(),
            requests: RequestKind::ALL.map(requests),
            seconds: RequestKind::ALL.map(|kind| histogram!(SECONDS, "kind" => kind.name())),
            queue_length: gauge!(QUEUE_LENGTH),
            in_flight: gauge!(IN_FLIGHT),
            breaker_state: gauge!(BREAKER_STATE),
            locked_out: gauge!(LOCKED_OUT),
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
    pub(super) fn show(&self, queue_length: usize, in_flight: usize, breaker: BreakerState, is_locked_out: bool) {
        self.locked_out.set(f64::from(u8::from(is_locked_out)));
        self.queue_length.set(queue_length as f64);
        self.in_flight.set(in_flight as f64);
        self.breaker_state.set(f64::from(breaker as u8));
    }

    pub(super) fn counts(&self) -> Counts {
        let count = |outcome: Outcome| self.counts[outcome.index()].load(Ordering::Relaxed);
        Counts {
            ok: count(Outcome::Ok),
            declined: count(Outcome::Declined),
            rejected: count(Outcome::Rejected),
            busy: count(Outcome::Busy(Duration::ZERO)),
            unauthorized: count(Outcome::Unauthorized),
            failed: count(Outcome::Failed),
            no_answer: count(Outcome::NoAnswer),
            not_sent: count(Outcome::NotSent),
            refused: count(Outcome::Refused),
        }
    }

    fn count(&self, kind: RequestKind, outcome: Outcome) {
        self.counts[outcome.index()].fetch_add(1, Ordering::Relaxed);
        self.requests[kind as usize][outcome.index()].increment(1);
    }
}
