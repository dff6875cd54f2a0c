//! Seeds and randomness of the tests: the only file that draws random numbers or reads the variables that replay them.

use std::time::Duration;

use rand::{
    RngExt, SeedableRng,
    rngs::{StdRng, ThreadRng},
};

/// A seeded source of decisions and delays.
pub struct Chance(StdRng);

impl Chance {
    /// The same seed and stream give the same decisions.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(StdRng::seed_from_u64(seed.wrapping_add(stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }

    /// True in that share of cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.0.random_bool(share)
    }

    /// A whole number of milliseconds below `limit`.
    pub fn millis_below(&mut self, limit: u64) -> Duration {
        Duration::from_millis(self.0.random_range(0..limit.max(1)))
    }

    /// A number of microseconds below `limit`: for races that are over within a millisecond or two.
    pub fn micros_below(&mut self, limit: u64) -> Duration {
        Duration::from_micros(self.0.random_range(0..limit.max(1)))
    }
}

/// The seed of this run: `CALLOUT_TEST_SEED`, or a fresh one. Printed, so that a failure can be replayed.
pub fn seed() -> u64 {
    let seed = number("CALLOUT_TEST_SEED").unwrap_or_else(|| fresh().random_range(1..1_000_000_000));
    eprintln!("CALLOUT_TEST_SEED={seed}");
    seed
}

/// How many rounds a repeating test runs: `CALLOUT_TEST_ROUNDS`, or `default`.
pub fn rounds(default: u64) -> u64 {
    number("CALLOUT_TEST_ROUNDS").unwrap_or(default)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, got {text:?}")))
}

/// A port below the range the kernel gives to outgoing connections, so that nobody takes it while the server is down.
pub fn candidate_port() -> u16 {
    fresh().random_range(10_000..32_000)
}

/// A secret no other server of this run has.
pub fn secret() -> String {
    format!("test-secret-{:032x}", fresh().random::<u128>())
}

#[expect(clippy::disallowed_methods, reason = "the one place of the tests where chance comes from")]
fn fresh() -> ThreadRng {
    rand::rng()
}
