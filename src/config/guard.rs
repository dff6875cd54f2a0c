//! The section `guard`: what stands between every payment and the gateway: limiter, queue, breaker, retries.

use serde::{Deserialize, Serialize};

use super::{Backoff, Check};

/// The payment guard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// Requests to the gateway per second, 1 to 1,000,000.
    pub rate_per_s: u32,
    /// Requests that may go at once after a quiet time, 1 to 1,000,000.
    pub burst: u32,
    /// Requests sent and not answered yet, 1 to 100,000.
    pub in_flight_max: u32,
    /// Requests waiting to be sent, 1 to 100,000. More are refused with 503.
    pub queue_max: u32,
    /// How long a request waits to be sent before it is refused, milliseconds, 1 to 600,000.
    pub queue_wait_ms: u64,
    /// When to stop asking a gateway that fails.
    pub breaker: Breaker,
    /// When to ask again about an unknown outcome, and to try a refund again.
    pub retry: Backoff,
}

/// The circuit breaker: opens when too much fails or is slow, then lets a few probes through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Over how long outcomes are counted, seconds, 1 to 3,600.
    pub window_s: u64,
    /// With fewer outcomes than that in the window it stays closed, 1 to 100,000.
    pub calls_min: u32,
    /// It opens at this share of failures, above 0, at most 1.
    pub failure_rate: f64,
    /// An answer that takes longer is slow, milliseconds, 1 to 600,000; less than `gateway.response_timeout_ms`.
    pub slow_call_ms: u64,
    /// It opens at this share of slow answers, above 0, at most 1.
    pub slow_call_rate: f64,
    /// How long it stays open before probing, seconds, 1 to 3,600.
    pub open_s: u64,
    /// Probes while half-open, 1 to 1,000. All must succeed to close it.
    pub half_open_probes: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            rate_per_s: 10_000,
            burst: 2_000,
            in_flight_max: 256,
            queue_max: 1_024,
            queue_wait_ms: 2_000,
            breaker: Breaker::default(),
            retry: Backoff { initial_ms: 500, factor: 2.0, max_ms: 30_000, jitter: 0.2 },
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            window_s: 10,
            calls_min: 20,
            failure_rate: 0.5,
            slow_call_ms: 2_500,
            slow_call_rate: 0.8,
            open_s: 5,
            half_open_probes: 3,
        }
    }
}

impl Guard {
    pub(super) fn check(&self, mut check: Check<'_>) {
        check.range("rate_per_s", self.rate_per_s, 1..=1_000_000);
        check.range("burst", self.burst, 1..=1_000_000);
        check.range("in_flight_max", self.in_flight_max, 1..=100_000);
        check.range("queue_max", self.queue_max, 1..=100_000);
        check.range("queue_wait_ms", self.queue_wait_ms, 1..=600_000);
        self.breaker.check(check.table("breaker"));
        self.retry.check(check.table("retry"));
    }
}

impl Breaker {
    fn check(&self, mut check: Check<'_>) {
        check.range("window_s", self.window_s, 1..=3_600);
        check.range("calls_min", self.calls_min, 1..=100_000);
        check.range("slow_call_ms", self.slow_call_ms, 1..=600_000);
        check.range("open_s", self.open_s, 1..=3_600);
        check.range("half_open_probes", self.half_open_probes, 1..=1_000);
        for (key, share) in [("failure_rate", self.failure_rate), ("slow_call_rate", self.slow_call_rate)] {
            if !(share > 0.0 && share <= 1.0) {
                check.problem(key, format!("must be above 0 and at most 1, got {share}"));
            }
        }
    }
}
