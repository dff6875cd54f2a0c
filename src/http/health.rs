//! Whether the server lives, and whether it is ready for requests.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Serialize;

use super::{
    error::{Code, Problem},
    state::State,
};
use crate::http::extract::json;

/// How the server is.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `live` or `ready`, as in the request's path.
    #[schema(value_type = String, example = "ready")]
    status: &'static str,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "health", security(()), responses((status = 200, body = Health)))]
pub(super) async fn live() -> Result<HttpResponse, Problem> {
    json::answer(StatusCode::OK, &Health { status: "live" })
}

/// Whether requests are welcome: recovered, not draining, and the store could commit.
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()), responses(
    (status = 200, body = Health),
    (status = 503, description = "not_ready; Retry-After says when to come back", content_type = "application/problem+json",
        body = super::error::Document<'static>),
))]
pub(super) async fn ready(state: Data<State>) -> Result<HttpResponse, Problem> {
    match state.lifecycle.check().await {
        Ok(()) => json::answer(StatusCode::OK, &Health { status: "ready" }),
        Err(reason) => Err(Problem::new(Code::NotReady, reason)),
    }
}
