//! `POST /v1/calls/{id}/release`: the driver who has a call gives it back before the start.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{answer, in_scope, reason::Reason};
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

/// Gives the call back: it is `dispatching` again, for the same fare, no money moves, and this driver is not asked again. The
/// answer is the call's outline: the rest is for those who may see it.
#[utoipa::path(post, path = "/v1/calls/{id}/release", tag = "driver", params(("id" = String, Path)),
    request_body = Option<Reason>, responses((status = 200, body = CallOutline<'static>), Refusals<(Body, Actor, Step, Offered)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Drivers>,
    CallPath(id): CallPath,
    Optional(body): Optional<Reason>,
) -> Result<HttpResponse, Problem> {
    let reason = body.checked()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.release(&id, who.party().clone(), reason, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
