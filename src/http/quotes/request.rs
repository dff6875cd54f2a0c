//! `POST /v1/quotes`: what a trip would cost, promised for five minutes.

use std::sync::Arc;

use actix_web::{HttpResponse, web::Data};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::token::{GOOD_FOR_S, QuotedTrip, sign};
use crate::{
    clock,
    domain::{
        self, Currency, DriverId, Place, ServiceId,
        driver::{Driver, Duty},
        policy::Policy,
    },
    http::{
        auth::only::{Customers, Only},
        calls::{Period, check_choice, not_free},
        error::{
            Code, Problem, Refusals,
            refusals::{Body, Chosen, Free},
        },
        extract::json::{self, Json},
        state::State,
        views::{PlaceSchema, Time},
    },
};

/// A trip to be priced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "service": "driver-call",
    "pickup": {"lat": 37.4979, "lng": 127.0276, "address": "강남역"},
    "dropoff": {"lat": 37.5547, "lng": 126.9707, "address": "서울역"}
}))]
pub(in crate::http) struct QuoteRequest {
    /// The service, by its id.
    #[schema(value_type = String, example = "driver-call")]
    service: ServiceId,
    /// Where the customer would be met.
    #[schema(value_type = PlaceSchema)]
    pickup: Place,
    /// Where the customer would go.
    #[serde(default)]
    #[schema(value_type = Option<PlaceSchema>)]
    dropoff: Option<Place>,
    /// The driver, for services where the customer chooses one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    driver_id: Option<DriverId>,
    /// The period, for services that are booked for one.
    #[serde(default)]
    period: Option<Period>,
}

/// A fare that is promised for five minutes.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Quote {
    /// Give this to `POST /v1/calls` with the same trip.
    quote: String,
    /// The fare, in the currency's minor unit.
    #[schema(example = 20000)]
    amount: u64,
    /// Of what (ISO 4217).
    currency: Currency,
    /// The way by road, in metres; 0 without a destination.
    distance_m: u64,
    /// The travel time, in seconds; 0 without a destination.
    eta_s: u64,
    /// Until when the quote is good.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// The price of a trip, promised for five minutes. Nothing is stored.
#[utoipa::path(post, path = "/v1/quotes", tag = "customer", request_body = QuoteRequest,
    responses((status = 200, body = Quote), Refusals<(Body, Chosen, Free)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Customers>,
    Json(body): Json<QuoteRequest>,
) -> Result<HttpResponse, Problem> {
    let customer = who.customer()?;
    who.must_use(&body.service)?;
    let policy = state.policy(&body.service)?;
    check_choice(policy, body.dropoff.as_ref(), body.driver_id.as_ref(), body.period)?;
    let (pickup, dropoff) = (body.pickup.position(), body.dropoff.as_ref().map(Place::position));
    if !policy.serves(pickup, dropoff) {
        return Err(Problem::new(Code::OutOfArea, format!("{} is not offered for this trip", body.service)));
    }
    let period = body.period.map(domain::Period::from);
    if let Some(chosen) = &body.driver_id {
        must_be_free(&state, policy, chosen, period.as_ref()).await?;
    }
    let route = match dropoff {
        Some(dropoff) => Some(state.engine.route(policy.file.travel, pickup, dropoff).await),
        None => None,
    };
    let fare = policy.fare(route, period.as_ref());
    let expires_at = clock::now() + SignedDuration::from_secs(GOOD_FOR_S);
    let trip =
        QuotedTrip { customer, service: &body.service, pickup, dropoff, driver: body.driver_id.as_ref(), period };
    json::ok(&Quote {
        quote: sign(&state.keys, &trip, fare, expires_at)?,
        amount: fare.amount,
        currency: fare.currency,
        distance_m: route.map_or(0, |route| whole(route.distance_m)),
        eta_s: route.map_or(0, |route| route.duration_s),
        expires_at: expires_at.into(),
    })
}

/// Refuses a quote for a car or a seat that does not exist, or is booked for that time already. While its actor does
/// not answer, the price is given nevertheless: the booking itself decides.
async fn must_be_free(
    state: &State,
    policy: &Policy,
    chosen: &DriverId,
    period: Option<&domain::Period>,
) -> Result<(), Problem> {
    let Ok(known) = state.engine.driver(chosen).await else { return Ok(()) };
    let noun = &policy.file.noun.en;
    let is_there = |driver: &Arc<Driver>| driver.profile.service == policy.service && driver.duty != Duty::Retired;
    let Some(driver) = known.filter(is_there) else {
        return Err(Problem::at("/driver_id", format_args!("there is no {noun} {chosen} in {}", policy.service)));
    };
    if driver.is_free_for(period, clock::now()) {
        return Ok(());
    }
    let problem = Problem::new(Code::DriverUnavailable, format!("the {noun} {chosen} is not free at that time"));
    Err(problem.telling(Some(not_free(&policy.file.noun))))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a distance on the earth is not negative and fits"
)]
fn whole(metres: f64) -> u64 {
    metres.round() as u64
}
