//! `POST /v1/calls/{id}/complete`: it is done, says whoever the service's policy lets.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{Empty, answer, in_scope};
use crate::http::{
    auth::Principal,
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Paid, Payer, Step},
    },
    extract::{json::Optional, path::CallPath},
    state::State,
    views::CallView,
};

/// Says that the call is done. The service's policy names the roles that may.
#[utoipa::path(post, path = "/v1/calls/{id}/complete", tag = "driver", params(("id" = String, Path)),
    responses(
        (status = 200, body = CallView<'static>),
        Refusals<(Body, Actor, Step, Paid, Payer)>,
    ))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    who: Principal,
    CallPath(id): CallPath,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    in_scope(&state, &who, &id).await?;
    let outcome = state.engine.complete(&id, who.party().clone(), who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
