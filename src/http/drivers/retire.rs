//! `DELETE /v1/drivers/{id}`: an operator retires a driver that has no call.

use actix_web::{HttpResponse, web::Data};

use super::in_scope;
use crate::http::{
    auth::Principal, error::Problem, json, openapi::Refusals, path::DriverPath, state::State, views::DriverView,
};

/// Retires a driver: 409 while it has a call.
#[utoipa::path(delete, path = "/v1/drivers/{id}", tag = "operator", params(("id" = String, Path)),
    responses((status = 200, body = DriverView<'static>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    DriverPath(id): DriverPath,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    in_scope(&state, &who, &id).await?;
    let driver = state.engine.retire_driver(&id, who.cause()).await?;
    json::ok(&state.driver_view(&driver))
}
