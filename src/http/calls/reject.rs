//! `POST /v1/calls/{id}/reject`: an operator says that a call may not be.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{answer, in_scope, reason::Reason};
use crate::http::{
    auth::only::{Only, Operators},
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Step},
    },
    extract::{json::Optional, path::CallPath},
    state::State,
    views::CallView,
};

/// Rejects a call that waits for approval: it is denied, and what was chosen is free again.
#[utoipa::path(post, path = "/v1/calls/{id}/reject", tag = "operator", params(("id" = String, Path)),
    request_body = Option<Reason>, responses((status = 200, body = CallView<'static>), Refusals<(Body, Actor, Step)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    CallPath(id): CallPath,
    Optional(body): Optional<Reason>,
) -> Result<HttpResponse, Problem> {
    let reason = body.checked()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.reject(&id, who.party().clone(), reason, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
