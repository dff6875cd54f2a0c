//! `/v1/ops/gateway`: limiter, queue and breaker of the payment guard.

use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    actors::guard::BreakerMode,
    http::{
        auth::Principal,
        error::Problem,
        json::{self, Json},
        openapi::Refusals,
        state::State,
    },
};

/// What the breaker is to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Breaker {
    /// auto: as the failure rates say; open: let nothing through; closed: let everything through.
    #[schema(value_type = String, example = "auto")]
    state: BreakerMode,
}

/// Figures of limiter, queue and breaker.
#[utoipa::path(get, path = "/v1/ops/gateway", tag = "operator", responses((status = 200, body = Object), Refusals))]
pub(in crate::http) async fn show(state: Data<State>, who: Principal) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    json::ok(&state.engine.guard.gauge().figures())
}

/// Takes the breaker in hand, or gives it back to itself.
#[utoipa::path(put, path = "/v1/ops/gateway/breaker", tag = "operator", request_body = Breaker,
    responses((status = 200, body = Object), Refusals))]
pub(in crate::http) async fn set_breaker(
    state: Data<State>,
    who: Principal,
    Json(body): Json<Breaker>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    tracing::warn!(state = ?body.state, by = who.id(), "an operator sets the payment breaker");
    let gauge = state.engine.guard.gauge();
    gauge.set_breaker(body.state);
    json::ok(&gauge.figures())
}
