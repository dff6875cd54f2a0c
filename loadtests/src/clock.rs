//! The one place that asks the machine for the time of day. Latencies are measured with [`std::time::Instant`].

use jiff::Timestamp;

/// The time of day.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the file that may")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
