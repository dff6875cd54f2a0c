//! The fare of a call, by the rule of its service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Money, Period, geo::Route, period::MAX_PERIOD_DAYS};

/// How a service computes its fares. Amounts are in the minor unit of the service's currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FareRule {
    /// The same for every call.
    #[schema(title = "FixedFare")]
    Fixed {
        /// The price of a call, in the currency's smallest unit.
        amount: u64,
    },
    /// By the time something is booked for: begun units count in full. Never less than the minimum.
    #[schema(title = "PeriodFare")]
    Period {
        /// The unit, in seconds: 3600 for an hour, 86400 for a day.
        #[schema(minimum = 1, maximum = 31_622_400)]
        unit_s: u32,
        /// The price of each begun unit, in the currency's smallest unit.
        amount: u64,
        /// The least it costs; also the price of a booking without a period.
        minimum: u64,
    },
    /// Base, plus distance, plus time, never less than the minimum, rounded up to a multiple of `round_to`.
    #[schema(title = "DistanceFare")]
    Distance {
        /// Charged for any trip.
        base: u64,
        /// Per kilometre of road.
        per_km: u64,
        /// Per minute of travel.
        per_minute: u64,
        /// The least a trip costs.
        minimum: u64,
        /// The smallest step of a fare; at least 1.
        round_to: u64,
    },
}

impl FareRule {
    /// The amounts that every fare is made of: if all of them are multiples of a number, every fare is. Each with its key.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, u64)> {
        match *self {
            Self::Fixed { amount } => vec![("fare.amount", amount)],
            Self::Period { amount, minimum, .. } => vec![("fare.amount", amount), ("fare.minimum", minimum)],
            Self::Distance { round_to, .. } => vec![("fare.round_to", round_to)],
        }
    }

    /// Whether the fare depends on the way: then there is none without a destination.
    #[must_use]
    pub fn needs_route(&self) -> bool {
        matches!(self, Self::Distance { per_km, per_minute, .. } if *per_km > 0 || *per_minute > 0)
    }

    /// The highest fare there can be, in minor units: of the longest way, or of the longest period that can be booked.
    #[must_use]
    pub fn most(&self) -> u64 {
        match *self {
            Self::Fixed { amount } => amount,
            Self::Period { unit_s, amount, minimum } => {
                let longest_s = MAX_PERIOD_DAYS.unsigned_abs() * 24 * 3_600;
                let units = longest_s.div_ceil(u64::from(unit_s.max(1)));
                amount.saturating_mul(units).max(minimum).min(Money::MAX_AMOUNT)
            }
            Self::Distance { per_km: 0, per_minute: 0, .. } => self.amount(None, None),
            Self::Distance { .. } => Money::MAX_AMOUNT,
        }
    }

    /// The fare of a trip, in minor units, at most [`Money::MAX_AMOUNT`]. `route` leads from pickup to destination;
    /// without one only the base counts.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "amounts are far below 2^52 and not negative"
    )]
    pub fn amount(&self, route: Option<Route>, period: Option<&Period>) -> u64 {
        match *self {
            Self::Fixed { amount } => amount,
            Self::Period { unit_s, amount, minimum } => {
                let units = period.map_or(0, |period| period.units(unit_s));
                amount.saturating_mul(units).max(minimum).min(Money::MAX_AMOUNT)
            }
            Self::Distance { base, per_km, per_minute, minimum, round_to } => {
                let (km, minutes) =
                    route.map_or((0.0, 0.0), |route| (route.distance_m / 1_000.0, route.duration_s as f64 / 60.0));
                let exact = base as f64 + per_km as f64 * km + per_minute as f64 * minutes;
                let rounded =
                    (exact.ceil() as u64).max(minimum).div_ceil(round_to.max(1)).saturating_mul(round_to.max(1));
                rounded.min(Money::MAX_AMOUNT)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trip_costs_base_plus_distance_plus_time_rounded_up() {
        let rule = FareRule::Distance { base: 1_000, per_km: 100, per_minute: 10, minimum: 0, round_to: 100 };
        // 1,000 + 11,119.5 + 10 × 111.2 = 13,231.6, rounded up to 13,300.
        let route = Route { distance_m: 111_195.0, duration_s: 6_672 };
        assert_eq!(rule.amount(Some(route), None), 13_300);
    }

    #[test]
    fn a_begun_hour_costs_a_whole_one() {
        let rule = FareRule::Period { unit_s: 3_600, amount: 2_000, minimum: 5_000 };
        let until = |to: &str| Period {
            from: "2030-01-01T09:00:00Z".parse().expect("a time"),
            to: to.parse().expect("a time"),
        };
        let fare = |period: Option<&Period>| rule.amount(None, period);
        for begun in ["2030-01-01T12:00:01Z", "2030-01-01T12:00:00.001Z", "2030-01-01T12:00:00.000000001Z"] {
            assert_eq!(fare(Some(&until(begun))), 8_000, "{begun}");
        }
        assert_eq!(fare(Some(&until("2030-01-01T12:00:00Z"))), 6_000);
        assert_eq!(fare(Some(&until("2030-01-01T10:00:00Z"))), 5_000);
        assert_eq!(fare(None), 5_000);
    }

    #[test]
    fn the_most_is_that_of_the_longest_way_or_period() {
        let distance = |per_km| FareRule::Distance { base: 900, per_km, per_minute: 0, minimum: 950, round_to: 100 };
        assert_eq!((distance(0).most(), distance(1).most()), (1_000, Money::MAX_AMOUNT));
        let period = |amount, minimum| FareRule::Period { unit_s: 86_400, amount, minimum }.most();
        assert_eq!((period(2, 100), period(0, 100), period(1, 500)), (732, 100, 500));
        assert_eq!(FareRule::Fixed { amount: 7 }.most(), 7);
    }

    #[test]
    fn a_short_trip_costs_the_minimum() {
        let rule = FareRule::Distance { base: 1_000, per_km: 100, per_minute: 10, minimum: 5_000, round_to: 100 };
        assert_eq!(rule.amount(Some(Route { distance_m: 0.0, duration_s: 0 }), None), 5_000);
    }
}
