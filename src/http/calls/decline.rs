//! `POST /v1/calls/{id}/decline`: a driver does not want a call that is offered to it.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{Empty, answer, in_scope};
use crate::http::{
    auth::only::{Drivers, Only},
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Offered, Step},
    },
    extract::{json::Optional, path::CallPath},
    state::State,
    views::CallOutline,
};

/// Does not want the call; it is offered to others. The answer is the call's outline: the rest is for those who may see it.
#[utoipa::path(post, path = "/v1/calls/{id}/decline", tag = "driver", params(("id" = String, Path)),
    responses((status = 200, body = CallOutline<'static>), Refusals<(Body, Actor, Step, Offered)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Drivers>,
    CallPath(id): CallPath,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    let driver = who.driver()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.decline(&id, driver, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
