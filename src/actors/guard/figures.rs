//! The guard in figures, as operators see it.

use jiff::Timestamp;
use serde::Serialize;

use super::breaker::{BreakerMode, BreakerState};

/// Limiter, queue and breaker of the payment guard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GatewayFigures {
    /// The circuit breaker.
    pub breaker: BreakerFigures,
    /// Who waits.
    pub queue: QueueFigures,
    /// What is under way.
    pub in_flight: InFlightFigures,
    /// The rate limit.
    pub limiter: LimiterFigures,
    /// Requests since the start, by how they ended.
    pub counts: Counts,
}

/// The circuit breaker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakerFigures {
    /// What it does.
    pub state: BreakerState,
    /// Who decides that.
    pub mode: BreakerMode,
    /// The share of failed calls within the window, 0 to 1.
    pub failure_rate: f64,
    /// The share of slow calls within the window, 0 to 1.
    pub slow_call_rate: f64,
    /// The calls within the window.
    pub calls: u32,
    /// Since when the rates hold it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// How long it refuses everything, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// Who waits for the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueFigures {
    /// How many.
    pub length: usize,
    /// How many may.
    pub max: usize,
    /// How long the first in line has, in ms.
    pub oldest_wait_ms: u64,
}

/// What is under way at the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InFlightFigures {
    /// How many requests.
    pub now: usize,
    /// How many may be.
    pub max: usize,
}

/// The rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimiterFigures {
    /// Requests per second in the long run.
    pub rate_per_s: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// Requests since the start, by how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Performed.
    pub ok: u64,
    /// Charges that were declined.
    pub declined: u64,
    /// The gateway answered that it failed.
    pub failed: u64,
    /// Sent, but not answered.
    pub no_answer: u64,
    /// The gateway could not be reached.
    pub not_sent: u64,
    /// Refused by the guard.
    pub refused: u64,
}
