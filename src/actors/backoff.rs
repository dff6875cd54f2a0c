//! How long to wait before trying again: exponential, bounded, with jitter. Used by owed refunds, unknown outcomes and
//! supervision. It waits for nothing itself and draws no randomness: that is an argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::settings::{Findings, Section};

/// A schedule of waits: `initial_ms`, then `factor` times as long each time, up to `max_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BackoffSettings {
    /// The first wait, in ms; each one after it is longer by `factor`.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub initial_ms: u64,
    /// The factor from each wait to the next one.
    #[schema(minimum = 1.0, maximum = 100.0)]
    pub factor: f64,
    /// Longest wait, not below `initial_ms`.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub max_ms: u64,
    /// Share of a wait that is random. It only shortens a wait: with 0.2 a wait lasts 80 to 100 %.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub jitter: f64,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self { initial_ms: 50, factor: 2.0, max_ms: 5_000, jitter: 0.2 }
    }
}

impl BackoffSettings {
    /// The wait after the failed attempt number `attempt`, counted from 0. `random_unit` is within 0 to 1.
    ///
    /// It lies between `(1 - jitter)` and 1 times the undisturbed wait, so `max_ms` is never exceeded.
    #[must_use]
    pub fn delay(&self, attempt: u32, random_unit: f64) -> Duration {
        let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
        let full_ms = (self.initial_ms as f64 * self.factor.powi(exponent)).min(self.max_ms as f64);
        let kept = 1.0 - self.jitter.clamp(0.0, 1.0) * random_unit.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(full_ms * kept / 1_000.0).unwrap_or(Duration::from_millis(self.max_ms))
    }
}

impl Section for BackoffSettings {
    fn contradictions(&self, findings: &mut Findings) {
        let Self { initial_ms, max_ms, .. } = *self;
        if initial_ms > max_ms {
            findings.contradiction(
                &["max_ms", "initial_ms"],
                format!("max_ms ({max_ms}) must not be below initial_ms ({initial_ms})"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_until_the_longest() {
        let backoff = BackoffSettings { jitter: 0.0, ..BackoffSettings::default() };
        let waits: Vec<u128> = (0..9).map(|attempt| backoff.delay(attempt, 0.5).as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }

    #[test]
    fn the_default_has_no_problems_and_each_bad_key_is_named() {
        assert!(BackoffSettings::default().problems().is_empty());
        let bad = BackoffSettings { initial_ms: 0, factor: f64::NAN, max_ms: 0, jitter: 2.0 };
        let problems = bad.problems();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.keys[0].as_str()).collect();
        assert_eq!(keys, ["initial_ms", "factor", "max_ms", "jitter"]);
    }

    proptest! {
        #[test]
        fn a_wait_stays_within_its_jitter_and_the_maximum(
            attempt: u32, unit in 0.0..=1.0, jitter in 0.0..=1.0, initial_ms in 1_u64..10_000, factor in 1.0..10.0_f64,
        ) {
            let backoff = BackoffSettings { initial_ms, factor, max_ms: 20_000, jitter };
            let full = backoff.delay(attempt, 0.0);
            let wait = backoff.delay(attempt, unit);
            prop_assert!(wait <= full && full <= Duration::from_millis(20_000));
            prop_assert!(wait.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
            prop_assert!(full >= Duration::from_millis(initial_ms.min(20_000)));
        }
    }
}
