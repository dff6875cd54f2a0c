//! The body of a request for a call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock,
    domain::{self, DriverId, Place, ServiceId, policy::Policy},
    http::{
        error::Problem,
        extract::{
            text::{self, NOTE_MAX},
            time,
        },
        views::PlaceSchema,
    },
};

/// The longest quote, in characters.
const QUOTE_MAX: usize = 2_048;

/// A request for a call.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "service": "driver-call",
    "pickup": {"lat": 37.4979, "lng": 127.0276, "address": "강남역"},
    "dropoff": {"lat": 37.5547, "lng": 126.9707, "address": "서울역"},
    "payment": {"method": "tok_ok"}
}))]
pub(in crate::http) struct NewCall {
    /// The service, by its id.
    #[schema(value_type = String, example = "driver-call")]
    pub service: ServiceId,
    /// Where the customer is met, or the work is done.
    #[schema(value_type = PlaceSchema)]
    pub pickup: Place,
    /// Where the customer wants to go, if the service goes anywhere.
    #[serde(default)]
    #[schema(value_type = Option<PlaceSchema>)]
    pub dropoff: Option<Place>,
    /// The driver, for services where the customer chooses one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub driver_id: Option<DriverId>,
    /// The period, for services that are booked for one.
    #[serde(default)]
    pub period: Option<Period>,
    /// A promised fare, from `POST /v1/quotes` for the same trip.
    #[serde(default)]
    pub quote: Option<String>,
    /// Pays with the request.
    #[serde(default)]
    pub payment: Option<Payment>,
    /// A note to the driver, at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: Option<String>,
}

/// How a call is paid.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Payment {
    /// The gateway's token for the customer's method.
    #[schema(example = "tok_ok", min_length = 1, max_length = 128)]
    pub method: String,
}

/// From when to when.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Period {
    /// When the booked time begins, RFC 3339; at most five minutes ago.
    #[serde(deserialize_with = "time::required")]
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// When the booked time ends, RFC 3339; later than `from`, by 366 days at most.
    #[serde(deserialize_with = "time::required")]
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
}

impl NewCall {
    /// Puts its texts into the form in which they are kept, and refuses those that are too long or must not be.
    pub(super) fn check(&mut self) -> Result<(), Problem> {
        self.note = self.note.take().map(|note| text::lines("/note", &note, NOTE_MAX)).transpose()?;
        self.pickup = text::place("/pickup", self.pickup.clone())?;
        self.dropoff = self.dropoff.take().map(|dropoff| text::place("/dropoff", dropoff)).transpose()?;
        if let Some(quote) = &self.quote {
            text::at_most("/quote", quote, QUOTE_MAX)?;
        }
        self.payment.as_ref().map_or(Ok(()), |payment| text::method("/payment/method", &payment.method))
    }
}

/// Refuses a choice of destination, driver and period that the service does not know.
pub(in crate::http) fn check_choice(
    policy: &Policy,
    dropoff: Option<&Place>,
    driver: Option<&DriverId>,
    period: Option<Period>,
) -> Result<(), Problem> {
    let period = period.map(domain::Period::from);
    policy
        .choice_problem(dropoff.map(Place::position), driver, period.as_ref(), clock::now())
        .map_or(Ok(()), |problem| Err(Problem::invalid(problem)))
}

/// As it is stored and shown, so that a period which passes is one for those who read it, too.
impl From<Period> for domain::Period {
    fn from(period: Period) -> Self {
        Self { from: clock::to_the_millisecond(period.from), to: clock::to_the_millisecond(period.to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_that_is_empty_once_stored_ends_before_it_begins() {
        let until = |to: &str| {
            let from: Timestamp = "2031-03-01T09:00:00.0001Z".parse().expect("a time");
            let period = domain::Period::from(Period { from, to: to.parse().expect("a time") });
            period.problem(from)
        };
        let problem = until("2031-03-01T09:00:00.0009Z").expect("a problem");
        assert!(problem.contains("to must be later than from"), "{problem}");
        assert_eq!(until("2031-03-01T09:00:00.0010Z"), None);
    }
}
