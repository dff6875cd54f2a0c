//! `POST /v1/calls/{id}/approve`: an operator says that a call may be.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{answer, in_scope, reason::Reason};
use crate::http::{
    auth::only::{Only, Operators},
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Free, Step},
    },
    extract::{json::Optional, path::CallPath},
    state::State,
    views::CallView,
};

/// Approves a call that waits for it. From then on it is paid, in the background.
#[utoipa::path(post, path = "/v1/calls/{id}/approve", tag = "operator", params(("id" = String, Path)),
    request_body = Option<Reason>, responses((status = 200, body = CallView<'static>), Refusals<(Body, Actor, Step, Free)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    CallPath(id): CallPath,
    Optional(body): Optional<Reason>,
) -> Result<HttpResponse, Problem> {
    let reason = body.checked()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.approve(&id, who.party().clone(), reason, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
