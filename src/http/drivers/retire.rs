//! `DELETE /v1/drivers/{id}`: an operator retires a driver that has no call.

use actix_web::{HttpResponse, web::Data};

use crate::http::{
    auth::only::{Only, Operators},
    error::{
        Problem, Refusals,
        refusals::{Actor, Free, Step},
    },
    extract::{json, path::DriverPath},
    state::State,
    views::DriverView,
};

/// Retires a driver: 409 while it has a call.
#[utoipa::path(delete, path = "/v1/drivers/{id}", tag = "operator", params(("id" = String, Path)),
    responses((status = 200, body = DriverView<'static>), Refusals<(Actor, Step, Free)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    DriverPath(id): DriverPath,
) -> Result<HttpResponse, Problem> {
    let driver = state.engine.retire_driver(&id, who.asker(), who.cause()).await?;
    json::ok(&state.driver_view(&driver, who.role()))
}
