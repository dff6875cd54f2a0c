//! `POST /v1/calls/{id}/accept`: a driver takes a call that is offered to it; the first one wins.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{Empty, answer, in_scope};
use crate::http::{
    auth::only::{Drivers, Only},
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Free, Offered, Step},
    },
    extract::{json::Optional, path::CallPath},
    state::State,
    views::CallView,
};

/// Takes the call. Exactly one driver wins; the others get 409 `call_taken`.
#[utoipa::path(post, path = "/v1/calls/{id}/accept", tag = "driver", params(("id" = String, Path)),
    responses((status = 200, body = CallView<'static>), Refusals<(Body, Actor, Step, Offered, Free)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Drivers>,
    CallPath(id): CallPath,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    let driver = who.driver()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.accept(&id, driver, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
