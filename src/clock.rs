//! The only place that asks the machine for the time, for randomness or for a new id; `clippy.toml` bans it elsewhere.

#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use jiff::Timestamp;
use uuid::Uuid;

/// The time now, to the millisecond: what is shown and what is stored are the same.
#[must_use]
pub fn now() -> Timestamp {
    to_the_millisecond(Timestamp::now())
}

/// A time as it is stored and shown; what is shorter than a millisecond is left off.
#[must_use]
pub fn to_the_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// A new id that nobody can guess.
#[must_use]
pub fn random_id() -> Uuid {
    Uuid::new_v4()
}

/// A new id that sorts by the time it was made: kind to indexes. Its last 62 bits cannot be guessed.
#[must_use]
pub fn ordered_id() -> Uuid {
    Uuid::now_v7()
}

/// A number from 0 up to but not including 1, for jitter.
#[must_use]
pub fn random_unit() -> f64 {
    rand::random()
}
