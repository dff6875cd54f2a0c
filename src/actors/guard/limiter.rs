//! The rate limit in front of the gateway: governor, on a clock that the guard sets, so that time stays an argument.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

use super::settings::Pace;

/// How many requests go out in a second.
pub(super) struct Limiter {
    inner: RateLimiter<NotKeyed, InMemoryState, SetClock, NoOpMiddleware<Duration>>,
    clock: SetClock,
    begun: Instant,
}

/// Tells the time it was told, in ns.
#[derive(Clone, Default)]
struct SetClock(Arc<AtomicU64>);

impl Limiter {
    pub(super) fn new(now: Instant, pace: Pace) -> Self {
        let [rate, burst] = [pace.per_s, pace.burst].map(|count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        let clock = SetClock::default();
        let inner = RateLimiter::direct_with_clock(Quota::per_second(rate).allow_burst(burst), clock.clone());
        Self { inner, clock, begun: now }
    }

    /// Takes the right to send one request, or tells how long until there is one.
    pub(super) fn take(&self, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.begun);
        self.clock.0.store(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.inner.check().map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }
}

impl Clock for SetClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_its_rate() {
        let now = Instant::now();
        let limiter = Limiter::new(now, Pace { per_s: 100, burst: 5 });
        (0..5).for_each(|_| assert_eq!(limiter.take(now), Ok(())));
        assert_eq!(limiter.take(now), Err(Duration::from_millis(10)));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..50).filter(|_| limiter.take(later).is_ok()).count(), 5);
    }
}
