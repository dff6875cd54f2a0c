//! A service's policy: everything that makes driver-call differ from the next service. One file per service,
//! `config/services/<id>.toml`; the lifecycle in `domain::call` reads it and asks for no service by name.

mod check;
mod dispatch;
mod policies;
mod terms;
mod texts;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Currency, DriverId, LatLng, Money, Period, Role, ServiceId, fare::FareRule, geo::Route, geo::ServiceArea,
    geo::Travel,
};
pub use check::PolicyProblem;
pub use dispatch::{BookingRule, ConfirmedBy, DispatchRule, FoundBy, OfferShows, PeriodRule, RedispatchRule};
pub use policies::{KeptTerms, NoPolicy, Policies};
pub use terms::{TermsId, UnreadableTerms};
pub use texts::{Lang, OCCASIONS, PLACEHOLDERS, Text};

/// The policy file of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// The service's name for people.
    pub name: Text,
    /// The word for a driver of this service, such as "taxi" or "seat".
    pub noun: Text,
    /// The currency of its fares.
    pub currency: Currency,
    /// The party that confirms that a driver answers the call.
    pub confirmed_by: ConfirmedBy,
    /// Whether it is booked for a period.
    #[serde(default)]
    pub period: PeriodRule,
    /// How a driver is found.
    pub dispatch: DispatchRule,
    /// The rule for a call that its driver gives back.
    #[serde(default)]
    pub redispatch: RedispatchRule,
    /// The bounds of bookings.
    #[serde(default)]
    pub booking: BookingRule,
    /// When and how it is paid.
    pub payment: PaymentRule,
    /// How the fare is computed.
    pub fare: FareRule,
    /// The road factor and the speed of its drivers, for estimates of distance and time.
    #[serde(default)]
    pub travel: Travel,
    /// Where it is offered; without this, everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaRule>,
    /// The roles that may take each step of a call.
    #[serde(default)]
    pub steps: Steps,
    /// The name of each status, by status.
    #[serde(default)]
    pub labels: BTreeMap<String, Text>,
    /// The text of each notification, by occasion. `{noun}`, `{driver}`, `{amount}`, `{service}` and
    /// `{reason}` are filled in.
    #[serde(default)]
    pub messages: BTreeMap<String, Text>,
}

/// When and how a call is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRule {
    /// The moment when the fare is charged.
    pub due: PaymentDue,
    /// The behaviour while the gateway cannot answer.
    pub gateway_down: GatewayDown,
    /// The least that may be charged, in minor units.
    pub minimum: u64,
    /// How long a call may stay unpaid, in seconds; then it is cancelled by the system.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub unpaid_s: u32,
    /// Open calls of one customer that are not paid. Further ones are refused until one of them is paid or ends.
    #[serde(default = "unpaid_max")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub unpaid_max: u32,
    /// Whether a customer who owes the fare of an earlier call, of whatever service, is refused new calls.
    #[serde(default)]
    pub refuse_debtors: bool,
}

fn unpaid_max() -> u32 {
    500
}

/// When a payment is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentDue {
    /// Before any driver sees the call.
    WithRequest,
    /// When the driver completes it; unpaid is not completed.
    OnCompletion,
    /// Once the operator has approved it, in the background.
    AfterApproval,
}

/// The behaviour while the gateway cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GatewayDown {
    /// The payment is refused for now; the call waits unpaid until the customer tries again.
    Refuse,
    /// The completion is refused for now; the call stays under way until somebody tries again.
    Hold,
    /// The call waits for its payment, which is tried again until the gateway is back.
    Defer,
}

/// Where a service is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaRule {
    /// A GeoJSON feature collection, relative to the configuration folder.
    pub file: String,
    /// Districts of that file by their property `name`; all of them when empty.
    #[serde(default)]
    pub districts: Vec<String>,
    /// Whether the destination must lie inside as well as the pickup.
    #[serde(default)]
    pub dropoff_too: bool,
}

/// The roles that may take each step of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// The roles that may start a call.
    pub start: Vec<Role>,
    /// The roles that may complete a call.
    pub complete: Vec<Role>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { start: vec![Role::Driver], complete: vec![Role::Driver] }
    }
}

