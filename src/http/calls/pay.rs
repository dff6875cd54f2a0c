//! `POST /v1/calls/{id}/pay`: the customer pays, for the first time or with another method.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use super::{Payment, answer, visible};
use crate::http::{
    auth::only::{Customers, Only},
    error::{
        Problem, Refusals,
        refusals::{Actor, Body, Free, Paid, Step},
    },
    extract::{json::Json, path::CallPath, text},
    state::State,
    views::CallView,
};

/// Pays a call. The answer waits for the outcome.
#[utoipa::path(post, path = "/v1/calls/{id}/pay", tag = "customer", params(("id" = String, Path)),
    request_body = Payment,
    responses(
        (status = 200, body = CallView<'static>),
        Refusals<(Body, Actor, Step, Paid, Free)>,
    ))]
pub(in crate::http) async fn handle(
    state: Data<State>,
    Only(who, _): Only<Customers>,
    CallPath(id): CallPath,
    Json(body): Json<Payment>,
) -> Result<HttpResponse, Problem> {
    text::method("/method", &body.method)?;
    visible(&state, &who, &id).await?;
    let outcome = state.engine.pay(&id, who.party(), state.sealed(&id, &body.method), who.cause()).await;
    answer(&state, &who, StatusCode::OK, outcome).await
}
