//! From when to when something is booked.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest period that can be booked, in days.
pub const MAX_PERIOD_DAYS: i64 = 366;
/// How far in the past a period may begin: clocks differ, and people take a moment to press the button.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// A half-open span of time: `to` itself is free again. Adjacent periods do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Period {
    /// Why it cannot be booked at `now`, if it cannot.
    #[must_use]
    pub fn problem(&self, now: Timestamp) -> Option<String> {
        let Self { from, to } = self;
        if to <= from {
            Some(format!("/period: it ends ({to}) before it begins ({from}); to must be later than from"))
        } else if *from < now - LATE {
            Some(format!("/period: it begins in the past ({from}); from must be now or later"))
        } else if to.duration_since(*from) > SignedDuration::from_hours(24 * MAX_PERIOD_DAYS) {
            Some(format!("/period: it is longer than {MAX_PERIOD_DAYS} days"))
        } else {
            None
        }
    }

    /// How many units of that many seconds it takes, begun ones in full, however little of them is begun.
    #[must_use]
    pub fn units(&self, unit_s: u32) -> u64 {
        let nanoseconds = u128::try_from(self.to.duration_since(self.from).as_nanos()).unwrap_or(0);
        let unit = u128::from(unit_s.max(1)) * 1_000_000_000;
        u64::try_from(nanoseconds.div_ceil(unit)).unwrap_or(u64::MAX)
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}
