//! `GET /v1/drivers/{id}`: a driver as it is now, read from its actor.

use actix_web::{HttpResponse, web::Data};

use super::visible;
use crate::http::{
    auth::Principal,
    error::{Problem, Refusals, refusals::Actor},
    extract::{json, path::DriverPath},
    state::State,
    views::DriverView,
};

/// A driver as it is now: for itself and operators.
#[utoipa::path(get, path = "/v1/drivers/{id}", tag = "driver", params(("id" = String, Path)),
    responses((status = 200, body = DriverView<'static>), Refusals<Actor>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    DriverPath(id): DriverPath,
) -> Result<HttpResponse, Problem> {
    let driver = visible(&state, &who, &id).await?;
    json::ok(&state.driver_view(&driver, who.role()))
}
