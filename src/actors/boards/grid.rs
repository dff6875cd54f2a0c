//! Places of drivers in a grid of hexagons (H3), and who of them is nearest.
//!
//! Up to some thousand drivers it is quickest to look at all of them; beyond, at the cells around, ring by ring. Either
//! way the nearest so far are kept in a heap, so that most drivers cost one comparison.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap},
};

use h3o::{CellIndex, Resolution};

use crate::domain::{
    DriverId, LatLng,
    geo::{SpherePoint, distance_m},
};

/// The grid's resolution: hexagons with an edge of about 530 m (H3's table of average cell sizes).
const RESOLUTION: Resolution = Resolution::Eight;
/// A lower bound on how much further out each ring lies, in metres. Centres of neighbours are about 920 m apart; rings
/// grow by at least cos 30° of that, and by less where H3's cells are small or distorted.
const RING_M: f64 = 500.0;
/// Two circumradii: by how much a pickup and a driver may be nearer than the centres of their cells, in metres.
const SLACK_M: f64 = 1_400.0;
/// With at most this many drivers a search goes through all of them.
const FEW: usize = if cfg!(test) { 256 } else { 2_048 };

/// A driver found for a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub driver: DriverId,
    /// How far from the pickup, great-circle metres.
    pub distance_m: f64,
}

/// Drivers by the cell of the grid that they are in, so that a search looks at cells and not at everybody.
#[derive(Default)]
pub(super) struct Grid {
    cells: HashMap<CellIndex, Vec<Entry>>,
    places: HashMap<DriverId, CellIndex>,
}

struct Entry {
    driver: DriverId,
    position: LatLng,
    point: SpherePoint,
}

impl Grid {
    /// How many drivers there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Notes where a driver is. Answers whether it is new here.
    pub(super) fn put(&mut self, driver: &DriverId, position: LatLng) -> bool {
        let Some(cell) = cell_of(position) else { return false };
        let point = SpherePoint::from(position);
        let before = self.places.get(driver).copied();
        if before == Some(cell) {
            let known =
                self.cells.get_mut(&cell).and_then(|cell| cell.iter_mut().find(|entry| entry.driver == *driver));
            if let Some(known) = known {
                (known.position, known.point) = (position, point);
            }
            return false;
        }
        if before.is_some() {
            self.remove(driver);
        }
        self.places.insert(driver.clone(), cell);
        self.cells.entry(cell).or_default().push(Entry { driver: driver.clone(), position, point });
        before.is_none()
    }

    pub(super) fn remove(&mut self, driver: &DriverId) {
        let Some(cell) = self.places.remove(driver) else { return };
        if let Some(entries) = self.cells.get_mut(&cell) {
            entries.retain(|entry| entry.driver != *driver);
            if entries.is_empty() {
                self.cells.remove(&cell);
            }
        }
    }

    /// The drivers nearest to `pickup` within `radius_m` whom `wanted` lets pass, nearest first, at most `limit`.
    pub(super) fn nearest(
        &self,
        pickup: LatLng,
        radius_m: f64,
        limit: usize,
        wanted: impl Fn(&DriverId) -> bool,
    ) -> Vec<Candidate> {
        let mut search = Search::new(pickup, radius_m, limit, wanted);
        if limit == 0 {
            return Vec::new();
        }
        if self.len() <= FEW {
            search.look_at_all(self);
        } else {
            search.look_around(self);
        }
        search.finish()
    }
}

/// How many cells a ring has.
fn cells_of(ring: u32) -> usize {
    if ring == 0 { 1 } else { 6 * ring as usize }
}

fn cell_of(position: LatLng) -> Option<CellIndex> {
    h3o::LatLng::new(position.lat(), position.lng()).ok().map(|point| point.to_cell(RESOLUTION))
}

struct Search<'a, W> {
    pickup: LatLng,
    from: SpherePoint,
    radius_m: f64,
    /// A little more than the radius: what is on the edge is looked at exactly in the end.
    reach: f64,
    limit: usize,
    wanted: W,
    /// The nearest so far; the farthest of them on top.
    nearest: BinaryHeap<Near<'a>>,
}

struct Near<'a> {
    chord2: f64,
    entry: &'a Entry,
}

impl<'a, W: Fn(&DriverId) -> bool> Search<'a, W> {
    fn new(pickup: LatLng, radius_m: f64, limit: usize, wanted: W) -> Self {
        let reach = SpherePoint::chord2_of(radius_m + 1.0);
        Self { pickup, from: pickup.into(), radius_m, reach, limit, wanted, nearest: BinaryHeap::new() }
    }

