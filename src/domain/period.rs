//! From when to when something is booked.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest period that can be booked, in days.
pub const MAX_PERIOD_DAYS: i64 = 366;
/// How far in the past a period may begin: clocks differ, and people take a moment to press the button.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// A half-open span of time: `to` itself is free again. Adjacent periods do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The beginning.
    pub from: Timestamp,
    /// The end.
    pub to: Timestamp,
}

impl Period {
    /// Why it cannot be booked at `now`, if it cannot.
    #[must_use]
    pub fn problem(&self, now: Timestamp) -> Option<String> {
        let Self { from, to } = self;
        if to <= from {
            Some(format!("period: it ends ({to}) before it begins ({from}); to must be later than from"))
        } else if *from < now - LATE {
            Some(format!("period: it begins in the past ({from}); from must be now or later"))
        } else if to.duration_since(*from) > SignedDuration::from_hours(24 * MAX_PERIOD_DAYS) {
            Some(format!("period: it is longer than {MAX_PERIOD_DAYS} days"))
        } else {
            None
        }
    }

    /// How long it is, in whole seconds.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        u64::try_from(self.to.duration_since(self.from).as_secs()).unwrap_or(0)
    }
}
