//! What a policy must satisfy beyond its types. Every problem is found, not just the first.

use super::{FareRule, PolicyFile};
use crate::domain::Money;

/// Something wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The key, from the top of the file: `dispatch.offer_s`.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub what: String,
}

/// Deadlines and offers last at most this long: a year, in seconds.
const YEAR_S: u32 = 366 * 24 * 3600;
/// Half the earth's circumference, in metres: nothing is further away.
const HALF_EARTH_M: u32 = 20_037_508;

impl PolicyFile {
    /// Everything that is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<PolicyProblem> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, key: &'static str, what: String| {
            if !holds {
                problems.push(PolicyProblem { key, what });
            }
        };
        let dispatch = &self.dispatch;
        for (key, seconds) in [
            ("dispatch.deadline_s", dispatch.deadline_s),
            ("dispatch.offer_s", dispatch.offer_s),
            ("payment.unpaid_s", self.payment.unpaid_s),
        ] {
            check((1..=YEAR_S).contains(&seconds), key, format!("must be 1 to {YEAR_S} seconds, got {seconds}"));
        }
        check(
            (1..=100).contains(&dispatch.offers_per_round),
            "dispatch.offers_per_round",
            format!("must be 1 to 100, got {}", dispatch.offers_per_round),
        );
        check(
            dispatch.radius_growth.is_finite() && dispatch.radius_growth >= 1.0,
            "dispatch.radius_growth",
            format!("must be at least 1, got {}", dispatch.radius_growth),
        );
        check(
            (1..=HALF_EARTH_M).contains(&dispatch.radius_m),
            "dispatch.radius_m",
            format!("must be 1 to {HALF_EARTH_M} metres, got {}", dispatch.radius_m),
        );
        check(
            (dispatch.radius_m..=HALF_EARTH_M).contains(&dispatch.radius_max_m),
            "dispatch.radius_max_m",
            format!("must be radius_m ({}) to {HALF_EARTH_M} metres, got {}", dispatch.radius_m, dispatch.radius_max_m),
        );
        let travel = &self.travel;
        check(
            travel.road_factor.is_finite() && (1.0..=10.0).contains(&travel.road_factor),
            "travel.road_factor",
            format!("must be 1 to 10, got {}", travel.road_factor),
        );
        check(
            travel.speed_kmh.is_finite() && (1.0..=1_000.0).contains(&travel.speed_kmh),
            "travel.speed_kmh",
            format!("must be 1 to 1000 km/h, got {}", travel.speed_kmh),
        );
        check_fare(&self.fare, &mut check);
        for (key, roles) in [("steps.start", &self.steps.start), ("steps.complete", &self.steps.complete)] {
            check(!roles.is_empty(), key, "nobody could take this step; name at least one role".to_owned());
        }
        problems
    }
}

fn check_fare(fare: &FareRule, check: &mut impl FnMut(bool, &'static str, String)) {
    let max = Money::MAX_AMOUNT;
    let amounts = match *fare {
        FareRule::Fixed { amount } => vec![("fare.amount", amount)],
        FareRule::Distance { base, per_km, per_minute, minimum, round_to } => {
            check(round_to >= 1, "fare.round_to", "must be at least 1, got 0".to_owned());
            vec![
                ("fare.base", base),
                ("fare.per_km", per_km),
                ("fare.per_minute", per_minute),
                ("fare.minimum", minimum),
                ("fare.round_to", round_to),
            ]
        }
    };
    for (key, amount) in amounts {
        check(amount <= max, key, format!("must be at most {max}, got {amount}"));
    }
}
