//! `/v1/ops/gateway`: limiter, queue and breaker of the payment guard.

use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    actors::guard::{BreakerMode, GatewayFigures},
    http::{
        auth::only::{Only, Operators, OperatorsOfAll},
        error::{Problem, Refusals, refusals::Body},
        extract::json::{self, Json},
        state::State,
    },
};

/// The mode to set the breaker to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Breaker {
    /// auto: as the failure rates say; open: let nothing through; closed: let everything through.
    state: BreakerMode,
}

/// Figures of limiter, queue and breaker.
#[utoipa::path(get, path = "/v1/ops/gateway", tag = "operator",
    responses((status = 200, body = GatewayFigures), Refusals))]
pub(in crate::http) async fn show(state: Data<State>, _: Only<Operators>) -> Result<HttpResponse, Problem> {
    json::ok(&state.engine.gateway_figures())
}

/// Takes the breaker in hand, or gives it back to itself.
#[utoipa::path(put, path = "/v1/ops/gateway/breaker", tag = "operator", request_body = Breaker,
    responses((status = 200, body = GatewayFigures), Refusals<Body>))]
pub(in crate::http) async fn set_breaker(
    state: Data<State>,
    Only(who, _): Only<OperatorsOfAll>,
    Json(body): Json<Breaker>,
) -> Result<HttpResponse, Problem> {
    tracing::warn!(state = ?body.state, by = who.id(), "an operator sets the payment breaker");
    state.engine.set_breaker(body.state);
    json::ok(&state.engine.gateway_figures())
}
