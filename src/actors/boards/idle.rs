//! Free drivers by how long they have waited: whom the system assigns next, wherever they are.

use std::{
    collections::{BTreeSet, HashMap},
    time::Instant,
};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::{
    actors::backoff::BackoffSettings,
    domain::{
        DriverId, ServiceId,
        driver::{Booking, Driver},
    },
};

/// Since when a driver has been free, and, of those since the same millisecond, in which order.
type Place = (Option<Timestamp>, u64);

#[derive(Default)]
struct Waiting {
    order: BTreeSet<(Place, DriverId)>,
    free: HashMap<DriverId, Free>,
    came: u64,
}

/// A free driver: its place among the others, and the calls it is booked for.
struct Free {
    place: Place,
    bookings: Vec<Booking>,
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

    /// Notes whether a driver is free, and for what it is booked. Answers whether it newly is, or may have more room than
    /// before.
    pub fn show(&self, driver: &Driver) -> bool {
        let mut services = self.services.lock();
        let waiting = services.entry(driver.profile.service.clone()).or_default();
        if !driver.is_available() {
            waiting.remove(&driver.id);
            return false;
        }
        let since = driver.free_since;
        let known = waiting.free.get_mut(&driver.id);
        let roomier = known.as_ref().is_some_and(|known| may_have_more_room(&known.bookings, &driver.bookings));
        if let Some(known) = known.filter(|known| known.place.0 == since) {
            known.bookings.clone_from(&driver.bookings);
            return roomier;
        }
        let new = !waiting.remove(&driver.id);
        waiting.came += 1;
        let place = (since, waiting.came);
        waiting.order.insert((place, driver.id.clone()));
        waiting.free.insert(driver.id.clone(), Free { place, bookings: driver.bookings.clone() });
        self.paused.lock().remove(&driver.id);
        new || roomier
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

    /// The driver who has waited longest of those whom `wanted` lets pass, by its id and its bookings.
    #[must_use]
    pub fn longest_waiting(
        &self,
        service: &ServiceId,
        wanted: impl Fn(&DriverId, &[Booking]) -> bool,
    ) -> Option<DriverId> {
        let (services, now) = (self.services.lock(), Instant::now());
        let waiting = services.get(service)?;
        let is_wanted = |driver: &DriverId| {
            let free = waiting.free.get(driver);
            free.is_some_and(|free| wanted(driver, &free.bookings)) && !self.is_paused(driver, now)
        };
        waiting.order.iter().map(|(_, driver)| driver).find(|driver| is_wanted(driver)).cloned()
    }

    /// Whether a driver is free.
    #[must_use]
    pub fn is_free(&self, service: &ServiceId, driver: &DriverId) -> bool {
        self.services.lock().get(service).is_some_and(|waiting| waiting.free.contains_key(driver))
    }

    /// How many drivers of a service are free.
    #[must_use]
    pub fn len(&self, service: &ServiceId) -> usize {
        self.services.lock().get(service).map_or(0, |waiting| waiting.order.len())
    }
}

impl Waiting {
    fn remove(&mut self, driver: &DriverId) -> bool {
        match self.free.remove(driver) {
            Some(free) => self.order.remove(&(free.place, driver.clone())),
            None => false,
        }
    }
}

/// Whether calls that found no driver may find this one now: a booking was settled, has ended or was let go.
fn may_have_more_room(before: &[Booking], now: &[Booking]) -> bool {
    !before.is_empty() && now.len() <= before.len()
}
