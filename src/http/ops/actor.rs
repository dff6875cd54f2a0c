//! `/v1/ops/actors/{kind}/{id}`: one actor, a crash drill, putting it back to work.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use crate::{
    actors::ops::ActorFigures,
    http::{auth::Principal, calls::Empty, error::Problem, json, json::Optional, openapi::Refusals, state::State},
};

/// One actor.
#[utoipa::path(get, path = "/v1/ops/actors/{kind}/{id}", tag = "operator",
    params(("kind" = String, Path), ("id" = String, Path)), responses((status = 200, body = ActorFigures), Refusals))]
pub(in crate::http) async fn show(
    state: Data<State>,
    who: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    let (kind, id) = named(&request);
    json::ok(&state.engine.ops.actor(kind, id).await?)
}

/// A drill: the actor panics in its next message.
#[utoipa::path(post, path = "/v1/ops/actors/{kind}/{id}/crash", tag = "operator",
    params(("kind" = String, Path), ("id" = String, Path)), responses((status = 200, body = ActorFigures), Refusals))]
pub(in crate::http) async fn crash(
    state: Data<State>,
    who: Principal,
    request: HttpRequest,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    let (kind, id) = named(&request);
    tracing::warn!(kind, id, by = who.id(), "an operator makes an actor panic");
    json::ok(&state.engine.ops.crash(kind, id).await?)
}

/// Puts a parked actor back to work; one that is not parked stays as it is.
#[utoipa::path(post, path = "/v1/ops/actors/{kind}/{id}/resume", tag = "operator",
    params(("kind" = String, Path), ("id" = String, Path)), responses((status = 200, body = ActorFigures), Refusals))]
pub(in crate::http) async fn resume(
    state: Data<State>,
    who: Principal,
    request: HttpRequest,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    who.must_be_operator()?;
    let (kind, id) = named(&request);
    json::ok(&state.engine.ops.resume(kind, id).await?)
}

fn named(request: &HttpRequest) -> (&str, &str) {
    let part = |name| request.match_info().get(name).unwrap_or_default();
    (part("kind"), part("id"))
}
