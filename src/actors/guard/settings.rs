//! The `[guard]` section of the configuration: every bound of the payment guard, with its unit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The bounds of the payment guard.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Requests per second that may go to the gateway in the long run, at least 1.
    pub rate_per_s: u32,
    /// Requests that may go at once after a pause, at least 1.
    pub burst: u32,
    /// Requests that may be under way at the gateway at the same time, at least 1.
    pub in_flight_max: usize,
    /// Requests that may wait, at least 1.
    pub queue_max: usize,
    /// How many of the waiting may be in the background (refunds, lookups, repeats), 1 to `queue_max`.
    pub background_max: usize,
    /// How long a request may wait before it is refused unsent, in ms, at least 1.
    pub queue_wait_ms: u64,
    /// When a request under way is given up as unanswered, in ms: a backstop, longer than the gateway's own timeout.
    pub request_timeout_ms: u64,
    /// When to stop asking a gateway that fails.
    pub breaker: BreakerSettings,
}

/// When the circuit breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSettings {
    /// The time that rates are taken over, in s, at least 1.
    pub window_s: u64,
    /// Fewer calls than this within the window open nothing, at least 1.
    pub calls_min: u32,
    /// The share of failed calls that opens it, above 0, at most 1.
    pub failure_rate: f64,
    /// A call that takes this long counts as slow, in ms, at least 1.
    pub slow_call_ms: u64,
    /// The share of slow calls that opens it, above 0, at most 1.
    pub slow_call_rate: f64,
    /// How long it stays open, in s, at least 1.
    pub open_s: u64,
    /// The calls that are let through afterwards and must succeed before it closes, at least 1.
    pub half_open_probes: u32,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            rate_per_s: 10_000,
            burst: 2_000,
            in_flight_max: 256,
            queue_max: 1_024,
            background_max: 256,
            queue_wait_ms: 2_000,
            request_timeout_ms: 10_000,
            breaker: BreakerSettings::default(),
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

impl GuardSettings {
    /// What is wrong with the settings: key within the section, and what would be right.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let breaker = &self.breaker;
        let mut problems = Vec::new();
        let mut at_least_one = |key, zero: bool| {
            if zero {
                problems.push((key, "is 0; it must be at least 1".to_owned()));
            }
        };
        at_least_one("rate_per_s", self.rate_per_s == 0);
        at_least_one("burst", self.burst == 0);
        at_least_one("in_flight_max", self.in_flight_max == 0);
        at_least_one("queue_max", self.queue_max == 0);
        at_least_one("background_max", self.background_max == 0);
        at_least_one("queue_wait_ms", self.queue_wait_ms == 0);
        at_least_one("request_timeout_ms", self.request_timeout_ms == 0);
        at_least_one("breaker.window_s", breaker.window_s == 0);
        at_least_one("breaker.calls_min", breaker.calls_min == 0);
        at_least_one("breaker.slow_call_ms", breaker.slow_call_ms == 0);
        at_least_one("breaker.open_s", breaker.open_s == 0);
        at_least_one("breaker.half_open_probes", breaker.half_open_probes == 0);
        for (key, rate) in
            [("breaker.failure_rate", breaker.failure_rate), ("breaker.slow_call_rate", breaker.slow_call_rate)]
        {
            if !(rate > 0.0 && rate <= 1.0) {
                problems.push((key, format!("is {rate}; it must be above 0 and at most 1")));
            }
        }
        problems.extend(self.problems_of_size());
        problems
    }

    fn problems_of_size(&self) -> Vec<(&'static str, String)> {
        /// Beyond any use, and far below what a semaphore can count.
        const LARGEST: usize = 1_000_000;
        /// An hour: no one waits longer for a payment.
        const LONGEST_MS: u64 = 3_600_000;
        let mut problems = Vec::new();
        if self.background_max > self.queue_max {
            problems.push(("background_max", format!("is {}; queue_max is {}", self.background_max, self.queue_max)));
        }
        for (key, size) in [("in_flight_max", self.in_flight_max), ("queue_max", self.queue_max)] {
            if size > LARGEST {
                problems.push((key, format!("is {size}; it must be at most {LARGEST}")));
            }
        }
        for (key, ms) in [
            ("queue_wait_ms", self.queue_wait_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("breaker.slow_call_ms", self.breaker.slow_call_ms),
            ("breaker.window_s", self.breaker.window_s.saturating_mul(1_000)),
            ("breaker.open_s", self.breaker.open_s.saturating_mul(1_000)),
        ] {
            if ms > LONGEST_MS {
                problems.push((key, "is more than an hour; it must be at most an hour".to_owned()));
            }
        }
        problems
    }

    pub(super) fn queue_wait(&self) -> Duration {
        Duration::from_millis(self.queue_wait_ms)
    }

    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems_and_each_bad_key_is_named() -> Result<(), serde_json::Error> {
        assert!(GuardSettings::default().problems().is_empty());
        let bad: GuardSettings = serde_json::from_str(
            r#"{"rate_per_s": 0, "queue_max": 5000, "background_max": 5001, "breaker": {"failure_rate": 0, "open_s": 0}}"#,
        )?;
        let keys: Vec<&str> = bad.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["rate_per_s", "breaker.open_s", "breaker.failure_rate", "background_max"]);
        Ok(())
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_have_their_default() -> Result<(), serde_json::Error> {
        assert_eq!(serde_json::from_str::<GuardSettings>("{}")?, GuardSettings::default());
        assert!(serde_json::from_str::<GuardSettings>(r#"{"breaker": {"open": 5}}"#).is_err());
        Ok(())
    }
}
