//! When arrivals are due. An open schedule never waits for answers: that is what keeps slow answers visible.

use std::time::Duration;

use crate::scenario::{Arrivals, Load};

/// The moments of open arrivals, from the load's beginning.
#[derive(Debug, Clone)]
pub struct Schedule {
    rate_per_s: f64,
    ramp_s: f64,
    arrivals: Arrivals,
    /// How many arrivals are due by the last moment handed out: the integral of the rate.
    due: f64,
    end_s: f64,
    rng: fastrand::Rng,
}

impl Schedule {
    /// Arrivals of an open load until `end_s` seconds; `None` when the load is closed.
    #[must_use]
    pub fn open(load: &Load, end_s: f64, seed: u64) -> Option<Self> {
        let rng = fastrand::Rng::with_seed(seed);
        let rate_per_s = load.rate_per_s?;
        Some(Self { rate_per_s, ramp_s: load.ramp_s, arrivals: load.arrivals, due: 0.0, end_s, rng })
    }

    /// When that many arrivals are due, in seconds: the inverse of the rate's integral.
    fn moment(&self, due: f64) -> f64 {
        let in_ramp = self.rate_per_s * self.ramp_s / 2.0;
        if due < in_ramp {
            (2.0 * self.ramp_s * due / self.rate_per_s).sqrt()
        } else {
            self.ramp_s + (due - in_ramp) / self.rate_per_s
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.due += match self.arrivals {
            Arrivals::Even => 1.0,
            // Exponential gaps of mean one: a Poisson process.
            Arrivals::Poisson => -(1.0 - self.rng.f64()).ln(),
        };
        let moment = self.moment(self.due);
        (moment < self.end_s).then(|| Duration::from_secs_f64(moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arrivals: Arrivals, ramp_s: f64) -> Load {
        Load { rate_per_s: Some(100.0), concurrency: None, peak_per_s: None, ramp_s, arrivals, in_flight_max: 1 }
    }

    fn moments(arrivals: Arrivals, ramp_s: f64, end_s: f64) -> Vec<Duration> {
        Schedule::open(&load(arrivals, ramp_s), end_s, 7).expect("an open load").collect()
    }

    #[test]
    fn even_arrivals_keep_their_distance() {
        let moments = moments(Arrivals::Even, 0.0, 1.005);
        assert_eq!(moments.len(), 100);
        assert!(moments.windows(2).all(|pair| (pair[1] - pair[0]).as_micros().abs_diff(10_000) <= 1));
    }

    #[test]
    fn a_ramp_has_half_the_arrivals_and_they_come_ever_faster() {
        let moments = moments(Arrivals::Even, 10.0, 10.0);
        assert!((499..=500).contains(&moments.len()), "{}", moments.len());
        assert!(moments.windows(3).all(|three| three[2] - three[1] < three[1] - three[0]));
    }

    #[test]
    fn poisson_arrivals_have_their_rate_and_repeat_with_their_seed() {
        let once = moments(Arrivals::Poisson, 0.0, 100.0);
        assert!(once.len().abs_diff(10_000) < 400, "{}", once.len());
        assert_eq!(once, moments(Arrivals::Poisson, 0.0, 100.0));
        assert!(once.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn a_closed_load_has_no_schedule() {
        let closed = Load { rate_per_s: None, concurrency: Some(3), ..load(Arrivals::Even, 0.0) };
        assert!(Schedule::open(&closed, 1.0, 1).is_none());
    }
}
