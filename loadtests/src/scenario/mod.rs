//! What a load test does, as data: one TOML file. Unknown keys and impossible values are refused with their place.

mod check;
mod parts;

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use parts::{
    Area, Arrivals, Calls, Checks, Drivers, Fault, Load, Placement, Positions, Prefill, Replay, ServiceShare, Storm,
    Thresholds, Transport,
};

/// A scenario.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is for, in a sentence.
    pub about: String,
    /// What its randomness starts from: the same seed makes the same arrivals, places and choices.
    #[serde(default = "one")]
    pub seed: u64,
    /// How long load arrives, seconds, warm-up included.
    pub duration_s: f64,
    /// How much of the beginning is left out of the figures, seconds. Its calls are checked all the same.
    #[serde(default)]
    pub warmup_s: f64,
    /// How long to wait for what has begun after the last arrival, seconds.
    #[serde(default = "thirty")]
    pub drain_s: f64,
    /// The service under load, when it is one.
    #[serde(default = "driver_call")]
    pub service: String,
    /// The services under load and their mix, when there are several; instead of `service` and `drivers.number`.
    #[serde(default)]
    pub services: Vec<ServiceShare>,
    /// How many customers take turns.
    #[serde(default = "thousand")]
    pub customers: u32,
    /// Whether every customer holds a WebSocket, on which each change of its calls is timed.
    #[serde(default)]
    pub customer_sockets: bool,
    /// How calls arrive. Without it there are no calls.
    pub load: Option<Load>,
    /// What a call is like.
    #[serde(default)]
    pub calls: Calls,
    #[serde(default)]
    pub drivers: Drivers,
    /// Position updates, beside the calls.
    pub positions: Option<Positions>,
    /// Many drivers accept each call at the same moment.
    pub storm: Option<Storm>,
    /// Calls that are made before the load and stay open.
    pub prefill: Option<Prefill>,
    /// Arrivals and pickups from a trace file, instead of `load`.
    pub replay: Option<Replay>,
    /// Faults of the simulated gateway, by time.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What is checked afterwards.
    #[serde(default)]
    pub checks: Checks,
    /// What must hold for the exit code 0.
    #[serde(default)]
    pub thresholds: Thresholds,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the file cannot be read, or says something that cannot be; the message names place and remedy.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("the scenario {}", path.display()))?;
        let mut scenario = Self::parse(&text).with_context(|| format!("the scenario {}", path.display()))?;
        if let Some(replay) = &mut scenario.replay
            && replay.trace.is_relative()
            && let Some(folder) = path.parent()
        {
            replay.trace = folder.join(&replay.trace);
        }
        Ok(scenario)
    }

    /// Reads a scenario.
    ///
    /// # Errors
    /// When it says something that cannot be; the message names place and remedy.
    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The services under load, who answers their calls, and their shares of the calls.
    #[must_use]
    pub fn mix(&self) -> Vec<ServiceShare> {
        if !self.services.is_empty() {
            return self.services.clone();
        }
        vec![ServiceShare { id: self.service.clone(), weight: 1.0, drivers: self.drivers.number }]
    }

    /// Refuses what cannot be.
    ///
    /// # Errors
    /// When it says something that cannot be; the message names place and remedy.
    pub fn check(&self) -> Result<()> {
        check::check(self)
    }
}

fn one() -> u64 {
    1
}

fn thirty() -> f64 {
    30.0
}

fn thousand() -> u32 {
    1_000
}

fn driver_call() -> String {
    "driver-call".to_owned()
}
