//! The section `guard`: every bound of the payment guard.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actors::backoff::BackoffSettings,
    settings::{Findings, Section},
};

/// The bounds of the payment guard.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Requests per second to the gateway, on average. Unset: what its contract allows, 25 for `stripe+…` and 10000 for
    /// `simulated://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000, default = json!(null))]
    pub rate_per_s: Option<u32>,
    /// Requests that may be sent at once after a quiet time. Unset: 25 for `stripe+…`, 2000 for `simulated://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000, default = json!(null))]
    pub burst: Option<u32>,
    /// Requests that may be sent and not answered yet.
    #[schema(minimum = 1, maximum = 100_000)]
    pub in_flight_max: usize,
    /// Requests that may wait to be sent. Further ones are refused with 503. Refunds, look-ups and repetitions may use
    /// up to a quarter of these places.
    #[schema(minimum = 1, maximum = 100_000)]
    pub queue_max: usize,
    /// Time until a waiting request is refused unsent.
    #[schema(minimum = 1, maximum = 600_000)]
    pub queue_wait_ms: u64,
    /// The rates at which the guard stops sending requests to a failing gateway.
    pub breaker: BreakerSettings,
    /// The waits before an unknown outcome is looked up again or a refund is tried again.
    pub retry: BackoffSettings,
}

/// How fast requests may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Requests per second, on average.
    pub per_s: u32,
    /// Requests at once after a quiet time.
    pub burst: u32,
}

impl Default for Pace {
    /// That of a gateway without a contract.
    fn default() -> Self {
        Self { per_s: 10_000, burst: 2_000 }
    }
}

/// When the circuit breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// Time over which outcomes are counted.
    #[schema(minimum = 1, maximum = 3_600)]
    pub window_s: u64,
    /// Outcomes in the window below which the breaker stays closed.
    #[schema(minimum = 1, maximum = 100_000)]
    pub calls_min: u32,
    /// Share of failures that opens the breaker.
    #[schema(exclusive_minimum = 0.0, maximum = 1.0)]
    pub failure_rate: f64,
    /// Time after which an answer counts as slow, less than `gateway.response_timeout_ms`.
    #[schema(minimum = 1, maximum = 600_000)]
    pub slow_call_ms: u64,
    /// Share of slow answers that opens the breaker.
    #[schema(exclusive_minimum = 0.0, maximum = 1.0)]
    pub slow_call_rate: f64,
    /// Time the breaker stays open before it lets probes through.
    #[schema(minimum = 1, maximum = 3_600)]
    pub open_s: u64,
    /// Probes of a half-open breaker. All must succeed to close it.
    #[schema(minimum = 1, maximum = 1_000)]
    pub half_open_probes: u32,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            rate_per_s: None,
            burst: None,
            in_flight_max: 256,
            queue_max: 1_024,
            queue_wait_ms: 2_000,
            breaker: BreakerSettings::default(),
            retry: BackoffSettings { initial_ms: 500, factor: 2.0, max_ms: 30_000, jitter: 0.2 },
        }
    }
}

impl Default for BreakerSettings {
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

impl Section for GuardSettings {
    fn contradictions(&self, findings: &mut Findings) {
        findings.within("retry", |findings| self.retry.contradictions(findings));
    }
}

impl GuardSettings {
    /// With what a contract allows in the place of what is unset.
    #[must_use]
    pub fn within(self, contract: Pace) -> Self {
        let rate_per_s = self.rate_per_s.or(Some(contract.per_s));
        Self { rate_per_s, burst: self.burst.or(Some(contract.burst)), ..self }
    }

    /// How fast requests may go out.
    pub(super) fn pace(&self) -> Pace {
        let Pace { per_s, burst } = Pace::default();
        Pace { per_s: self.rate_per_s.unwrap_or(per_s), burst: self.burst.unwrap_or(burst) }
    }

    /// How many of the waiting requests may be in the background: refunds, look-ups and repetitions. A backlog of those
    /// leaves room for customers.
    pub(super) fn background_max(&self) -> usize {
        (self.queue_max / 4).max(1)
    }

    pub(super) fn queue_wait(&self) -> Duration {
        Duration::from_millis(self.queue_wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_queue_is_for_the_background() {
        for (queue_max, background_max) in [(1, 1), (4, 1), (1_024, 256)] {
            assert_eq!(GuardSettings { queue_max, ..GuardSettings::default() }.background_max(), background_max);
        }
    }
}
