//! The section `limits`: how much one client may ask, and when no new call is begun. What else the server as a whole bears is
//! in `http` and `guard`.

use serde::{Deserialize, Serialize};

use super::Check;

/// Limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests of one principal (`sub` and role of a token).
    pub principal: Rate,
    /// Requests from one network address, with or without a token.
    pub address: Rate,
    /// While a commit takes longer than this, in milliseconds, ever fewer new calls are begun at once, so that those under way
    /// get through; 0 to 60,000; 0: no bound.
    pub commit_wait_max_ms: u64,
}

/// A rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests per second, 1 to 1,000,000.
    pub per_s: u32,
    /// Requests that may come at once after a quiet time, 1 to 1,000,000.
    pub burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            principal: Rate { per_s: 1_000, burst: 2_000 },
            address: Rate { per_s: 20_000, burst: 40_000 },
            commit_wait_max_ms: 25,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, mut check: Check<'_>) {
        check.range("commit_wait_max_ms", self.commit_wait_max_ms, 0..=60_000);
        for (key, rate) in [("principal", self.principal), ("address", self.address)] {
            let mut check = check.table(key);
            check.range("per_s", rate.per_s, 1..=1_000_000);
            check.range("burst", rate.burst, 1..=1_000_000);
        }
    }
}
