//! The keys of configuration and policy that tests turn: named here once, so that a renamed key is mended here.

use toml::Value;

/// The substitute-driver service.
pub const DRIVER_CALL: &str = "driver-call";

/// One thing a test wants to be different from the shipped configuration.
#[derive(Clone, Copy)]
pub enum Knob {
    /// How many drivers get an offer in one round.
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
    BreakerOpenMs(i64),
    /// A breaker that opens after this many calls, all of them failures.
    BreakerOpensAfter(i64),
}

/// A key's place and its new value.
pub type Setting = (&'static str, Value);

impl Knob {
    /// The settings in the policy of a service.
    pub fn policy(self) -> Vec<Setting> {
        match self {
            Self::OffersPerRound(count) => vec![("dispatch.offers_per_round", count.into())],
            Self::OfferExpiresS(seconds) => vec![("dispatch.offer_s", seconds.into())],
            Self::DispatchDeadlineS(seconds) => vec![("dispatch.deadline_s", seconds.into())],
            Self::FlatFare(won) => {
                vec![("fare.base", won.into()), ("fare.per_km", 0.into()), ("fare.minimum", won.into())]
            }
            _ => Vec::new(),
        }
    }

    /// The settings in the server's configuration.
    pub fn config(self) -> Vec<Setting> {
        match self {
            Self::PrincipalLimit { per_s, burst } => {
                vec![("limits.principal.per_s", per_s.into()), ("limits.principal.burst", burst.into())]
            }
            Self::GuardRoom { in_flight, queue } => {
                vec![("guard.max_in_flight", in_flight.into()), ("guard.queue", queue.into())]
            }
            Self::GatewayTimeoutMs(ms) => vec![("guard.timeout_ms", ms.into())],
            Self::BreakerOpenMs(ms) => vec![("guard.breaker.open_ms", ms.into())],
            Self::BreakerOpensAfter(calls) => vec![("guard.breaker.minimum_calls", calls.into())],
            _ => Vec::new(),
        }
    }
}

/// Limits so wide that no test meets them unless it asks to: all clients share one address here.
pub const WIDE_LIMITS: &str = "
[limits.principal]
per_s = 100000
burst = 100000
[limits.address]
per_s = 100000
burst = 100000
";
