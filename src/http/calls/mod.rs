//! Calls: who may see one, and how every command on one is answered. One endpoint per file.

pub(super) mod accept;
pub(super) mod approve;
pub(super) mod cancel;
pub(super) mod complete;
pub(super) mod decline;
pub(super) mod get;
mod idempotency;
mod input;
pub(super) mod list;
pub(super) mod pay;
mod reason;
pub(super) mod reject;
pub(super) mod release;
mod repeat;
pub(super) mod request;
pub(super) mod settle;
mod sight;
pub(super) mod start;
pub(super) mod timeline;
mod words;

use std::sync::Arc;

use actix_web::{HttpResponse, http::StatusCode};
use serde::Deserialize;

use super::{
    auth::Principal,
    error::{Code, Problem},
    state::State,
};
use crate::{
    actors::CallError,
    domain::{
        CallId,
        call::{Call, DenyReason, Phase},
    },
    http::extract::json,
};
pub(super) use input::{NewCall, Payment, Period, check_choice};
pub(super) use sight::{Sight, may_see, sight};
pub(super) use words::not_free;

/// A body without members.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

/// A call as it is now, read from its actor. One that is over leaves the store after a while (`store.keep_finished_s`);
/// from then on the read model answers for it.
pub(super) async fn present(state: &State, who: &Principal, id: &CallId) -> Result<Option<Arc<Call>>, Problem> {
    match state.engine.call(id).await {
        Ok(Some(call)) => Ok(Some(call)),
        Ok(None) => Ok(state.read_model.call(id).await?.filter(|call| call.phase.is_terminal()).map(Arc::new)),
        Err(error) => Err(refusal(state, who, error)),
    }
}

/// A call, if it exists for the one who asks.
pub(super) async fn visible(state: &State, who: &Principal, id: &CallId) -> Result<Arc<Call>, Problem> {
    let call = present(state, who, id).await?.filter(|call| may_see(who, call));
    call.ok_or_else(|| Problem::not_found("call"))
}

/// Refuses a call of a service that the token does not cover. The call itself judges ownership.
pub(super) async fn in_scope(state: &State, who: &Principal, id: &CallId) -> Result<(), Problem> {
    if who.services().is_none() {
        return Ok(());
    }
    match state.engine.call(id).await {
        Ok(Some(call)) if who.may_use(&call.service) => Ok(()),
        Ok(_) => Err(Problem::not_found("call")),
        Err(error) => Err(refusal(state, who, error)),
    }
}

/// Answers a command on a call, in outline to a driver whose command ended its sight of it: one that declined.
pub(super) async fn answer(
    state: &State,
    who: &Principal,
    status: StatusCode,
    outcome: Result<Arc<Call>, CallError>,
) -> Result<HttpResponse, Problem> {
    let call = outcome.map_err(|error| refusal(state, who, error))?;
    if may_see(who, &call) {
        return json::answer(status, &state.present_call_view(&call, who).await);
    }
    json::answer(status, &state.outline_view(&call))
}

/// The answer to a request for a call, with the call's path.
fn located(answer: HttpResponse, call: &CallId) -> HttpResponse {
    json::located(answer, &format!("/v1/calls/{call}"))
}

/// Refuses a command on a call, showing the call to those who may see it.
pub(super) fn refusal(state: &State, who: &Principal, error: CallError) -> Problem {
    let (detail, message) = (words::detail(state, who, &error), words::without_a_call(state, &error));
    let (problem, call): (Problem, _) = error.into();
    let problem = match detail {
        Some(detail) => problem.saying(detail),
        None => problem,
    };
    about(state, who, problem.telling(message), call.as_deref())
}

/// A problem about a call, which is shown to those who may see it, and in outline to a driver who was too late for it. Both
/// are told in the words of the call's service.
pub(super) fn about(state: &State, who: &Principal, problem: Problem, call: Option<&Call>) -> Problem {
    let known_to_exist = matches!(problem.code(), Code::CallTaken | Code::NotOffered);
    let shown = match call {
        Some(call) if may_see(who, call) => state.call_text(call, who),
        Some(call) if known_to_exist && who.may_use(&call.service) => state.outline_text(call),
        Some(_) | None => None,
    };
    let message = call.filter(|_| shown.is_some()).and_then(|call| words::message(state, who, &problem, call));
    problem.telling(message).about(shown)
}

/// Whether the service refused the call because of where it is.
pub(super) fn is_out_of_area(call: &Call) -> bool {
    matches!(call.phase, Phase::Denied { reason: DenyReason::OutOfArea, .. })
}
