//! The keys of configuration and policy that tests turn: named here once, so that a renamed key is mended here.

use toml::Value;

/// The substitute-driver service.
pub const DRIVER_CALL: &str = "driver-call";

/// One thing a test wants to be different from the shipped configuration.
#[derive(Clone, Copy)]
pub enum Knob {
    /// How many drivers hold an offer of a call at once.
    OffersPerRound(i64),
    /// After how many seconds an offer lapses and the next round begins.
    OfferExpiresS(i64),
    /// After how many seconds without a driver a paid call is cancelled and refunded.
    DispatchDeadlineS(i64),
    /// Every fare is this many won.
    FlatFare(i64),
    /// Requests per second and at once for one principal.
    PrincipalLimit { per_s: i64, burst: i64 },
    /// How many requests the guard has at the gateway at once, and how many may wait.
    GuardRoom { in_flight: i64, queue: i64 },
    /// How long the guard waits for an answer of the gateway.
    GatewayTimeoutMs(i64),
    /// How long the breaker stays open before it probes.
    BreakerOpenS(i64),
    /// How many outcomes the breaker wants to see before it may open.
    BreakerOpensAfter(i64),
}

/// A key's place and its new value.
pub type Setting = (&'static str, Value);

impl Knob {
    /// The settings in the policy of a service.
    pub fn policy(self) -> Vec<Setting> {
        match self {
            Self::OffersPerRound(count) => numbers(&[("dispatch.offers_per_round", count)]),
            Self::OfferExpiresS(seconds) => numbers(&[("dispatch.offer_s", seconds)]),
            Self::DispatchDeadlineS(seconds) => numbers(&[("dispatch.deadline_s", seconds)]),
            Self::FlatFare(won) => {
                numbers(&[("fare.base", won), ("fare.per_km", 0), ("fare.minimum", won), ("fare.round_to", 1)])
            }
            _ => Vec::new(),
        }
    }

    /// The settings in the server's configuration.
    pub fn config(self) -> Vec<Setting> {
        match self {
            Self::PrincipalLimit { per_s, burst } => {
                numbers(&[("limits.principal.per_s", per_s), ("limits.principal.burst", burst)])
            }
            Self::GuardRoom { in_flight, queue } => {
                numbers(&[("guard.in_flight_max", in_flight), ("guard.queue_max", queue)])
            }
            // What counts as slow must be less than what counts as silent.
            Self::GatewayTimeoutMs(ms) => {
                numbers(&[("gateway.response_timeout_ms", ms), ("guard.breaker.slow_call_ms", ms - 1)])
            }
            Self::BreakerOpenS(seconds) => numbers(&[("guard.breaker.open_s", seconds)]),
            Self::BreakerOpensAfter(calls) => numbers(&[("guard.breaker.calls_min", calls)]),
            _ => Vec::new(),
        }
    }
}

fn numbers(settings: &[(&'static str, i64)]) -> Vec<Setting> {
    settings.iter().map(|(key, value)| (*key, (*value).into())).collect()
}

/// What is different in every test: limits that no test meets unless it asks to, as all clients share one address, and
/// waits short enough to be waited out.
pub const IMPATIENT: &str = "
[limits.principal]
per_s = 100000
burst = 100000
[limits.address]
per_s = 100000
burst = 100000
[guard.breaker]
open_s = 1
[guard.retry]
initial_ms = 50
max_ms = 500
[actors.supervision.default.backoff]
initial_ms = 10
max_ms = 100
[actors.supervision.default.intensity]
restarts_max = 4
";
