//! Calls: who may see one, and how every command on one is answered. One endpoint per file.

pub(super) mod accept;
pub(super) mod approve;
pub(super) mod cancel;
pub(super) mod complete;
pub(super) mod decline;
pub(super) mod get;
mod input;
pub(super) mod list;
pub(super) mod pay;
pub(super) mod reject;
mod repeat;
pub(super) mod request;
pub(super) mod start;
pub(super) mod timeline;
mod words;

use std::sync::Arc;

use actix_web::{HttpResponse, http::StatusCode};
use serde::Deserialize;

use super::{
    auth::Principal,
    error::{Code, Problem},
    json,
    state::State,
};
use crate::{
    actors::CallError,
    domain::{
        CallId, Party,
        call::{Call, DenyReason, Phase},
    },
};
pub(super) use input::{NewCall, Payment, Period, check_choice};

/// A body without members.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

/// Whether somebody may see a call: its customer, its driver, drivers it is offered to, operators; all of them only with a
/// token for its service.
pub(super) fn may_see(who: &Principal, call: &Call) -> bool {
    let concerns = match who.party() {
        Party::Customer(customer) => *customer == call.customer_id,
        Party::Driver(driver) => match &call.phase {
            Phase::Dispatching(search) => search.is_offered_to(driver),
            phase => phase.driver().is_some_and(|card| card.id == *driver),
        },
        Party::Operator(_) | Party::System => true,
    };
    concerns && who.may_use(&call.service)
}

/// A call, if it exists for the one who asks.
pub(super) async fn visible(state: &State, who: &Principal, id: &CallId) -> Result<Arc<Call>, Problem> {
    match state.engine.call(id).await {
        Ok(Some(call)) if may_see(who, &call) => Ok(call),
        Ok(_) => Err(Problem::not_found("call")),
        Err(error) => Err(refusal(state, who, error)),
    }
}

/// Refuses a call of a service the token is not for. Ownership is for the call itself to judge.
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

/// Answers a command on a call.
pub(super) fn answer(
    state: &State,
    who: &Principal,
    status: StatusCode,
    outcome: Result<Arc<Call>, CallError>,
) -> Result<HttpResponse, Problem> {
    let call = outcome.map_err(|error| refusal(state, who, error))?;
    json::answer(status, &state.call_view(&call))
}

/// Refuses a command on a call, showing the call to those who may see it.
pub(super) fn refusal(state: &State, who: &Principal, error: CallError) -> Problem {
    let said = words::of(state, &error);
    let (problem, call): (Problem, _) = error.into();
    let problem = match said {
        Some(said) => problem.saying(said),
        None => problem,
    };
    about(state, who, problem, call.as_deref())
}

/// A problem about a call, which is shown to those who may see it, and in outline to a driver who was too late for it.
pub(super) fn about(state: &State, who: &Principal, problem: Problem, call: Option<&Call>) -> Problem {
    let known_to_exist = matches!(problem.code(), Code::CallTaken | Code::NotOffered);
    let shown = match call {
        Some(call) if may_see(who, call) => state.call_text(call),
        Some(call) if known_to_exist && who.may_use(&call.service) => state.call_outline(call),
        Some(_) | None => None,
    };
    problem.about(shown)
}

/// Whether the service refused the call because of where it is.
pub(super) fn is_out_of_area(call: &Call) -> bool {
    matches!(call.phase, Phase::Denied { reason: DenyReason::OutOfArea, .. })
}
