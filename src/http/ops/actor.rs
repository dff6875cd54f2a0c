//! `/v1/ops/actors/{kind}/{id}`: one actor, a crash drill, putting it back to work.
//!
//! Operators of some services see and touch the actors of those services only; others do not exist for them.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use crate::{
    actors::ops::ActorFigures,
    http::{
        auth::{
            Principal,
            only::{Only, Operators},
        },
        calls::Empty,
        error::{
            Problem, Refusals,
            refusals::{Actor, Body},
        },
        extract::json::{self, Optional},
        state::State,
    },
};

/// One actor: its health, and its committed state.
#[utoipa::path(get, path = "/v1/ops/actors/{kind}/{id}", tag = "operator",
    params(("kind" = String, Path), ("id" = String, Path)), responses((status = 200, body = ActorFigures), Refusals<Actor>))]
pub(in crate::http) async fn show(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (kind, id) = named(&request);
    must_concern(&state, &who, kind, id).await?;
    json::ok(&state.engine.ops.actor(kind, id).await?)
}

/// A drill: the actor panics in its next message.
#[utoipa::path(post, path = "/v1/ops/actors/{kind}/{id}/crash", tag = "operator",
    params(("kind" = String, Path), ("id" = String, Path)), responses((status = 200, body = ActorFigures), Refusals<(Body, Actor)>))]
pub(in crate::http) async fn crash(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    request: HttpRequest,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    let (kind, id) = named(&request);
    must_concern(&state, &who, kind, id).await?;
    tracing::warn!(kind, id, by = who.id(), "an operator makes an actor panic");
    json::ok(&state.engine.ops.crash(kind, id).await?)
}

/// Puts a parked actor back to work; one that is not parked stays as it is.
#[utoipa::path(post, path = "/v1/ops/actors/{kind}/{id}/resume", tag = "operator",
    params(("kind" = String, Path), ("id" = String, Path)), responses((status = 200, body = ActorFigures), Refusals<(Body, Actor)>))]
pub(in crate::http) async fn resume(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    request: HttpRequest,
    _: Optional<Empty>,
) -> Result<HttpResponse, Problem> {
    let (kind, id) = named(&request);
    must_concern(&state, &who, kind, id).await?;
    json::ok(&state.engine.ops.resume(kind, id).await?)
}

fn named(request: &HttpRequest) -> (&str, &str) {
    let part = |name| request.match_info().get(name).unwrap_or_default();
    (part("kind"), part("id"))
}

/// Refuses an actor of a service that the token is not for, and one that serves all services, as if it were not there.
async fn must_concern(state: &State, who: &Principal, kind: &str, id: &str) -> Result<(), Problem> {
    if who.services().is_none() {
        return Ok(());
    }
    let service = state.engine.ops.service_of(kind, id).await?;
    if service.is_some_and(|service| who.may_use(&service)) { Ok(()) } else { Err(Problem::not_found("actor")) }
}
