//! The operator's word on a call that waits for it.

use jiff::Timestamp;

use super::{
    Call, DenyReason, Event, Phase, paying,
    refused::{Decided, illegal, too_late},
    request::lapses_at,
    steps::{self, operator_only},
};
use crate::domain::{
    Decision, Party,
    policy::{ConfirmedBy, Policy},
};

/// An operator approves: from now on it is to be paid, at once if it can be.
pub(super) fn approve(call: &Call, by: &Party, reason: Option<&str>, policy: &Policy, now: Timestamp) -> Decided {
    operator_only(by)?;
    match &call.phase {
        Phase::AwaitingApproval { .. } if call.is_over(now) => Err(too_late("approve")),
        Phase::AwaitingApproval { .. } => {
            let until = lapses_at(call.period.as_ref(), policy, now);
            let reason = reason.map(str::to_owned);
            let approved = Decision::event(Event::Approved { by: by.clone(), until, reason });
            Ok(if call.method_kept { paying::attempt(call, approved, None) } else { approved })
        }
        Phase::AwaitingPayment { .. } => Ok(Decision::nothing()),
        Phase::Assigned { .. } if policy.file.confirmed_by == ConfirmedBy::Operator => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::Dispatching(_)
        | Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "approve")),
    }
}

/// An operator says no.
pub(super) fn reject(call: &Call, by: &Party, reason: Option<&str>) -> Decided {
    operator_only(by)?;
    match &call.phase {
        Phase::AwaitingApproval { .. } => {
            let denied = Event::Denied { reason: DenyReason::Rejected, text: reason.map(str::to_owned) };
            Ok(steps::settle_up(call, Decision::event(denied)))
        }
        Phase::Denied { reason: DenyReason::Rejected, .. } => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Dispatching(_)
        | Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "reject")),
    }
}
