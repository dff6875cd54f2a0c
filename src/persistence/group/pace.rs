//! How long a commit takes now: what tells an overloaded server from a busy one, whichever part of it is short.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The share of a new value in the smoothed one is one in so many.
const WEIGHT: u64 = 64;
/// Without any commit, the value halves in this time, milliseconds: nothing is known of a store that nobody asks.
const HALVES_MS: u64 = 100;

/// A smoothed duration. Updates that meet may lose one another: it is an estimate. Times are since any one moment.
#[derive(Default)]
pub(super) struct Pace {
    micros: AtomicU64,
    noted_ms: AtomicU64,
}

impl Pace {
    /// Takes one more commit into account, which took so long and ended at `now`.
    pub fn note(&self, now: Duration, took: Duration) {
        let smoothed = micros(self.at(now));
        self.micros.store(smoothed - smoothed / WEIGHT + micros(took) / WEIGHT, Ordering::Relaxed);
        self.noted_ms.store(millis(now), Ordering::Relaxed);
    }

    /// How long a commit takes at `now`.
    pub fn at(&self, now: Duration) -> Duration {
        let quiet_ms = millis(now).saturating_sub(self.noted_ms.load(Ordering::Relaxed));
        let halvings = u32::try_from(quiet_ms / HALVES_MS).unwrap_or(u32::MAX);
        Duration::from_micros(self.micros.load(Ordering::Relaxed).checked_shr(halvings).unwrap_or(0))
    }
}

/// At most what two of can be added.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_commits_take_and_fades_when_there_are_none() {
        let (pace, ms) = (Pace::default(), Duration::from_millis);
        assert_eq!(pace.at(ms(0)), Duration::ZERO);
        pace.note(ms(1), Duration::from_secs(1));
        assert!(pace.at(ms(1)) < ms(20), "one slow commit says little: {:?}", pace.at(ms(1)));
        for _ in 0..1_000 {
            pace.note(ms(5), ms(300));
        }
        let busy = pace.at(ms(5));
        assert!(busy > ms(280) && busy <= ms(300), "{busy:?}");
        assert!(pace.at(ms(205)) < ms(80), "{:?}", pace.at(ms(205)));
        assert_eq!(pace.at(ms(3_600_000)), Duration::ZERO);
        pace.note(ms(3_600_000), Duration::MAX);
        assert!(pace.at(ms(3_600_000)) > ms(0), "no overflow");
    }
}
