//! The circuit breaker: whether asking the gateway has any sense now. Pure: time is an argument, and nothing is sent.
//!
//! Closed, it counts failed and slow calls over a sliding window. Open, it lets nothing through for a while. Half-open, it
//! lets a few probes through: one failure opens it again, enough successes close it. Calls that were sent in an
//! earlier state no longer count.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    settings::BreakerSettings,
    window::{Totals, Window},
};

/// What the breaker does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Lets a few through, to see.
    HalfOpen,
    /// Refuses them.
    Open,
}

/// Who decides about the state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerMode {
    /// The rates do.
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

/// The breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    mode: BreakerMode,
    phase: Phase,
    /// Counts changes of phase.
    generation: u64,
    window: Window,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open { since: Instant },
    HalfOpen { sent: u32, succeeded: u32, slow: u32 },
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings, now: Instant) -> Self {
        let window = Window::new(now, Duration::from_secs(settings.window_s));
        Self { settings, mode: BreakerMode::Auto, phase: Phase::Closed, generation: 0, window }
    }

    /// Whether a request may come in, or after what time it should try again.
    pub(super) fn admission(&self, now: Instant) -> Result<(), Duration> {
        match (self.mode, self.phase) {
            (BreakerMode::Open, _) => Err(self.open_for()),
            (BreakerMode::Auto, Phase::Open { since }) => {
                let left = (since + self.open_for()).saturating_duration_since(now);
                if left.is_zero() { Ok(()) } else { Err(left) }
            }
            (BreakerMode::Closed, _) | (BreakerMode::Auto, Phase::Closed | Phase::HalfOpen { .. }) => Ok(()),
        }
    }

    /// Whether a request may be sent now. One that came in may still have to wait for the probes.
    pub(super) fn can_send(&self, now: Instant) -> bool {
        let probes_left = match self.phase {
            Phase::HalfOpen { sent, .. } => sent < self.settings.half_open_probes,
            Phase::Closed | Phase::Open { .. } => true,
        };
        self.admission(now).is_ok() && (probes_left || self.mode == BreakerMode::Closed)
    }

    /// Counts a request that is sent now. Only after [`Breaker::can_send`].
    pub(super) fn send(&mut self, now: Instant) -> Ticket {
        if self.mode == BreakerMode::Auto && matches!(self.phase, Phase::Open { .. }) && self.admission(now).is_ok() {
            self.enter(Phase::HalfOpen { sent: 0, succeeded: 0, slow: 0 });
        }
        if let Phase::HalfOpen { sent, .. } = &mut self.phase {
            *sent += 1;
        }
        Ticket(self.generation)
    }

    /// Takes note of how a request ended.
    pub(super) fn record(&mut self, now: Instant, ticket: Ticket, success: bool, took: Duration) {
        let is_slow = took >= Duration::from_millis(self.settings.slow_call_ms);
        self.window.record(now, !success, is_slow);
        if ticket.0 != self.generation || self.mode != BreakerMode::Auto {
            return;
        }
        match self.phase {
            Phase::Closed if self.is_bad(self.window.totals(now)) => self.enter(Phase::Open { since: now }),
            Phase::Closed | Phase::Open { .. } => {}
            Phase::HalfOpen { .. } if !success => self.enter(Phase::Open { since: now }),
            Phase::HalfOpen { sent, succeeded, slow } => {
                let (succeeded, slow) = (succeeded + 1, slow + u32::from(is_slow));
                self.phase = Phase::HalfOpen { sent, succeeded, slow };
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

    pub(super) fn state(&self) -> BreakerState {
        match (self.mode, self.phase) {
            (BreakerMode::Open, _) | (BreakerMode::Auto, Phase::Open { .. }) => BreakerState::Open,
            (BreakerMode::Closed, _) | (BreakerMode::Auto, Phase::Closed) => BreakerState::Closed,
            (BreakerMode::Auto, Phase::HalfOpen { .. }) => BreakerState::HalfOpen,
        }
    }

    /// Since when the rates hold it open.
    pub(super) fn opened_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { since } => Some(since),
            Phase::Closed | Phase::HalfOpen { .. } => None,
        }
    }

    pub(super) fn totals(&self, now: Instant) -> Totals {
        self.window.totals(now)
    }

    /// Finished requests per second, once there were any.
    pub(super) fn pace(&self, now: Instant) -> Option<f64> {
        self.window.pace(now)
    }

    fn judge_probes(&mut self, now: Instant, succeeded: u32, slow: u32) {
        if succeeded < self.settings.half_open_probes {
            return;
        }
        if f64::from(slow) / f64::from(succeeded) >= self.settings.slow_call_rate {
            self.enter(Phase::Open { since: now });
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
        self.enter(Phase::Closed);
    }

    fn enter(&mut self, phase: Phase) {
        self.generation += 1;
        self.phase = phase;
    }

    fn open_for(&self) -> Duration {
        Duration::from_secs(self.settings.open_s)
    }
}

#[cfg(test)]
mod tests;
