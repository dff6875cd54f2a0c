//! How a service finds drivers, what happens when one gives a call back, and what can be booked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Offers: nearest first, in rounds whose radius grows, until a driver accepts or the deadline passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DispatchRule {
    /// How a driver is found.
    pub by: FoundBy,
    /// How long a paid call looks for a driver, in seconds; then it is cancelled by the system and refunded.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub deadline_s: u32,
    /// How many drivers get the call in one round; 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    pub offers_per_round: u16,
    /// How long an offer stands, in seconds.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub offer_s: u32,
    /// Radius of the first round, in metres.
    #[schema(minimum = 1, maximum = 500_000)]
    pub radius_m: u32,
    /// The factor by which the radius grows from round to round; at least 1.
    #[schema(minimum = 1.0, maximum = 1000.0)]
    pub radius_growth: f64,
    /// The radius beyond which no round reaches, in metres.
    #[schema(minimum = 1, maximum = 500_000)]
    pub radius_max_m: u32,
    /// The number of calls that may wait while no driver is free; further requests are told to come back
    /// later. 0: no bound.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub waiting_max: u32,
    /// The age of a driver's last sign (a position, a registration, an event) beyond which the driver is offered
    /// nothing unless it has an open socket; in seconds, 0: no bound.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800)]
    pub position_max_age_s: u32,
    /// The number of calls that one driver may have at the same time, where the system assigns.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1_000)]
    pub capacity: u32,
    /// How long before its booked time a call may start, in seconds. Without it, at any time.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 31_622_400)]
    pub early_s: Option<u32>,
    /// The parts of a call that an offer shows besides its pickup, its pay and its period.
    #[serde(default = "offer_shows")]
    pub offer_shows: Vec<OfferShows>,
}

/// Something of a call that an offer may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferShows {
    /// The destination of the call.
    Dropoff,
    /// The names of the places for people: a gate, a floor, a company.
    Address,
    /// The note that the customer added to the call.
    Note,
}

fn one() -> u32 {
    1
}

fn offer_shows() -> Vec<OfferShows> {
    vec![OfferShows::Dropoff]
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
            position_max_age_s: 0,
            capacity: one(),
            early_s: None,
            offer_shows: offer_shows(),
        }
    }
}

/// The rule for a driver who gives a call back before the start: the call looks for another driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedispatchRule {
    /// How often one call may be given back. The next time it is cancelled by the system, and refunded if it was paid.
    #[schema(minimum = 0, maximum = 100)]
    pub tries: u16,
    /// How long each new search lasts, in seconds.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub search_s: u32,
}

impl Default for RedispatchRule {
    fn default() -> Self {
        Self { tries: 3, search_s: 600 }
    }
}

/// Ways to find a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The call is offered to drivers near the pickup; the first accept wins.
    Offer,
    /// The system picks the free driver that has waited longest, wherever it is; nobody accepts.
    Assign,
    /// The customer names the driver: a car, a seat.
    Choose,
}

/// The party that confirms that a driver answers the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmedBy {
    /// The driver, by its accept.
    Driver,
    /// An operator, before payment.
    Operator,
    /// Nobody confirms: the call goes on by itself.
    Nobody,
}

/// Whether a service is booked for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodRule {
    /// It begins at once.
    #[default]
    None,
    /// The customer may say from when to when.
    Optional,
    /// The customer must say from when to when.
    Required,
}

/// The bounds of bookings. Without them one customer could fill a car or a seat with bookings that cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BookingRule {
    /// Open bookings of one car, seat or company.
    #[schema(minimum = 1, maximum = 10_000)]
    pub per_driver_max: u32,
    /// The shortest period, in seconds.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub period_min_s: u32,
    /// How far ahead a period may end, in seconds.
    #[schema(minimum = 1, maximum = 315_360_000)]
    pub ahead_max_s: u32,
}

impl Default for BookingRule {
    fn default() -> Self {
        Self { per_driver_max: 200, period_min_s: 1, ahead_max_s: 315_360_000 }
    }
}