/// A policy as the lifecycle uses it: the file, with its service's id, and its area as polygons. [`Policy::new`] makes it.
#[derive(Debug, Clone)]
pub struct Policy {
    pub service: ServiceId,
    /// The name of its terms: of everything in its file but the area.
    pub terms: TermsId,
    /// The keys of its file.
    pub file: PolicyFile,
    /// Where it is offered.
    pub area: ServiceArea,
}

impl Policy {
    /// The fare of a trip or a booking. `route` leads from pickup to destination, if there is one and
    /// the fare needs it.
    #[must_use]
    pub fn fare(&self, route: Option<Route>, period: Option<&Period>) -> Money {
        Money::new(self.file.fare.amount(route, period), self.file.currency)
    }

    /// Why a choice of destination, driver and period is not one this service knows, if it is not. The member of the request
    /// is named by its JSON pointer.
    #[must_use]
    pub fn choice_problem(
        &self,
        dropoff: Option<LatLng>,
        driver: Option<&DriverId>,
        period: Option<&Period>,
        now: Timestamp,
    ) -> Option<String> {
        let (service, noun) = (&self.service, &self.file.noun.en);
        if dropoff.is_none() && self.file.fare.needs_route() {
            return Some(format!("/dropoff: the fare of {service} depends on the way; give the destination"));
        }
        match (self.file.dispatch.by, driver) {
            (FoundBy::Choose, None) => {
                return Some(format!("/driver_id: give the {noun} that you choose for {service}"));
            }
            (FoundBy::Offer | FoundBy::Assign, Some(_)) => {
                return Some(format!("/driver_id: {service} finds the {noun} itself; leave it out"));
            }
            _ => {}
        }
        match (self.file.period, period) {
            (PeriodRule::None, Some(_)) => Some(format!("/period: {service} is not booked for a period; leave it out")),
            (PeriodRule::Required, None) => {
                Some(format!("/period: give the beginning and the end of the booking of {service}"))
            }
            (_, Some(period)) => period.problem(now).or_else(|| self.period_problem(period, now)),
            (_, None) => None,
        }
    }

    fn period_problem(&self, period: &Period, now: Timestamp) -> Option<String> {
        let BookingRule { period_min_s, ahead_max_s, .. } = self.file.booking;
        if period.length() < SignedDuration::from_secs(period_min_s.into()) {
            Some(format!("/period: it is shorter than {period_min_s} s, the least for {}", self.service))
        } else if period.to > now + SignedDuration::from_secs(ahead_max_s.into()) {
            Some(format!("/period: it ends more than {ahead_max_s} s from now, the most for {}", self.service))
        } else {
            None
        }
    }

    /// Whether its calls are offered to drivers, who may decline.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.file.dispatch.by == FoundBy::Offer
    }

    /// Whether its drivers are things that the customer chooses: cars, seats.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.file.dispatch.by == FoundBy::Choose
    }

    /// Whether the service is offered for this trip.
    #[must_use]
    pub fn serves(&self, pickup: LatLng, dropoff: Option<LatLng>) -> bool {
        let dropoff_too = self.file.area.as_ref().is_some_and(|area| area.dropoff_too);
        self.area.contains(pickup) && (!dropoff_too || dropoff.is_none_or(|dropoff| self.area.contains(dropoff)))
    }

    /// How long a paid call looks for a driver.
    #[must_use]
    pub fn dispatch_time(&self) -> SignedDuration {
        SignedDuration::from_secs(self.file.dispatch.deadline_s.into())
    }

    /// How long an offer stands.
    #[must_use]
    pub fn offer_time(&self) -> SignedDuration {
        SignedDuration::from_secs(self.file.dispatch.offer_s.into())
    }

    /// How long a call may stay unpaid.
    #[must_use]
    pub fn unpaid_time(&self) -> SignedDuration {
        SignedDuration::from_secs(self.file.payment.unpaid_s.into())
    }

    /// The search radius of a round (from 0), in metres.
    #[must_use]
    pub fn radius_m(&self, round: u32) -> f64 {
        let rule = &self.file.dispatch;
        let exponent = i32::try_from(round).unwrap_or(i32::MAX);
        (f64::from(rule.radius_m) * rule.radius_growth.powi(exponent)).min(f64::from(rule.radius_max_m))
    }
}
