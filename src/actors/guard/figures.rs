//! The guard in figures, as operators see it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    breaker::{BreakerMode, BreakerState},
    settings::Pace,
};

/// Limiter, queue and breaker of the payment guard.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GatewayFigures {
    /// Whether requests are let through, and the rates that decide it.
    pub breaker: BreakerFigures,
    /// The requests that wait.
    pub queue: QueueFigures,
    /// The requests that are not answered yet.
    pub in_flight: InFlightFigures,
    /// The limit on their rate.
    pub limiter: LimiterFigures,
    /// Whether the gateway refuses the API key: nothing is charged until it accepts it again.
    pub unauthorized: bool,
    /// The time until the gateway wants to hear the next request, in ms, when it asked for patience.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_ms: Option<u64>,
    /// Requests since the start, by how they ended.
    pub counts: Counts,
}

/// The circuit breaker: whether it lets charges through, and the rates it decides by.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BreakerFigures {
    /// Whether it lets requests through.
    pub state: BreakerState,
    /// The source of the state.
    pub mode: BreakerMode,
    /// The share of failed calls within the window, 0 to 1.
    pub failure_rate: f64,
    /// The share of slow calls within the window, 0 to 1.
    pub slow_call_rate: f64,
    /// The calls within the window.
    pub calls: u32,
    /// When the rates opened it; none while it is not open because of its rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub opened_at: Option<Timestamp>,
    /// The time until it lets a request through again, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The requests that wait for the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueueFigures {
    /// How many wait.
    pub length: usize,
    /// How many may wait.
    pub max: usize,
    /// How long the first in line has waited, in ms.
    pub oldest_wait_ms: u64,
}

/// The requests that were sent to the gateway and are not answered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InFlightFigures {
    /// How many are in flight now.
    pub now: usize,
    /// How many may be in flight at once.
    pub max: usize,
}

/// The limit on how fast requests are sent to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LimiterFigures {
    /// Requests per second in the long run.
    pub rate_per_s: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

impl LimiterFigures {
    pub(super) fn of(pace: Pace) -> Self {
        Self { rate_per_s: pace.per_s, burst: pace.burst }
    }
}

/// Requests since the start, by how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GatewayCounts)]
pub struct Counts {
    /// Requests that did what they were to do.
    pub ok: u64,
    /// Charges that were declined.
    pub declined: u64,
    /// Requests that the gateway refused with a reason; nothing was taken.
    pub rejected: u64,
    /// Requests that the gateway was too busy for.
    pub busy: u64,
    /// Requests for which the gateway did not accept the API key.
    pub unauthorized: u64,
    /// The gateway answered that it failed.
    pub failed: u64,
    /// Sent, but not answered.
    pub no_answer: u64,
    /// The gateway could not be reached.
    pub not_sent: u64,
    /// Refused by the guard.
    pub refused: u64,
}
