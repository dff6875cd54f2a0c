//! Open offers, by driver: what `offered` means. Calls write it, from what they committed.

use dashmap::DashMap;
use jiff::Timestamp;

use crate::domain::{CallId, DriverId};

/// The offers.
#[derive(Default)]
pub struct OfferBoard(DashMap<DriverId, Vec<(CallId, Timestamp)>>);

impl OfferBoard {
    /// Notes an offer.
    pub fn add(&self, driver: &DriverId, call: &CallId, expires_at: Timestamp) {
        let mut offers = self.0.entry(driver.clone()).or_default();
        match offers.iter_mut().find(|(offered, _)| offered == call) {
            Some(offer) => offer.1 = expires_at,
            None => offers.push((call.clone(), expires_at)),
        }
    }

    /// Ends an offer.
    pub fn remove(&self, driver: &DriverId, call: &CallId) {
        if let Some(mut offers) = self.0.get_mut(driver) {
            offers.retain(|(offered, _)| offered != call);
        }
        self.0.remove_if(driver, |_, offers| offers.is_empty());
    }

    /// A driver's open offers with their expiries, oldest first.
    #[must_use]
    pub fn of_driver(&self, driver: &DriverId) -> Vec<(CallId, Timestamp)> {
        self.0.get(driver).map(|offers| offers.clone()).unwrap_or_default()
    }

    /// How many open offers a driver has.
    #[must_use]
    pub fn count(&self, driver: &DriverId) -> usize {
        self.0.get(driver).map_or(0, |offers| offers.len())
    }
}
