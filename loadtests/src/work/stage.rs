//! What everybody who takes part shares.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Semaphore;

use super::{Crowd, Logbook, meets::Meets};
use crate::{measure::Recorder, scenario::Scenario, wire::Http};

/// The stage.
pub struct Stage {
    pub scenario: Scenario,
    /// The way to the server.
    pub http: Http,
    pub crowd: Crowd,
    pub recorder: Recorder,
    pub logbook: Logbook,
    /// Whether the load has ended: sockets say no more.
    pub over: AtomicBool,
    /// Permits for lifecycles at a time.
    pub room: Arc<Semaphore>,
    /// How many may run at a time.
    pub rooms: usize,
    pub(super) meets: Meets,
    numbers: AtomicU64,
}

impl Stage {
    /// A stage. `lifecycles_max` is how many may run at a time.
    #[must_use]
    pub fn new(scenario: Scenario, http: Http, crowd: Crowd, recorder: Recorder, lifecycles_max: usize) -> Self {
        Self {
            scenario,
            http,
            crowd,
            recorder,
            logbook: Logbook::default(),
            over: AtomicBool::new(false),
            room: Arc::new(Semaphore::new(lifecycles_max)),
            rooms: lifecycles_max,
            meets: Meets::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The randomness of the `number`th of its kind: the same in every run with the same seed.
    pub(super) fn rng(&self, number: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.scenario.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.rotate_left(32))
    }
}
