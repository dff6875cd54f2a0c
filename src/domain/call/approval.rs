//! The beginning of a call: the request, the chosen driver, the operator's word.

use jiff::Timestamp;

use super::{
    Call, Choice, DenyReason, DriverCard, Effect, Event, Phase, Request, Requested,
    decide::{Decided, illegal},
    dispatch,
    paying::{self, check_minimum},
    steps,
};
use crate::domain::{
    Decision, Party, Period, Place, Rejection,
    payment::Method,
    policy::{ConfirmedBy, PaymentDue, Policy},
};

/// A customer asks.
pub(super) fn request(new: &Request, policy: &Policy, now: Timestamp) -> Decided {
    check_minimum(new.fare.amount, policy)?;
    if let Some(problem) = policy.choice_problem(new.driver_id.as_ref(), new.period.as_ref(), now) {
        return Err(Rejection::Invalid(problem));
    }
    let due = policy.file.payment.due;
    let later = new.method.as_ref().filter(|_| due != PaymentDue::WithRequest);
    let mut decision = Decision::event(Event::Requested(Box::new(Requested {
        id: new.id.clone(),
        service: new.service.clone(),
        customer_id: new.customer_id.clone(),
        pickup: new.pickup.clone(),
        dropoff: new.dropoff.clone(),
        note: new.note.clone(),
        driver_id: new.driver_id.clone(),
        period: new.period,
        method_kept: later.is_some(),
        fare: new.fare,
        request_fingerprint: new.request_fingerprint.clone(),
        unpaid_until: lapses_at(new.period.as_ref(), policy, now),
    })));
    if !policy.serves(new.pickup.position(), new.dropoff.as_ref().map(Place::position)) {
        return Ok(decision.and(Event::Denied { reason: DenyReason::OutOfArea, text: None }));
    }
    if let Some(method) = later {
        decision = decision.then(Effect::KeepMethod { amount: new.fare, method: method.clone() });
    }
    let now_due = new.method.clone().filter(|_| due == PaymentDue::WithRequest);
    Ok(match (&new.driver_id, now_due) {
        (Some(driver), method) => decision.then(Effect::Book {
            driver: driver.clone(),
            service: new.service.clone(),
            period: new.period,
            method,
        }),
        (None, _) if due == PaymentDue::OnCompletion => {
            decision.and_all(dispatch::begin(&new.candidates, new.period.as_ref(), policy, now))
        }
        (None, Some(method)) => decision.and(Event::PaymentStarted { attempt: 1 }).then(Effect::Charge {
            attempt: 1,
            amount: new.fare,
            method: Some(method),
        }),
        (None, None) => decision,
    })
}

/// When a call lapses that waits for somebody's word or money: what it is for may be over before their time is.
fn lapses_at(period: Option<&Period>, policy: &Policy, now: Timestamp) -> Timestamp {
    let patience = now + policy.unpaid_time();
    period.map_or(patience, |period| patience.min(period.to))
}

/// The chosen driver is held for the call, or is not free.
pub(super) fn settle_booking(
    call: &Call,
    booked: Option<&DriverCard>,
    method: Option<&Method>,
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    let waits = matches!((&call.phase, &call.choice), (Phase::Requested { .. }, Some(Choice::Asked { .. })));
    match (waits, booked) {
        (true, Some(driver)) => held(call, driver, method, policy, now),
        (true, None) => {
            let denied = Event::Denied { reason: DenyReason::DriverUnavailable, text: None };
            steps::settle_up(call, Decision::event(denied))
        }
        // The call ended in the meantime: what was held for it is free again.
        (false, Some(driver)) if call.phase.is_terminal() => {
            Decision::nothing().then(Effect::ReleaseDriver { driver: driver.id.clone() })
        }
        (false, _) => Decision::nothing(),
    }
}

fn held(
    call: &Call,
    driver: &DriverCard,
    method: Option<&Method>,
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    let booked = Decision::event(Event::Booked { driver: driver.clone() });
    match (policy.file.confirmed_by, policy.file.payment.due, method) {
        (ConfirmedBy::Operator, ..) => {
            booked.and(Event::ApprovalWanted { until: lapses_at(call.period.as_ref(), policy, now) })
        }
        (_, PaymentDue::OnCompletion, _) => booked
            .and(Event::Assigned { driver: driver.clone() })
            .then(Effect::ConfirmDriver { driver: driver.id.clone() }),
        (_, _, Some(method)) => paying::attempt(call, booked, Some(method)),
        (_, _, None) => booked,
    }
}

/// An operator approves: from now on it is to be paid, at once if it can be.
pub(super) fn approve(call: &Call, by: &Party, reason: Option<&str>, policy: &Policy, now: Timestamp) -> Decided {
    operator_only(by)?;
    match &call.phase {
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

fn operator_only(by: &Party) -> Result<(), Rejection> {
    match by {
        Party::Operator(_) => Ok(()),
        Party::Customer(_) | Party::Driver(_) | Party::System => Err(Rejection::Forbidden),
    }
}
