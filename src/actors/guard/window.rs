//! A sliding window over the outcomes of calls, in buckets: memory and work do not depend on the number of calls.

use std::time::{Duration, Instant};

/// How finely the window slides.
const BUCKETS: usize = 10;

/// Outcomes of the last seconds, by second, from which the breaker judges.
#[derive(Debug)]
pub(super) struct Window {
    begun: Instant,
    bucket_len: Duration,
    buckets: [Bucket; BUCKETS],
}

/// The outcomes within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) calls: u32,
    pub(super) failures: u32,
    pub(super) slow: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    index: u64,
    totals: Totals,
}

impl Window {
    pub(super) fn new(now: Instant, len: Duration) -> Self {
        let bucket_len = (len / BUCKETS as u32).max(Duration::from_millis(1));
        Self { begun: now, bucket_len, buckets: [Bucket::default(); BUCKETS] }
    }

    pub(super) fn record(&mut self, now: Instant, failed: bool, slow: bool) {
        let index = self.index(now);
        let bucket = &mut self.buckets[index as usize % BUCKETS];
        if bucket.index != index {
            *bucket = Bucket { index, totals: Totals::default() };
        }
        bucket.totals.calls = bucket.totals.calls.saturating_add(1);
        bucket.totals.failures = bucket.totals.failures.saturating_add(u32::from(failed));
        bucket.totals.slow = bucket.totals.slow.saturating_add(u32::from(slow));
    }

    pub(super) fn totals(&self, now: Instant) -> Totals {
        let index = self.index(now);
        let within = self.buckets.iter().filter(|bucket| bucket.index + BUCKETS as u64 > index);
        within.fold(Totals::default(), |sum, bucket| Totals {
            calls: sum.calls.saturating_add(bucket.totals.calls),
            failures: sum.failures.saturating_add(bucket.totals.failures),
            slow: sum.slow.saturating_add(bucket.totals.slow),
        })
    }

    /// Calls per second, once there were any.
    pub(super) fn pace(&self, now: Instant) -> Option<f64> {
        let calls = self.totals(now).calls;
        let seen = now.saturating_duration_since(self.begun).min(self.bucket_len * BUCKETS as u32);
        (calls > 0).then(|| f64::from(calls) / seen.max(self.bucket_len).as_secs_f64())
    }

    fn index(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begun);
        u64::try_from(since.as_nanos() / self.bucket_len.as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

impl Totals {
    pub(super) fn failure_rate(&self) -> f64 {
        self.rate(self.failures)
    }

    pub(super) fn slow_rate(&self) -> f64 {
        self.rate(self.slow)
    }

    fn rate(&self, part: u32) -> f64 {
        if self.calls == 0 { 0.0 } else { f64::from(part) / f64::from(self.calls) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_is_young_and_nothing_that_is_old(gaps in prop::collection::vec((0_u64..900, any::<bool>()), 1..80)) {
            let begun = Instant::now();
            let len = Duration::from_secs(1);
            let mut window = Window::new(begun, len);
            let mut now = begun;
            let mut calls = Vec::new();
            for (gap, failed) in gaps {
                now += Duration::from_millis(gap);
                window.record(now, failed, !failed);
                calls.push((now, failed));
            }
            let count = |age: Duration| calls.iter().filter(|(at, _)| now - *at < age).count() as u32;
            let totals = window.totals(now);
            prop_assert!(count(len - len / BUCKETS as u32) <= totals.calls && totals.calls <= count(len));
            prop_assert_eq!(totals.failures + totals.slow, totals.calls);
            prop_assert_eq!(window.totals(now + len), Totals::default());
        }
    }
}
