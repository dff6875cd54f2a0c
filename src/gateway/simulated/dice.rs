//! The one place where the simulated gateway is random. Seeded, so that a run can be repeated.

use parking_lot::Mutex;
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use crate::actors::ports::gateway::Faults;

/// Random numbers from a seed, so that a run can be repeated.
pub(super) struct Dice(Mutex<SmallRng>);

/// The random faults of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Luck {
    /// A new charge is declined.
    pub(super) declined: bool,
    /// A server error comes back and nothing is done.
    pub(super) error: bool,
    /// Everything is done, but no answer comes.
    pub(super) silent: bool,
}

impl Dice {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(rand::make_rng, SmallRng::seed_from_u64)))
    }

    /// Always the same number of draws, so that changing one rate leaves the other faults of a seed where they were.
    pub(super) fn roll(&self, faults: &Faults) -> Luck {
        let [declined, error, silent]: [f64; 3] = self.0.lock().random();
        Luck {
            declined: declined < faults.decline_rate,
            error: error < faults.error_rate,
            silent: silent < faults.timeout_rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_luck_and_rates_hold() {
        let faults = Faults { decline_rate: 0.5, error_rate: 1.0, ..Faults::default() };
        let [one, two] = [Dice::new(Some(7)), Dice::new(Some(7))];
        let first: Vec<Luck> = (0..2_000).map(|_| one.roll(&faults)).collect();
        let second: Vec<Luck> = (0..2_000).map(|_| two.roll(&faults)).collect();
        assert_eq!(first, second);
        assert!(first.iter().all(|luck| luck.error && !luck.silent));
        let declined = first.iter().filter(|luck| luck.declined).count();
        assert!((900..1_100).contains(&declined), "{declined} of 2000 were declined");
    }
}
