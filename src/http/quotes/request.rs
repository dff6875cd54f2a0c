//! `POST /v1/quotes`: what a trip would cost, promised for five minutes.

use actix_web::{HttpResponse, web::Data};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::token::{GOOD_FOR_S, Trip, sign};
use crate::{
    clock,
    domain::{self, DriverId, Place, ServiceId},
    http::{
        auth::Principal,
        calls::{Period, check_choice},
        error::{Code, Problem},
        json::{self, Json},
        openapi::Refusals,
        state::State,
        views::{PlaceSchema, Time},
    },
};

/// A trip to be priced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct QuoteRequest {
    /// The service.
    #[schema(value_type = String, example = "driver-call")]
    service: ServiceId,
    /// Where it begins.
    #[schema(value_type = PlaceSchema)]
    pickup: Place,
    /// Where it leads.
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

/// A promised fare.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Quote {
    /// Give this to `POST /v1/calls` with the same trip.
    quote: String,
    /// The fare, in the currency's minor unit.
    #[schema(example = 20000)]
    amount: u64,
    /// ISO 4217.
    #[schema(value_type = String, example = "KRW")]
    currency: &'static str,
    /// The way by road, in metres; 0 without a destination.
    distance_m: u64,
    /// The travel time, in seconds; 0 without a destination.
    eta_s: u64,
    /// Until when the quote is good.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// What a trip would cost, promised for five minutes. Nothing is stored.
#[utoipa::path(post, path = "/v1/quotes", tag = "customer", request_body = QuoteRequest,
    responses((status = 200, body = Quote), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    Json(body): Json<QuoteRequest>,
) -> Result<HttpResponse, Problem> {
    let customer = who.customer()?;
    who.must_use(&body.service)?;
    let policy = state.policy(&body.service)?;
    check_choice(policy, body.driver_id.as_ref(), body.period)?;
    let (pickup, dropoff) = (body.pickup.position(), body.dropoff.as_ref().map(Place::position));
    if !policy.serves(pickup, dropoff) {
        return Err(Problem::new(Code::OutOfArea, format!("{} is not offered for this trip", body.service)));
    }
    let period = body.period.map(domain::Period::from);
    let route = match dropoff {
        Some(dropoff) => Some(state.engine.route(policy.file.travel, pickup, dropoff).await),
        None => None,
    };
    let fare = policy.fare(route, period.as_ref());
    let expires_at = clock::now() + SignedDuration::from_secs(GOOD_FOR_S);
    let trip = Trip { customer, service: &body.service, pickup, dropoff, driver: body.driver_id.as_ref(), period };
    json::ok(&Quote {
        quote: sign(&state.keys, &trip, fare, expires_at)?,
        amount: fare.amount,
        currency: fare.currency.code(),
        distance_m: route.map_or(0, |route| whole(route.distance_m)),
        eta_s: route.map_or(0, |route| route.duration_s),
        expires_at: expires_at.into(),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a distance on the earth is not negative and fits"
)]
fn whole(metres: f64) -> u64 {
    metres.round() as u64
}
