//! `PUT /v1/drivers/{id}/availability`: a driver wants calls, or no more.

use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::must_concern;
use crate::http::{
    auth::only::{DriversAndOperators, Only},
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Free, Step},
    },
    extract::{
        json::{self, Json},
        path::DriverPath,
    },
    state::State,
    views::DriverView,
};

/// Whether a driver wants calls.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Availability {
    /// Whether the driver wants calls.
    available: bool,
}

/// A driver wants calls, or no more. It is found by calls once its position is known.
#[utoipa::path(put, path = "/v1/drivers/{id}/availability", tag = "driver", params(("id" = String, Path)),
    request_body = Availability, responses((status = 200, body = DriverView<'static>), Refusals<(Body, Actor, Step, Free)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<DriversAndOperators>,
    DriverPath(id): DriverPath,
    Json(body): Json<Availability>,
) -> Result<HttpResponse, Problem> {
    must_concern(&who, &id)?;
    let driver = state.engine.set_availability(&id, body.available, who.asker(), who.cause()).await?;
    json::ok(&state.driver_view(&driver, who.role()))
}
