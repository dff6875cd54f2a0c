//! The circuit breaker: whether asking the gateway has any sense now. Pure: time is an argument, and nothing is sent.
//!
//! Closed, it counts failed and slow calls over a sliding window. Open, it lets nothing through for a while. Half-open,
//! it lets a few probes through: one failure opens it again, enough successes close it. Calls that were sent in an
//! earlier state no longer count.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    outcome::Health,
    settings::BreakerSettings,
    window::{Totals, Window},
};

/// The state of the breaker, which decides about requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Lets everything through.
    Closed,
    /// Lets a few through, to see.
    HalfOpen,
    /// Lets nothing through.
    Open,
}

/// The source of the state: the rates, or an operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerMode {
    /// As the failure rates say.
    #[default]
    Auto,
    /// An operator holds it open.
    Open,
    /// An operator holds it closed.
    Closed,
}

/// Names the state in which a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// Stops requests to a gateway that fails or is slow too often, and tries it again after a while.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    mode: BreakerMode,
    circuit: Circuit,
    /// Counts changes of circuit.
    generation: u64,
    window: Window,
}

#[derive(Debug, Clone, Copy)]
enum Circuit {
    Closed,
    Open { since: Instant },
    HalfOpen { sent: u32, succeeded: u32, slow: u32 },
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings, now: Instant) -> Self {
        let window = Window::new(now, Duration::from_secs(settings.window_s));
        Self { settings, mode: BreakerMode::Auto, circuit: Circuit::Closed, generation: 0, window }
    }

    /// Whether a request may come in, or after what time it should try again.
    pub(super) fn admission(&self, now: Instant) -> Result<(), Duration> {
        match (self.mode, self.circuit) {
            (BreakerMode::Open, _) => Err(self.open_for()),
            (BreakerMode::Auto, Circuit::Open { since }) => {
                let left = (since + self.open_for()).saturating_duration_since(now);
                if left.is_zero() { Ok(()) } else { Err(left) }
            }
            (BreakerMode::Closed, _) | (BreakerMode::Auto, Circuit::Closed | Circuit::HalfOpen { .. }) => Ok(()),
        }
    }

    /// Whether a request may be sent now. One that came in may still have to wait for the probes.
    pub(super) fn can_send(&self, now: Instant) -> bool {
        let probes_left = match self.circuit {
            Circuit::HalfOpen { sent, .. } => sent < self.settings.half_open_probes,
            Circuit::Closed | Circuit::Open { .. } => true,
        };
        self.admission(now).is_ok() && (probes_left || self.mode == BreakerMode::Closed)
    }

    /// Counts a request that is sent now. Only after [`Breaker::can_send`].
    pub(super) fn send(&mut self, now: Instant) -> Ticket {
        if self.mode == BreakerMode::Auto && matches!(self.circuit, Circuit::Open { .. }) && self.admission(now).is_ok()
        {
            self.enter(Circuit::HalfOpen { sent: 0, succeeded: 0, slow: 0 });
        }
        if let Circuit::HalfOpen { sent, .. } = &mut self.circuit {
            *sent += 1;
        }
        Ticket(self.generation)
    }

    /// Takes note of how a request ended. One that was sent in an earlier state says nothing about this one.
    pub(super) fn record(&mut self, now: Instant, ticket: Ticket, health: Health, took: Duration) {
        if ticket.0 != self.generation {
            return;
        }
        let success = match health {
            Health::Good => true,
            Health::Bad => false,
            Health::Open => return self.take_back_probe(),
        };
        let is_slow = took >= Duration::from_millis(self.settings.slow_call_ms);
        self.window.record(now, !success, is_slow);
        if self.mode != BreakerMode::Auto {
            return;
        }
        match self.circuit {
            Circuit::Closed if self.is_bad(self.window.totals(now)) => self.enter(Circuit::Open { since: now }),
            Circuit::Closed | Circuit::Open { .. } => {}
            Circuit::HalfOpen { .. } if !success => self.enter(Circuit::Open { since: now }),
            Circuit::HalfOpen { sent, succeeded, slow } => {
                let (succeeded, slow) = (succeeded + 1, slow + u32::from(is_slow));
                self.circuit = Circuit::HalfOpen { sent, succeeded, slow };
                self.judge_probes(now, succeeded, slow);
            }
        }
    }

    /// Hands the decision to an operator, or back: then it starts closed, with an empty window.
    pub(super) fn set_mode(&mut self, now: Instant, mode: BreakerMode) {
        if self.mode == mode {
            return;
        }
        self.mode = mode;
        self.close(now);
    }

    pub(super) fn mode(&self) -> BreakerMode {
        self.mode
    }

    pub(super) fn state(&self) -> BreakerState {
        match (self.mode, self.circuit) {
            (BreakerMode::Open, _) | (BreakerMode::Auto, Circuit::Open { .. }) => BreakerState::Open,
            (BreakerMode::Closed, _) | (BreakerMode::Auto, Circuit::Closed) => BreakerState::Closed,
            (BreakerMode::Auto, Circuit::HalfOpen { .. }) => BreakerState::HalfOpen,
        }
    }

    /// Since when the rates hold it open.
    pub(super) fn opened_at(&self) -> Option<Instant> {
        match self.circuit {
            Circuit::Open { since } => Some(since),
            Circuit::Closed | Circuit::HalfOpen { .. } => None,
        }
    }

    pub(super) fn totals(&self, now: Instant) -> Totals {
        self.window.totals(now)
    }

    /// Finished requests per second, once there were any.
    pub(super) fn pace(&self, now: Instant) -> Option<f64> {
        self.window.pace(now)
    }

    /// A probe that says nothing leaves its place to another one.
    fn take_back_probe(&mut self) {
        if let Circuit::HalfOpen { sent, .. } = &mut self.circuit {
            *sent = sent.saturating_sub(1);
        }
    }

    fn judge_probes(&mut self, now: Instant, succeeded: u32, slow: u32) {
        if succeeded < self.settings.half_open_probes {
            return;
        }
        if f64::from(slow) / f64::from(succeeded) >= self.settings.slow_call_rate {
            self.enter(Circuit::Open { since: now });
        } else {
            self.close(now);
        }
    }

    fn is_bad(&self, totals: Totals) -> bool {
        totals.calls >= self.settings.calls_min
            && (totals.failure_rate() >= self.settings.failure_rate
                || totals.slow_rate() >= self.settings.slow_call_rate)
    }

    fn close(&mut self, now: Instant) {
        self.window = Window::new(now, Duration::from_secs(self.settings.window_s));
        self.enter(Circuit::Closed);
    }

    fn enter(&mut self, circuit: Circuit) {
        self.generation += 1;
        self.circuit = circuit;
    }

    fn open_for(&self) -> Duration {
        Duration::from_secs(self.settings.open_s)
    }
}

#[cfg(test)]
mod tests;
