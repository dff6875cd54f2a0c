//! `POST /v1/calls/{id}/decline`: a driver does not want a call that is offered to it.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{Empty, answer, in_scope};
use crate::http::{
    auth::Principal, error::Problem, json::Optional, openapi::Refusals, path::CallPath, state::State, views::CallView,
};

/// Does not want the call; it is offered to others.
#[utoipa::path(post, path = "/v1/calls/{id}/decline", tag = "driver", params(("id" = String, Path)),
    responses((status = 200, body = CallView<'static>), Refusals))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    let driver = who.driver()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.decline(&id, driver, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome)
}
