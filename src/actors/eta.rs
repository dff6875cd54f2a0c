//! How long a driver still needs: to the pickup, and once started to the destination.

use super::{World, boards::Trip};
use crate::domain::{
    LatLng, ServiceId,
    call::Call,
    geo::{Route, Travel},
};

impl World {
    /// The way of a service's driver or customer from here to there, as well as it can be known.
    pub async fn route(&self, travel: Travel, from: LatLng, to: LatLng) -> Route {
        self.router.route(from, to, travel).await
    }

    /// How many seconds a call's driver, who is at `from`, needs to where it is going; if it is going anywhere.
    #[must_use]
    pub fn eta_of_call(&self, call: &Call, from: LatLng) -> Option<u64> {
        self.estimate_s(&call.service, from, call.heading()?)
    }

    /// How many seconds the driver on a trip, who is at `from`, needs to where it is going; if it is going anywhere.
    #[must_use]
    pub(super) fn eta_of_trip(&self, trip: &Trip, from: LatLng) -> Option<u64> {
        self.estimate_s(&trip.service, from, trip.target?)
    }

    fn estimate_s(&self, service: &ServiceId, from: LatLng, to: LatLng) -> Option<u64> {
        let travel = self.policies.get(service)?.file.travel;
        Some(self.router.estimate(from, to, travel).duration_s)
    }
}
