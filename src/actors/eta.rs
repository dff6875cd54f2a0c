//! How far it is and how long a driver still needs: to the pickup, and once started to the destination.
//!
//! Without a routing engine an arrival time is computed on the spot. With one it is asked in the background, at most every
//! few seconds for each trip, and what it said corrects the estimates in between. Nobody waits for it here.

use std::{sync::Arc, time::Instant};

use super::{World, boards::Trip};
use crate::{
    clock,
    domain::{
        LatLng,
        call::{Call, Phase},
        geo::{Route, Travel},
        policy::Policy,
    },
};

impl World {
    /// The way from here to there for a service with that profile, as well as it can be known.
    pub async fn route(&self, travel: Travel, from: LatLng, to: LatLng) -> Route {
        self.router.route(from, to, travel).await
    }

    /// Where a call's driver is on its way to. What customers choose stays where it is, and who is booked for later has not
    /// set out.
    pub(super) fn heading(&self, call: &Call) -> Option<LatLng> {
        let stays = call.policy(&self.policies).map_or(true, Policy::is_chosen);
        let later = call.period.is_some_and(|period| period.from > clock::now());
        let waits = later && matches!(call.phase, Phase::Assigned { .. });
        if stays || waits { None } else { call.heading() }
    }

    /// How many seconds a call's driver, who is at `from`, needs to where it is going; if it is going anywhere.
    #[must_use]
    pub fn eta_of_call(&self, call: &Call, from: LatLng) -> Option<u64> {
        let target = self.heading(call)?;
        let estimate_s = || Some(self.estimate_s(call.policy(&self.policies).ok()?.file.travel, from, target));
        if !self.router.asks() {
            return estimate_s();
        }
        match self.boards.trips.get(&call.id).filter(|trip| trip.target == Some(target)) {
            Some(trip) => self.eta_of_trip(&trip, from),
            None => estimate_s(),
        }
    }

    /// How many seconds the driver on a trip, who is at `from`, needs to where it is going; if it is going anywhere.
    #[must_use]
    pub(super) fn eta_of_trip(&self, trip: &Trip, from: LatLng) -> Option<u64> {
        let (target, travel) = (trip.target?, trip.travel?);
        let estimate_s = self.estimate_s(travel, from, target);
        if !self.router.asks() {
            return Some(estimate_s);
        }
        if trip.course.is_due(Instant::now()) {
            self.ask_about(trip, travel, from, target, estimate_s);
        }
        Some(trip.course.correct(estimate_s))
    }

    /// A call has just got under way to somewhere: a routing engine is asked at once, so that the first to ask here knows.
    pub(super) fn set_out(&self, call: &Call) {
        if !self.router.asks() {
            return;
        }
        let fix = call.phase.current_driver().and_then(|driver| self.boards.supply.position(&driver.id));
        if let Some(fix) = fix {
            let _asked = self.eta_of_call(call, fix.position);
        }
    }

    fn estimate_s(&self, travel: Travel, from: LatLng, to: LatLng) -> u64 {
        self.router.estimate(from, to, travel).duration_s
    }

    fn ask_about(&self, trip: &Trip, travel: Travel, from: LatLng, to: LatLng, estimate_s: u64) {
        let (router, course) = (Arc::clone(&self.router), Arc::clone(&trip.course));
        // One for each trip and few seconds at most; it ends with the router's time-out.
        tokio::spawn(async move {
            let route = router.route(from, to, travel).await;
            // An engine that gave no route has said nothing new: what it said before still holds better.
            if route != router.estimate(from, to, travel) {
                course.learn(estimate_s, route.duration_s);
            }
        });
    }
}
