//! Calls that a driver is on: who follows the driver's position, and where it goes.

use dashmap::DashMap;

use crate::domain::{CallId, CustomerId, LatLng, ServiceId};

/// A call with its driver on it.
#[derive(Debug, Clone)]
pub struct Trip {
    /// Whose call.
    pub customer: CustomerId,
    /// Of which service.
    pub service: ServiceId,
    /// Where the driver goes next: the pickup, then the destination.
    pub target: Option<LatLng>,
}

/// The trips.
#[derive(Default)]
pub struct TripBoard(DashMap<CallId, Trip>);

impl TripBoard {
    /// Notes or ends a trip.
    pub fn set(&self, call: &CallId, trip: Option<Trip>) {
        match trip {
            Some(trip) => drop(self.0.insert(call.clone(), trip)),
            None => drop(self.0.remove(call)),
        }
    }

    /// The trip of a call.
    #[must_use]
    pub fn get(&self, call: &CallId) -> Option<Trip> {
        self.0.get(call).map(|trip| trip.clone())
    }
}