    fn look_at(&mut self, cell: &'a [Entry]) {
        for entry in cell {
            let near = Near { chord2: self.from.chord2(entry.point), entry };
            let full = self.nearest.len() >= self.limit;
            let too_far =
                near.chord2 > self.reach || full && self.nearest.peek().is_some_and(|farthest| near >= *farthest);
            if too_far || !(self.wanted)(&entry.driver) {
                continue;
            }
            self.nearest.push(near);
            if full {
                self.nearest.pop();
            }
        }
    }

    /// Ring by ring, until nobody further out can be nearer than those found. When the rings have come to more cells
    /// than have drivers, all of those are looked at instead: a large radius costs no more than twice as many cells.
    fn look_around(&mut self, grid: &'a Grid) {
        let Some(centre) = cell_of(self.pickup) else { return };
        let mut left = grid.cells.len();
        for ring in 0_u32.. {
            let nearest_possible_m = f64::from(ring) * RING_M - SLACK_M;
            if nearest_possible_m > self.radius_m || self.has_enough_within(nearest_possible_m) {
                return;
            }
            let Some(after) = left.checked_sub(cells_of(ring)) else { return self.look_at_all(grid) };
            left = after;
            for cell in centre.grid_ring::<Vec<CellIndex>>(ring) {
                if let Some(entries) = grid.cells.get(&cell) {
                    self.look_at(entries);
                }
            }
        }
    }

    fn look_at_all(&mut self, grid: &'a Grid) {
        self.nearest.clear();
        grid.cells.values().for_each(|cell| self.look_at(cell));
    }

    fn has_enough_within(&self, distance_m: f64) -> bool {
        let farthest = self.nearest.peek().filter(|_| self.nearest.len() >= self.limit);
        farthest.is_some_and(|farthest| farthest.chord2 <= SpherePoint::chord2_of(distance_m))
    }

    fn finish(self) -> Vec<Candidate> {
        let found = self.nearest.into_vec().into_iter().map(|Near { entry, .. }| Candidate {
            driver: entry.driver.clone(),
            distance_m: distance_m(self.pickup, entry.position),
        });
        let mut found: Vec<Candidate> = found.filter(|candidate| candidate.distance_m <= self.radius_m).collect();
        found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then_with(|| a.driver.cmp(&b.driver)));
        found
    }
}

impl Ord for Near<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.chord2.total_cmp(&other.chord2).then_with(|| self.entry.driver.cmp(&other.entry.driver))
    }
}

impl PartialOrd for Near<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Near<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).expect("a place")
    }

    fn id(number: usize) -> DriverId {
        DriverId::new(format!("d{number}")).expect("an id")
    }

    #[test]
    fn a_search_over_the_whole_earth_looks_at_no_more_cells_than_have_drivers() {
        let mut grid = Grid::default();
        for number in 0..=FEW {
            grid.put(&id(number), point(-35.0, 150.0 + number as f64 / 1_000.0));
        }
        // Ring by ring these would be more than 10^9 cells.
        let found = grid.nearest(point(37.5, 127.0), 20_000_000.0, 3, |_| true);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|candidate| candidate.distance_m > 8_000_000.0), "{found:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_grid_finds_what_looking_at_all_drivers_finds(
            base in (-80.0..80.0_f64, -179.0..179.0_f64),
            offsets in prop::collection::vec((-0.25..0.25_f64, -0.25..0.25_f64), FEW / 2..600),
            radius_m in prop_oneof![4 => 100.0..30_000.0_f64, 1 => 30_000.0..20_000_000.0_f64],
            limit in 1_usize..40,
            every in 1_usize..4,
        ) {
            let mut grid = Grid::default();
            let pickup = point(base.0, base.1);
            let places: Vec<LatLng> =
                offsets.iter().map(|(dlat, dlng)| point(base.0 + dlat, (base.1 + dlng).clamp(-180.0, 180.0))).collect();
            for (number, place) in places.iter().enumerate() {
                grid.put(&id(number), *place);
            }
            let wanted: Vec<DriverId> = (0..places.len()).filter(|number| number % every == 0).map(id).collect();
            let mut expected: Vec<Candidate> = places
                .iter()
                .enumerate()
                .map(|(number, place)| Candidate { driver: id(number), distance_m: distance_m(pickup, *place) })
                .filter(|candidate| candidate.distance_m <= radius_m && wanted.contains(&candidate.driver))
                .collect();
            expected.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then_with(|| a.driver.cmp(&b.driver)));
            expected.truncate(limit);
            prop_assert_eq!(grid.nearest(pickup, radius_m, limit, |driver| wanted.contains(driver)), expected);
        }
    }
}
