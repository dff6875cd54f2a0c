//! `POST /v1/calls/{id}/cancel`: called off by its customer, its driver or an operator.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{answer, in_scope, reason::Reason};
use crate::http::{
    auth::Principal,
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Step},
    },
    extract::{json::Optional, path::CallPath},
    state::State,
    views::CallAsSeen,
};

/// Calls it off. What was paid is refunded; the answer does not wait for that. The driver who has the call gives it back with it
/// instead, as with `release`, where the service finds drivers for the customer.
#[utoipa::path(post, path = "/v1/calls/{id}/cancel", tag = "calls", params(("id" = String, Path)),
    request_body = Option<Reason>, responses((status = 200, body = CallAsSeen), Refusals<(Body, Actor, Step)>))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
    Optional(body): Optional<Reason>,
) -> Result<HttpResponse, Problem> {
    let reason = body.checked()?;
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.cancel(&id, who.party().clone(), reason, who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
