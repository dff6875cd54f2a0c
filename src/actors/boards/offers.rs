//! Open offers, by driver: what `offered` means. Calls write it, from what they committed.

use std::collections::HashMap;

use dashmap::DashMap;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::domain::{CallId, DriverId, ServiceId, driver::Driver};

/// Drivers who are not free any more, and the call that keeps each of them busy.
type Busy = HashMap<DriverId, Option<CallId>>;

/// Which calls are on offer to which driver, and until when.
#[derive(Default)]
pub struct OfferBoard {
    open: DashMap<DriverId, Vec<(CallId, Timestamp)>>,
    busy: Mutex<HashMap<ServiceId, Busy>>,
}

impl OfferBoard {
    /// Forgets every offer.
    pub(super) fn clear(&self) {
        self.open.clear();
        self.busy.lock().clear();
    }

    pub fn add(&self, driver: &DriverId, call: &CallId, expires_at: Timestamp) {
        let mut offers = self.open.entry(driver.clone()).or_default();
        match offers.iter_mut().find(|(offered, _)| offered == call) {
            Some(offer) => offer.1 = expires_at,
            None => offers.push((call.clone(), expires_at)),
        }
    }

    pub fn remove(&self, driver: &DriverId, call: &CallId) {
        if let Some(mut offers) = self.open.get_mut(driver) {
            offers.retain(|(offered, _)| offered != call);
        }
        self.open.remove_if(driver, |_, offers| offers.is_empty());
    }

    /// Notes that a driver with offers can answer only the one of the call that keeps it busy.
    pub fn show(&self, driver: &Driver) {
        if !driver.is_available() && self.open.contains_key(&driver.id) {
            let mut services = self.busy.lock();
            let busy = services.entry(driver.profile.service.clone()).or_default();
            busy.insert(driver.id.clone(), driver.call().cloned());
        }
    }

    /// Notes that a driver has left a service: it cannot answer offers of that one any more.
    pub fn left(&self, service: &ServiceId, driver: &DriverId) {
        if self.open.contains_key(driver) {
            self.busy.lock().entry(service.clone()).or_default().insert(driver.clone(), None);
        }
    }

    /// The offers of drivers noted as busy since the last time, by call, but for those to drivers who are free again.
    #[must_use]
    pub fn take_dead(
        &self,
        service: &ServiceId,
        is_free: impl Fn(&DriverId) -> bool,
    ) -> HashMap<CallId, Vec<DriverId>> {
        let busy = self.busy.lock().get_mut(service).map(std::mem::take).unwrap_or_default();
        let mut dead: HashMap<CallId, Vec<DriverId>> = HashMap::new();
        for (driver, with) in busy.into_iter().filter(|(driver, _)| !is_free(driver)) {
            for (call, _) in self.of_driver(&driver).into_iter().filter(|(call, _)| Some(call) != with.as_ref()) {
                dead.entry(call).or_default().push(driver.clone());
            }
        }
        dead
    }

    /// A driver's open offers with their expiries, oldest first.
    #[must_use]
    pub fn of_driver(&self, driver: &DriverId) -> Vec<(CallId, Timestamp)> {
        self.open.get(driver).map(|offers| offers.clone()).unwrap_or_default()
    }

    /// How many open offers a driver has.
    #[must_use]
    pub fn count(&self, driver: &DriverId) -> usize {
        self.open.get(driver).map_or(0, |offers| offers.len())
    }
}
