//! Free drivers by how long they have waited: whom the system assigns next, wherever they are.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::domain::{DriverId, ServiceId, driver::Driver};

/// Since when a driver has been free, and, of those since the same millisecond, in which order.
type Place = (Option<Timestamp>, u64);

#[derive(Default)]
struct Waiting {
    order: BTreeSet<(Place, DriverId)>,
    places: HashMap<DriverId, Place>,
    came: u64,
}

/// The free drivers, by service.
#[derive(Default)]
pub struct IdleBoard(Mutex<HashMap<ServiceId, Waiting>>);

impl IdleBoard {
    /// Notes whether a driver is free. Answers whether it newly is.
    pub fn show(&self, driver: &Driver) -> bool {
        let mut services = self.0.lock();
        let waiting = services.entry(driver.profile.service.clone()).or_default();
        if !driver.is_available() {
            waiting.remove(&driver.id);
            return false;
        }
        let since = driver.free_since;
        if waiting.places.get(&driver.id).is_some_and(|place| place.0 == since) {
            return false;
        }
        let new = !waiting.remove(&driver.id);
        waiting.came += 1;
        let place = (since, waiting.came);
        waiting.order.insert((place, driver.id.clone()));
        waiting.places.insert(driver.id.clone(), place);
        new
    }

    /// Takes a driver out of a service, because it changed its service.
    pub fn remove(&self, service: &ServiceId, driver: &DriverId) {
        if let Some(waiting) = self.0.lock().get_mut(service) {
            waiting.remove(driver);
        }
    }

    /// The drivers who have waited longest and whom `wanted` lets pass, at most `limit`.
    #[must_use]
    pub fn longest_waiting(
        &self,
        service: &ServiceId,
        limit: usize,
        wanted: impl Fn(&DriverId) -> bool,
    ) -> Vec<DriverId> {
        let services = self.0.lock();
        let Some(waiting) = services.get(service) else { return Vec::new() };
        let wanted = waiting.order.iter().map(|(_, driver)| driver).filter(|driver| wanted(driver));
        wanted.take(limit).cloned().collect()
    }

    /// Whether a driver is free.
    #[must_use]
    pub fn is_free(&self, service: &ServiceId, driver: &DriverId) -> bool {
        self.0.lock().get(service).is_some_and(|waiting| waiting.places.contains_key(driver))
    }

    /// How many drivers of a service are free.
    #[must_use]
    pub fn len(&self, service: &ServiceId) -> usize {
        self.0.lock().get(service).map_or(0, |waiting| waiting.order.len())
    }
}

impl Waiting {
    fn remove(&mut self, driver: &DriverId) -> bool {
        match self.places.remove(driver) {
            Some(place) => self.order.remove(&(place, driver.clone())),
            None => false,
        }
    }
}
