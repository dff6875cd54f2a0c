//! `PUT /v1/drivers/{id}/availability`: a driver wants calls, or no more.

use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{in_scope, must_not_be_chosen};
use crate::{
    domain::Role,
    http::{
        auth::Principal,
        error::Problem,
        json::{self, Json},
        openapi::Refusals,
        path::DriverPath,
        state::State,
        views::DriverView,
    },
};

/// Whether a driver wants calls.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Availability {
    /// Whether it does.
    available: bool,
}

/// A driver wants calls, or no more. It is found by calls once its position is known.
#[utoipa::path(put, path = "/v1/drivers/{id}/availability", tag = "driver", params(("id" = String, Path)),
    request_body = Availability, responses((status = 200, body = DriverView<'static>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    DriverPath(id): DriverPath,
    Json(body): Json<Availability>,
) -> Result<HttpResponse, Problem> {
    in_scope(&state, &who, &id).await?;
    if who.role() != Role::Operator
        && let Some(known) = state.engine.driver(&id).await?
    {
        must_not_be_chosen(&state, &who, &known.profile.service)?;
    }
    let driver = state.engine.set_availability(&id, body.available, who.cause()).await?;
    json::ok(&state.driver_view(&driver))
}
