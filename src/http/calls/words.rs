//! Refusals with the service's own noun: people read "taxi" or "seat", never "driver" for a thing.

use crate::{
    actors::{CallError, entity::AskError},
    domain::{Rejection, ServiceId, policy::Text},
    http::state::State,
};

/// The text of a refusal about drivers, with the noun of the call's service.
pub(super) fn of(state: &State, error: &CallError) -> Option<String> {
    match error {
        CallError::DriverUnavailable { call: Some(call), status } => {
            Some(format!("the {} is {status}", noun(state, &call.service)?.en))
        }
        CallError::NoDrivers { service, .. } => {
            Some(format!("no {} is free at the moment; please call again later", noun(state, service)?.en))
        }
        CallError::Ask(AskError::Rejected { rejection: Rejection::CallTaken, state: Some(call) }) => {
            let Text { ko, en } = noun(state, &call.service)?;
            Some(format!("the call has gone to another {en} or is over (이미 다른 {ko}에게 넘어갔거나 취소된 콜)"))
        }
        _ => None,
    }
}

fn noun<'a>(state: &'a State, service: &ServiceId) -> Option<&'a Text> {
    state.engine.policies().get(service).map(|policy| &policy.file.noun)
}
