//! Calls that a driver is on: who follows the driver's position, where it goes, and what is known of the way.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::domain::{CallId, CustomerId, LatLng, ServiceId, geo::Travel};

/// How often a routing engine is asked about one trip, at most.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// A call with its driver on it.
#[derive(Debug, Clone)]
pub struct Trip {
    pub customer: CustomerId,
    pub service: ServiceId,
    /// Where the driver goes next: the pickup, then the destination.
    pub target: Option<LatLng>,
    /// How the drivers of the call's service get about.
    pub travel: Option<Travel>,
    /// The known facts about the way there. Shared by all copies.
    pub course: Arc<Course>,
}

/// How the way to one target compares with the estimate, as a routing engine last said.
#[derive(Debug, Default)]
pub struct Course(Mutex<Said>);

#[derive(Debug, Default, Clone, Copy)]
struct Said {
    asked: Option<Instant>,
    /// The engine's duration over the estimated one.
    scale: Option<f64>,
}

impl Course {
    /// Whether to ask the engine again; who is told yes must do so.
    pub fn is_due(&self, now: Instant) -> bool {
        let mut said = self.0.lock();
        let is_due = said.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= ASK_EVERY);
        if is_due {
            said.asked = Some(now);
        }
        is_due
    }

    /// The engine says that what was estimated as `estimate_s` seconds takes `route_s`.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a trip are far below 2^52")]
    pub fn learn(&self, estimate_s: u64, route_s: u64) {
        self.0.lock().scale = Some(route_s as f64 / estimate_s.max(1) as f64);
    }

    /// An estimate in seconds, corrected by what the engine said last.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "seconds of a trip are far below 2^52, and not negative"
    )]
    pub fn correct(&self, estimate_s: u64) -> u64 {
        let scale = self.0.lock().scale;
        scale.map_or(estimate_s, |scale| (estimate_s as f64 * scale).round() as u64)
    }
}

/// Calls that a driver is on, with what is known of the driver's way.
#[derive(Default)]
pub struct TripBoard(DashMap<CallId, Trip>);

impl TripBoard {
    /// Forgets every trip.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// Notes or ends a trip. What is known of the way to the same target stays known.
    pub fn set(&self, call: &CallId, trip: Option<Trip>) {
        let Some(mut trip) = trip else { return drop(self.0.remove(call)) };
        if let Some(before) = self.get(call).filter(|before| before.target == trip.target) {
            trip.course = before.course;
        }
        self.0.insert(call.clone(), trip);
    }

    /// The trip of a call.
    #[must_use]
    pub fn get(&self, call: &CallId) -> Option<Trip> {
        self.0.get(call).map(|trip| trip.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_asked_every_few_seconds_and_corrects_the_estimate_in_between() {
        let (course, now) = (Course::default(), Instant::now());
        assert!(course.is_due(now) && !course.is_due(now + Duration::from_secs(1)));
        assert_eq!(course.correct(100), 100, "nothing was said yet");
        course.learn(100, 150);
        assert_eq!((course.correct(100), course.correct(60)), (150, 90));
        assert!(course.is_due(now + ASK_EVERY));
    }

    #[test]
    fn what_is_known_of_the_way_is_kept_until_the_target_changes() -> Result<(), Box<dyn std::error::Error>> {
        let (board, call) = (TripBoard::default(), CallId::new("call_1")?);
        let to = |lat: f64| -> Result<Trip, Box<dyn std::error::Error>> {
            let target = Some(LatLng::new(lat, 127.0)?);
            let (customer, service) = (CustomerId::new("mina")?, ServiceId::new("taxi")?);
            Ok(Trip { customer, service, target, travel: None, course: Arc::default() })
        };
        let corrected = || board.get(&call).map(|trip| trip.course.correct(100));
        board.set(&call, Some(to(37.5)?));
        board.get(&call).ok_or("a trip")?.course.learn(100, 150);
        board.set(&call, Some(to(37.5)?));
        assert_eq!(corrected(), Some(150));
        board.set(&call, Some(to(37.6)?));
        assert_eq!(corrected(), Some(100));
        board.set(&call, None);
        assert_eq!(corrected(), None);
        Ok(())
    }
}
