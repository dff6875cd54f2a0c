//! How far the read model is behind the stream: the age of the oldest event that it does not show yet.
//!
//! The figure is computed when somebody asks for it, so it grows by itself while the store or the file fails, and also
//! while the feeder is parked or hangs.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{ReadModel, ReadModelSettings};
use crate::{actors::ports::store::EventPage, clock};

const LAG: &str = "callout_readmodel_lag_seconds";
/// The time that a look at the stream may take beyond twice the poll time, before the feeder counts as stopped.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// The state that the feeder reported last. It outlives the feeder, so that a restarted feeder goes on with it.
pub(super) struct Lag {
    known: Mutex<Known>,
    /// The time without a look at the stream after which the read model counts as behind.
    quiet_max: Duration,
}

#[derive(Clone, Copy)]
enum Known {
    /// At this moment the read model showed every event.
    CaughtUp(Timestamp),
    /// Events since this moment may be missing.
    Behind(Timestamp),
}

impl Lag {
    pub fn new(settings: &ReadModelSettings) -> Self {
        let quiet_max = settings.poll().saturating_mul(2).saturating_add(LOOK_MAX);
        Self { known: Mutex::new(Known::CaughtUp(clock::now())), quiet_max }
    }

    /// These events are still to be applied.
    pub fn found(&self, page: &EventPage) {
        if let Some(oldest) = page.events.iter().map(|event| event.at).min() {
            self.set(Known::Behind(oldest));
        }
    }

    /// At this moment the stream had nothing that is not applied by now.
    pub fn caught_up(&self, looked: Timestamp) {
        self.set(Known::CaughtUp(looked));
    }

    /// The store or the file failed: what happens from now on is not shown, nor what was still to be applied.
    pub fn failed(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Known::CaughtUp(looked) = *known {
            *known = Known::Behind(looked);
        }
    }

    /// How far the read model is behind at `now`.
    fn at(&self, now: Timestamp) -> Duration {
        let age = |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        match *self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            Known::Behind(oldest) => age(oldest),
            Known::CaughtUp(looked) => Some(age(looked)).filter(|age| *age > self.quiet_max).unwrap_or_default(),
        }
    }

    fn set(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl ReadModel {
    /// How far it is behind the stream: the age of the oldest event that it does not show. While the store or the file
    /// fails, or nobody looks at the stream, the time since it last was caught up.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.lag.at(clock::now())
    }

    /// Sets the figure `callout_readmodel_lag_seconds`. Call it before each answer to `/metrics`.
    pub fn report_lag(&self) {
        metrics::gauge!(LAG).set(self.lag().as_secs_f64());
    }
}

pub(super) fn describe_metrics() {
    metrics::describe_gauge!(
        LAG,
        metrics::Unit::Seconds,
        "How old the oldest event is that the read model does not show"
    );
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::actors::ports::store::{EntityKind, EntityRef, EventCursor, EventRecord};

    fn page(at: &[i64]) -> EventPage {
        let event = |second: &i64| EventRecord {
            entity: EntityRef::new(EntityKind::Call, "call_1"),
            seq: 1,
            at: second_at(*second),
            body: String::new(),
        };
        EventPage { events: at.iter().map(event).collect(), next: EventCursor::default(), more: false }
    }

    fn second_at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn lag_at(lag: &Lag, second: i64) -> u64 {
        lag.at(second_at(second)).as_secs()
    }

    fn caught_up(second: i64) -> Lag {
        let lag = Lag::new(&ReadModelSettings { poll_ms: 1_000, ..ReadModelSettings::default() });
        lag.caught_up(second_at(second));
        lag
    }

    #[test]
    fn the_lag_is_the_age_of_the_oldest_event_that_is_not_applied() {
        let lag = caught_up(100);
        assert_eq!(lag_at(&lag, 101), 0);
        lag.found(&page(&[93, 90, 95]));
        assert_eq!((lag_at(&lag, 101), lag_at(&lag, 130)), (11, 40));
        lag.failed();
        assert_eq!(lag_at(&lag, 131), 41, "a failure makes it no younger");
        lag.caught_up(second_at(132));
        assert_eq!(lag_at(&lag, 132), 0);
    }

    #[test]
    fn the_lag_grows_from_when_the_read_model_was_caught_up_last_while_the_stream_cannot_be_read() {
        let lag = caught_up(100);
        lag.failed();
        lag.failed();
        assert_eq!((lag_at(&lag, 101), lag_at(&lag, 160)), (1, 60));
    }

    #[test]
    fn the_lag_grows_while_nobody_looks_at_the_stream() {
        let lag = caught_up(100);
        assert_eq!((lag_at(&lag, 104), lag_at(&lag, 105), lag_at(&lag, 160)), (0, 5, 60));
    }
}
