//! A service's policy: everything that makes driver-call differ from the next service. One file per service,
//! `config/services/<id>.toml`; the lifecycle in `domain::call` reads it and asks for no service by name.

mod check;
mod texts;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Currency, DriverId, LatLng, Money, Period, Role, ServiceId, fare::FareRule, geo::Route, geo::ServiceArea,
    geo::Travel,
};
pub use check::PolicyProblem;
pub use texts::{Lang, OCCASIONS, PLACEHOLDERS, Text};

/// The policy file of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// The service's name for people.
    pub name: Text,
    /// What people call a driver of this service.
    pub noun: Text,
    /// The currency of its fares.
    pub currency: Currency,
    /// Who confirms that a driver answers the call.
    pub confirmed_by: ConfirmedBy,
    /// Whether it is booked for a period.
    #[serde(default)]
    pub period: PeriodRule,
    /// How a driver is found.
    pub dispatch: DispatchRule,
    /// When and how it is paid.
    pub payment: PaymentRule,
    /// What it costs.
    pub fare: FareRule,
    /// How its drivers get about.
    #[serde(default)]
    pub travel: Travel,
    /// Where it is offered; without this, everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaRule>,
    /// Who may take which step of a call.
    #[serde(default)]
    pub steps: Steps,
    /// What the statuses are called, by status.
    #[serde(default)]
    pub labels: BTreeMap<String, Text>,
    /// What people are told, by occasion. `{noun}`, `{driver}`, `{amount}`, `{service}` and `{reason}` are filled in.
    #[serde(default)]
    pub messages: BTreeMap<String, Text>,
}

/// Offers: nearest first, in rounds whose radius grows, until a driver accepts or the deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DispatchRule {
    /// How a driver is found.
    pub by: FoundBy,
    /// How long a paid call looks for a driver, in seconds; then it is cancelled by the system and refunded.
    pub deadline_s: u32,
    /// How many drivers get the call in one round; 1 to 100.
    pub offers_per_round: u16,
    /// How long an offer stands, in seconds.
    pub offer_s: u32,
    /// Radius of the first round, in metres.
    pub radius_m: u32,
    /// Radius of each round over that of the one before; at least 1.
    pub radius_growth: f64,
    /// No round reaches further, in metres.
    pub radius_max_m: u32,
    /// With no driver free, how many calls may wait for one before further ones are told to come back later; 0: no bound.
    #[serde(default)]
    pub waiting_max: u32,
}

impl Default for DispatchRule {
    fn default() -> Self {
        Self {
            by: FoundBy::Offer,
            deadline_s: 600,
            offers_per_round: 20,
            offer_s: 15,
            radius_m: 3_000,
            radius_growth: 2.0,
            radius_max_m: 20_000,
            waiting_max: 0,
        }
    }
}

/// Ways to find a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The call is offered to drivers near the pickup; the first accept wins.
    Offer,
    /// The system picks the free driver that has waited longest, wherever it is; nobody accepts.
    Assign,
    /// The customer names the driver: a car, a seat.
    Choose,
}

/// Who confirms that a driver answers the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmedBy {
    /// The driver, by its accept.
    Driver,
    /// An operator, before payment.
    Operator,
    /// Nobody.
    Nobody,
}

/// Whether a service is booked for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodRule {
    /// It begins at once.
    #[default]
    None,
    /// It may be.
    Optional,
    /// It must be.
    Required,
}

/// When and how a call is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentRule {
    /// When it is due.
    pub due: PaymentDue,
    /// What a gateway that cannot answer means.
    pub gateway_down: GatewayDown,
    /// The least that may be charged, in minor units.
    pub minimum: u64,
    /// How long a call may stay unpaid, in seconds; then it is cancelled by the system.
    pub unpaid_s: u32,
}

/// When a payment is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentDue {
    /// Before any driver sees the call.
    WithRequest,
    /// When the driver completes it; unpaid is not completed.
    OnCompletion,
    /// Once the operator has approved it, in the background.
    AfterApproval,
}

/// What a gateway that cannot answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Who may take which step of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// Who may start it.
    pub start: Vec<Role>,
    /// Who may complete it.
    pub complete: Vec<Role>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { start: vec![Role::Driver], complete: vec![Role::Driver] }
    }
}

/// A policy file with its service's id and its area read: what the lifecycle works with.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The service.
    pub service: ServiceId,
    /// What its file says.
    pub file: PolicyFile,
    /// Where it is offered.
    pub area: ServiceArea,
}

/// Every service's policy, by service.
#[derive(Debug, Clone, Default)]
pub struct Policies(BTreeMap<ServiceId, Policy>);

impl Policies {
    /// The policies of these services.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Self {
        Self(policies.into_iter().map(|policy| (policy.service.clone(), policy)).collect())
    }

    /// The policy of a service.
    #[must_use]
    pub fn get(&self, service: &ServiceId) -> Option<&Policy> {
        self.0.get(service)
    }

    /// All of them, by service id.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.0.values()
    }
}

impl Policy {
    /// The fare of a trip or a booking. `route` leads from pickup to destination, if there is one and the fare needs it.
    #[must_use]
    pub fn fare(&self, route: Option<Route>, period: Option<&Period>) -> Money {
        Money::new(self.file.fare.amount(route, period), self.file.currency)
    }

    /// Why a choice of driver and period is not one this service knows, if it is not.
    #[must_use]
    pub fn choice_problem(&self, driver: Option<&DriverId>, period: Option<&Period>, now: Timestamp) -> Option<String> {
        let (service, noun) = (&self.service, &self.file.noun.en);
        match (self.file.dispatch.by, driver) {
            (FoundBy::Choose, None) => return Some(format!("driver_id: name the {noun} you choose for {service}")),
            (FoundBy::Offer | FoundBy::Assign, Some(_)) => {
                return Some(format!("driver_id: {service} finds the {noun} itself; leave it out"));
            }
            _ => {}
        }
        match (self.file.period, period) {
            (PeriodRule::None, Some(_)) => Some(format!("period: {service} is not booked for a period; leave it out")),
            (PeriodRule::Required, None) => Some(format!("period: say from when to when you book {service}")),
            (_, Some(period)) => period.problem(now),
            (_, None) => None,
        }
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
