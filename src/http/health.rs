//! Whether the server lives, and whether it is ready for requests.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Serialize;

use super::{
    error::{
        Code, Problem,
        refusals::{OnlyRefusals, Unready},
    },
    state::State,
};
use crate::http::extract::json;

/// How the server is.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// As in the request's path.
    status: Condition,
}

/// The condition of a server that answers 200.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Health_Status)]
enum Condition {
    /// The process answers.
    Live,
    /// Requests are welcome.
    Ready,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "health", security(()), responses((status = 200, body = Health)))]
pub(super) async fn live() -> Result<HttpResponse, Problem> {
    json::answer(StatusCode::OK, &Health { status: Condition::Live })
}

/// Whether requests are welcome: recovered, not draining, and the store could commit.
#[utoipa::path(get, path = "/health/ready", tag = "health", security(()), responses(
    (status = 200, body = Health),
    OnlyRefusals<Unready>,
))]
pub(super) async fn ready(state: Data<State>) -> Result<HttpResponse, Problem> {
    match state.lifecycle.check().await {
        Ok(()) => json::answer(StatusCode::OK, &Health { status: Condition::Ready }),
        Err(reason) => Err(Problem::new(Code::NotReady, reason)),
    }
}
