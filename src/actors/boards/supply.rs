//! Drivers who can be offered calls, by place.

use dashmap::DashMap;
use jiff::Timestamp;
use parking_lot::RwLock;

use super::grid::{Candidate, Grid};
use crate::domain::{DriverId, LatLng, ServiceId, driver::Driver, driver::Fix};

/// Drivers on duty and free, by service and place.
#[derive(Default)]
pub struct SupplyBoard {
    grids: DashMap<ServiceId, RwLock<Grid>>,
    seen: DashMap<DriverId, Seen>,
}

/// When and where a driver was seen last.
#[derive(Clone, Copy)]
struct Seen {
    fix: Fix,
    /// When it gave a sign of itself, which need not be a position.
    sign: Timestamp,
}

impl SupplyBoard {
    /// Takes every driver out of the grids. Where they were seen stays known.
    pub(super) fn clear(&self) {
        self.grids.clear();
    }

    /// Notes where a driver is and whether it can be offered calls. Answers whether it newly can.
    pub fn show(&self, driver: &Driver) -> bool {
        let fix = self.newest_fix(driver);
        match fix.filter(|_| driver.is_available()) {
            Some(fix) => self.put(&driver.profile.service, &driver.id, fix.position),
            None => {
                self.remove(&driver.profile.service, &driver.id);
                false
            }
        }
    }

    /// A driver back from its snapshot may know less than the board: of two fixes the newer one counts.
    fn newest_fix(&self, driver: &Driver) -> Option<Fix> {
        let Some(fix) = driver.fix else { return self.position(&driver.id) };
        let sign = driver.last_sign();
        let mut known = self.seen.entry(driver.id.clone()).or_insert(Seen { fix, sign });
        if known.fix.heard_at <= fix.heard_at {
            known.fix = fix;
        }
        known.sign = known.sign.max(sign);
        Some(known.fix)
    }

    /// When a driver whose position is known last gave a sign of itself.
    #[must_use]
    pub fn last_sign(&self, driver: &DriverId) -> Option<Timestamp> {
        self.seen.get(driver).map(|seen| seen.sign)
    }

    /// Where a driver was last seen.
    #[must_use]
    pub fn position(&self, driver: &DriverId) -> Option<Fix> {
        self.seen.get(driver).map(|seen| seen.fix)
    }

    /// Takes a driver out of a service's grid, for instance because it changed its service.
    pub fn remove(&self, service: &ServiceId, driver: &DriverId) {
        if let Some(grid) = self.grids.get(service) {
            grid.write().remove(driver);
        }
    }

    /// How many drivers of a service can be offered calls.
    #[must_use]
    pub fn len(&self, service: &ServiceId) -> usize {
        self.grids.get(service).map_or(0, |grid| grid.read().len())
    }

    /// The drivers nearest to `pickup` within `radius_m` whom `wanted` lets pass, nearest first, at most `limit`.
    #[must_use]
    pub fn nearest(
        &self,
        service: &ServiceId,
        pickup: LatLng,
        radius_m: f64,
        limit: usize,
        wanted: impl Fn(&DriverId) -> bool,
    ) -> Vec<Candidate> {
        let Some(grid) = self.grids.get(service) else { return Vec::new() };
        grid.read().nearest(pickup, radius_m, limit, wanted)
    }

    fn put(&self, service: &ServiceId, driver: &DriverId, position: LatLng) -> bool {
        if !self.grids.contains_key(service) {
            self.grids.entry(service.clone()).or_default();
        }
        self.grids.get(service).is_some_and(|grid| grid.write().put(driver, position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_found_where_it_moved_to_and_only_there() {
        let (board, service) = (SupplyBoard::default(), ServiceId::new("taxi").expect("an id"));
        let point = |lat: f64, lng: f64| LatLng::new(lat, lng).expect("a place");
        let driver = DriverId::new("d1").expect("an id");
        assert!(board.put(&service, &driver, point(37.5, 127.0)));
        assert!(!board.put(&service, &driver, point(37.6, 127.0)));
        assert_eq!(board.nearest(&service, point(37.5, 127.0), 1_000.0, 9, |_| true), []);
        assert_eq!(board.nearest(&service, point(37.6, 127.0), 1_000.0, 9, |_| true).len(), 1);
        board.remove(&service, &driver);
        assert_eq!(board.len(&service), 0);
    }
}
