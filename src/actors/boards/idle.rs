//! Free drivers by how long they have waited: whom the system assigns next, wherever they are.

use std::{
    collections::{BTreeSet, HashMap},
    time::Instant,
};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::{
    actors::backoff::BackoffSettings,
    domain::{DriverId, ServiceId, driver::Driver},
};

/// Since when a driver has been free, and, of those since the same millisecond, in which order.
type Place = (Option<Timestamp>, u64);

#[derive(Default)]
struct Waiting {
    order: BTreeSet<(Place, DriverId)>,
    places: HashMap<DriverId, Place>,
    came: u64,
}

/// For how long a driver is left alone that was shown as free and refused an assignment: its actor knows better than the
/// board, and the board may be behind for a while.
const PAUSE: BackoffSettings = BackoffSettings { initial_ms: 1_000, factor: 2.0, max_ms: 60_000, jitter: 0.0 };

/// Until when a driver is left alone, and after how many refusals.
type Pause = (Instant, u32);

/// The free drivers, by service.
#[derive(Default)]
pub struct IdleBoard {
    services: Mutex<HashMap<ServiceId, Waiting>>,
    paused: Mutex<HashMap<DriverId, Pause>>,
}

impl IdleBoard {
    /// Forgets everybody.
    pub(super) fn clear(&self) {
        self.services.lock().clear();
        self.paused.lock().clear();
    }

    /// Notes whether a driver is free. Answers whether it newly is.
    pub fn show(&self, driver: &Driver) -> bool {
        let mut services = self.services.lock();
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
        self.paused.lock().remove(&driver.id);
        new
    }

    /// A driver that is shown as free refused an assignment: it is left alone for a while, longer each time, or until it
    /// becomes free anew.
    pub fn refused(&self, driver: &DriverId, now: Instant) {
        let mut paused = self.paused.lock();
        let (until, times) = paused.entry(driver.clone()).or_insert((now, 0));
        *until = now + PAUSE.delay(*times, 0.0);
        *times = times.saturating_add(1);
    }

    fn is_paused(&self, driver: &DriverId, now: Instant) -> bool {
        self.paused.lock().get(driver).is_some_and(|(until, _)| *until > now)
    }

    /// Takes a driver out of a service, because it changed its service.
    pub fn remove(&self, service: &ServiceId, driver: &DriverId) {
        if let Some(waiting) = self.services.lock().get_mut(service) {
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
        let (services, now) = (self.services.lock(), Instant::now());
        let Some(waiting) = services.get(service) else { return Vec::new() };
        let free = waiting.order.iter().map(|(_, driver)| driver);
        let wanted = free.filter(|driver| wanted(driver) && !self.is_paused(driver, now));
        wanted.take(limit).cloned().collect()
    }

    /// Whether a driver is free.
    #[must_use]
    pub fn is_free(&self, service: &ServiceId, driver: &DriverId) -> bool {
        self.services.lock().get(service).is_some_and(|waiting| waiting.places.contains_key(driver))
    }

    /// How many drivers of a service are free.
    #[must_use]
    pub fn len(&self, service: &ServiceId) -> usize {
        self.services.lock().get(service).map_or(0, |waiting| waiting.order.len())
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
