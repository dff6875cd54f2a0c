//! A call and its payment: when it is charged, and what follows from what the payment says.

use jiff::Timestamp;

use super::{Call, Choice, DenyReason, Effect, Event, Phase, decide::Decided, decide::illegal, dispatch, steps};
use crate::domain::{
    Decision, DriverId, Place, Rejection,
    payment::{Method, News, PaymentStatus},
    policy::{PaymentDue, Policy},
};

/// Refuses amounts below what may be charged.
pub(super) fn check_minimum(amount: u64, policy: &Policy) -> Result<(), Rejection> {
    let minimum = policy.file.payment.minimum;
    if amount < minimum { Err(Rejection::BelowMinimum { amount, minimum }) } else { Ok(()) }
}

/// The next attempt at charging.
pub(super) fn attempt(
    call: &Call,
    decision: Decision<Event, Effect>,
    method: Option<&Method>,
) -> Decision<Event, Effect> {
    let attempt = call.payment.attempt + 1;
    decision.and(Event::PaymentStarted { attempt }).then(Effect::Charge {
        attempt,
        amount: call.fare,
        method: method.cloned(),
    })
}

/// The customer says how it is paid: charged at once when it is due, kept for later when it is not due yet.
pub(super) fn pay(call: &Call, method: &Method, policy: &Policy) -> Decided {
    let due_now = match &call.phase {
        Phase::Requested { .. } if matches!(call.choice, Some(Choice::Asked { .. })) => {
            return Err(Rejection::PaymentPending);
        }
        Phase::Requested { .. } | Phase::AwaitingPayment { .. } => true,
        Phase::AwaitingApproval { .. } => false,
        Phase::Dispatching(_) | Phase::Assigned { .. } | Phase::Started { .. } if is_charged(call) => {
            return Ok(Decision::nothing());
        }
        Phase::Dispatching(_) | Phase::Assigned { .. } | Phase::Started { .. }
            if policy.file.payment.due != PaymentDue::OnCompletion =>
        {
            return Ok(Decision::nothing());
        }
        Phase::Dispatching(_) | Phase::Assigned { .. } => false,
        Phase::Started { .. } => call.completing.is_some(),
        Phase::Completed { .. } | Phase::Cancelled { .. } | Phase::Denied { .. } => return Err(illegal(call, "pay")),
    };
    // A repetition while the first attempt is in flight waits for that one's outcome.
    if call.payment.status.in_flight() {
        return Ok(Decision::nothing());
    }
    check_minimum(call.fare.amount, policy)?;
    Ok(if due_now {
        attempt(call, Decision::nothing(), Some(method))
    } else {
        Decision::event(Event::MethodGiven).then(Effect::KeepMethod { amount: call.fare, method: method.clone() })
    })
}

fn is_charged(call: &Call) -> bool {
    matches!(call.payment.status, PaymentStatus::Charged | PaymentStatus::Refunding | PaymentStatus::Refunded)
}

/// A payment that waits is tried again, with the method that it keeps.
pub(super) fn retry(call: &Call) -> Decision<Event, Effect> {
    if call.is_deferred() { attempt(call, Decision::nothing(), None) } else { Decision::nothing() }
}

/// The payment says where it stands.
pub(super) fn news(
    call: &Call,
    news: &News,
    candidates: &[DriverId],
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    if news.version <= call.payment.version {
        return Decision::nothing();
    }
    let changed = Decision::event(Event::PaymentChanged(news.clone()));
    if news.status != PaymentStatus::Charged {
        return changed;
    }
    match (&call.phase, &call.completing) {
        (Phase::Requested { .. } | Phase::AwaitingPayment { .. }, _) => paid(call, changed, candidates, policy, now),
        (Phase::Started { .. }, Some(by)) => changed.and_all(steps::completed(call, by.clone())),
        (
            Phase::AwaitingApproval { .. }
            | Phase::Dispatching(_)
            | Phase::Assigned { .. }
            | Phase::Started { .. }
            | Phase::Completed { .. }
            | Phase::Cancelled { .. }
            | Phase::Denied { .. },
            _,
        ) => changed,
    }
}

/// It is paid: the chosen driver has it, or the search begins.
fn paid(
    call: &Call,
    changed: Decision<Event, Effect>,
    candidates: &[DriverId],
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    // The area may have changed between the request and the payment: then the money goes back.
    if !policy.serves(call.pickup.position(), call.dropoff.as_ref().map(Place::position)) {
        let denied = changed.and(Event::Denied { reason: DenyReason::OutOfArea, text: None });
        return steps::settle_up(call, denied);
    }
    match &call.choice {
        Some(Choice::Held { driver }) => changed
            .and(Event::Assigned { driver: driver.clone() })
            .then(Effect::ConfirmDriver { driver: driver.id.clone() }),
        Some(Choice::Asked { .. }) => changed,
        None => changed.and_all(dispatch::begin(candidates, call.period.as_ref(), policy, now)),
    }
}
