//! Refusals in the words of whom they reach: with the service's own noun (people read "taxi" or "seat", never "driver" for a
//! thing), and with what that party can do.

use crate::{
    actors::{CallError, entity::AskError},
    domain::{Rejection, Role, call::Call, policy::Text},
    http::{auth::Principal, state::State},
};

/// The text of a refusal, when this party is told something of its own.
pub(super) fn of(state: &State, who: &Principal, error: &CallError) -> Option<String> {
    match error {
        CallError::PaymentDeclined { .. } if who.role() != Role::Customer => {
            Some(format!("{error}; the customer can pay with another method, and then it can be completed"))
        }
        CallError::DriverUnavailable { call: Some(call), status } => {
            Some(format!("the {} is {status}", noun_of(state, call)?.en))
        }
        CallError::NoDrivers { service, .. } => {
            let noun = &state.engine.policies().get(service)?.file.noun;
            Some(format!("no {} is free at the moment; please call again later", noun.en))
        }
        CallError::Ask(AskError::Rejected { rejection: Rejection::CallTaken, state: Some(call) }) => {
            let Text { ko, en } = noun_of(state, call)?;
            Some(format!("the call has gone to another {en} or is over (이미 다른 {ko}에게 넘어갔거나 취소된 콜)"))
        }
        _ => None,
    }
}

fn noun_of<'a>(state: &'a State, call: &Call) -> Option<&'a Text> {
    call.shown_policy(state.engine.policies()).map(|policy| &policy.file.noun)
}
