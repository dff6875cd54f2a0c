//! The section `dispatch`: the pace of the dispatcher. Rounds, radii and offer times belong to a service's policy.

use serde::{Deserialize, Serialize};

use super::Check;

/// The dispatcher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dispatch {
    /// How often waiting calls are looked at again, milliseconds, 10 to 60,000.
    pub tick_ms: u64,
    /// Drivers that one search for the nearest looks at, at most, 1 to 10,000.
    pub candidates_max: u32,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self { tick_ms: 1_000, candidates_max: 256 }
    }
}

impl Dispatch {
    pub(super) fn check(&self, mut check: Check<'_>) {
        check.range("tick_ms", self.tick_ms, 10..=60_000);
        check.range("candidates_max", self.candidates_max, 1..=10_000);
    }
}
