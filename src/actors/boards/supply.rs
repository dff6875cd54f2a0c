//! Drivers who can be offered calls, by place: a grid of hexagons (H3) per service, searched ring by ring from the pickup.

use std::collections::HashMap;

use dashmap::DashMap;
use h3o::{CellIndex, Resolution};
use parking_lot::RwLock;

use crate::domain::{DriverId, LatLng, ServiceId, driver::Driver, driver::Fix, geo::distance_m};

/// The grid's resolution: hexagons with an edge of about 530 m (H3's table of average cell sizes).
const RESOLUTION: Resolution = Resolution::Eight;
/// A lower bound on how much further out each ring lies, in metres. Centres of neighbours are about 920 m apart; rings grow
/// by at least cos 30° of that, and by less where H3's cells are small or distorted.
const RING_M: f64 = 500.0;
/// Two circumradii: by how much a pickup and a driver may be nearer than the centres of their cells, in metres.
const SLACK_M: f64 = 1_400.0;
/// With no more drivers than this it is quicker to look at all of them.
const FEW: usize = 256;

/// A driver found for a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Who.
    pub driver: DriverId,
    /// How far from the pickup, great-circle metres.
    pub distance_m: f64,
}

#[derive(Default)]
struct Grid {
    cells: HashMap<CellIndex, Vec<(DriverId, LatLng)>>,
    places: HashMap<DriverId, CellIndex>,
}

/// The supply.
#[derive(Default)]
pub struct SupplyBoard {
    grids: DashMap<ServiceId, RwLock<Grid>>,
    fixes: DashMap<DriverId, Fix>,
}

impl SupplyBoard {
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
        let mut known = self.fixes.entry(driver.id.clone()).or_insert(fix);
        if known.at <= fix.at {
            *known = fix;
        }
        Some(*known)
    }

    /// Where a driver was last seen.
    #[must_use]
    pub fn position(&self, driver: &DriverId) -> Option<Fix> {
        self.fixes.get(driver).map(|fix| *fix)
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
        self.grids.get(service).map_or(0, |grid| grid.read().places.len())
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
        let grid = grid.read();
        let mut search = Search { pickup, radius_m, limit, wanted, found: Vec::new() };
        if grid.places.len() <= FEW {
            grid.cells.values().for_each(|cell| search.look_at(cell));
        } else {
            search.look_around(&grid);
        }
        search.finish()
    }

    fn put(&self, service: &ServiceId, driver: &DriverId, position: LatLng) -> bool {
        let Some(cell) = cell_of(position) else { return false };
        if !self.grids.contains_key(service) {
            self.grids.entry(service.clone()).or_default();
        }
        self.grids.get(service).is_some_and(|grid| grid.write().put(driver, cell, position))
    }
}

fn cell_of(position: LatLng) -> Option<CellIndex> {
    h3o::LatLng::new(position.lat(), position.lng()).ok().map(|point| point.to_cell(RESOLUTION))
}

impl Grid {
    /// Answers whether the driver is new here.
    fn put(&mut self, driver: &DriverId, cell: CellIndex, position: LatLng) -> bool {
        let before = self.places.get(driver).copied();
        if before == Some(cell) {
            let place = self.cells.get_mut(&cell).and_then(|cell| cell.iter_mut().find(|(id, _)| id == driver));
            if let Some((_, known)) = place {
                *known = position;
            }
            return false;
        }
        if before.is_some() {
            self.remove(driver);
        }
        self.places.insert(driver.clone(), cell);
        self.cells.entry(cell).or_default().push((driver.clone(), position));
        before.is_none()
    }

    fn remove(&mut self, driver: &DriverId) {
        let Some(cell) = self.places.remove(driver) else { return };
        if let Some(drivers) = self.cells.get_mut(&cell) {
            drivers.retain(|(id, _)| id != driver);
            if drivers.is_empty() {
                self.cells.remove(&cell);
            }
        }
    }
}

struct Search<W> {
    pickup: LatLng,
    radius_m: f64,
    limit: usize,
    wanted: W,
    found: Vec<Candidate>,
}

impl<W: Fn(&DriverId) -> bool> Search<W> {
    fn look_at(&mut self, cell: &[(DriverId, LatLng)]) {
        for (driver, position) in cell {
            let distance_m = distance_m(self.pickup, *position);
            if distance_m <= self.radius_m && (self.wanted)(driver) {
                self.found.push(Candidate { driver: driver.clone(), distance_m });
            }
        }
    }

    /// Ring by ring, until nobody further out can be nearer than those found.
    fn look_around(&mut self, grid: &Grid) {
        let Some(centre) = cell_of(self.pickup) else { return };
        for ring in 0_u32.. {
            let nearest_possible_m = f64::from(ring) * RING_M - SLACK_M;
            if nearest_possible_m > self.radius_m || self.has_enough_within(nearest_possible_m) {
                return;
            }
            for cell in centre.grid_ring::<Vec<CellIndex>>(ring) {
                if let Some(drivers) = grid.cells.get(&cell) {
                    self.look_at(drivers);
                }
            }
        }
    }

    fn has_enough_within(&self, distance_m: f64) -> bool {
        self.found.len() >= self.limit
            && self.found.iter().filter(|found| found.distance_m <= distance_m).count() >= self.limit
    }

    fn finish(mut self) -> Vec<Candidate> {
        self.found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then_with(|| a.driver.cmp(&b.driver)));
        self.found.truncate(self.limit);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service() -> ServiceId {
        ServiceId::new("taxi").unwrap()
    }

    fn point(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).unwrap()
    }

    fn id(number: usize) -> DriverId {
        DriverId::new(format!("d{number}")).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_grid_finds_what_looking_at_all_drivers_finds(
            base in (-80.0..80.0_f64, -179.0..179.0_f64),
            offsets in prop::collection::vec((-0.25..0.25_f64, -0.25..0.25_f64), FEW + 1..600),
            radius_m in 100.0..30_000.0_f64,
            limit in 1_usize..40,
        ) {
            let board = SupplyBoard::default();
            let pickup = point(base.0, base.1);
            let places: Vec<LatLng> =
                offsets.iter().map(|(dlat, dlng)| point(base.0 + dlat, (base.1 + dlng).clamp(-180.0, 180.0))).collect();
            for (number, place) in places.iter().enumerate() {
                board.put(&service(), &id(number), *place);
            }
            let mut expected: Vec<Candidate> = places
                .iter()
                .enumerate()
                .map(|(number, place)| Candidate { driver: id(number), distance_m: distance_m(pickup, *place) })
                .filter(|candidate| candidate.distance_m <= radius_m)
                .collect();
            expected.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then_with(|| a.driver.cmp(&b.driver)));
            expected.truncate(limit);
            prop_assert_eq!(board.nearest(&service(), pickup, radius_m, limit, |_| true), expected);
        }
    }

    #[test]
    fn a_driver_is_found_where_it_moved_to_and_only_there() {
        let board = SupplyBoard::default();
        assert!(board.put(&service(), &id(1), point(37.5, 127.0)));
        assert!(!board.put(&service(), &id(1), point(37.6, 127.0)));
        assert_eq!(board.nearest(&service(), point(37.5, 127.0), 1_000.0, 9, |_| true), []);
        assert_eq!(board.nearest(&service(), point(37.6, 127.0), 1_000.0, 9, |_| true).len(), 1);
        board.remove(&service(), &id(1));
        assert_eq!(board.len(&service()), 0);
    }
}
