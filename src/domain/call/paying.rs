//! A call and its payment: when it is charged, and what follows from what the payment says.

use jiff::Timestamp;

use super::{
    Call, Choice, DenyReason, Effect, Event, Phase, dispatch,
    refused::{Decided, illegal, too_late},
    settling,
    steps::{self, PERIOD_OVER, completed, lapsed, may_step, must_have_it},
};
use crate::domain::{
    Decision, DriverId, Party, Place, Rejection,
    payment::{Method, News, PaymentStatus},
    policy::{NoPolicy, PaymentDue, Policies, Policy},
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
    let given = method.map(|method| call.next_mark(method));
    let number = given.as_ref().map_or(call.method_number(), |given| given.number);
    decision.and(Event::PaymentStarted { attempt, method: given }).then(Effect::Charge {
        attempt,
        amount: call.fare,
        method: method.cloned(),
        number,
    })
}

/// The customer says how it is paid: charged at once when it is due, kept for later when it is not due yet.
pub(super) fn pay(call: &Call, method: &Method, policy: &Policy, now: Timestamp) -> Decided {
    let due_now = match &call.phase {
        Phase::Requested { .. } if matches!(call.choice, Some(Choice::Asked { .. })) => {
            return Err(Rejection::PaymentPending);
        }
        Phase::Requested { .. } | Phase::AwaitingPayment { .. } if call.is_over(now) => return Err(too_late("pay")),
        Phase::Requested { .. } | Phase::AwaitingPayment { .. } => true,
        Phase::AwaitingApproval { .. } => false,
        Phase::Dispatching(_) | Phase::Assigned { .. } | Phase::Started { .. } if call.payment.status.was_charged() => {
            return Ok(Decision::nothing());
        }
        Phase::Dispatching(_) | Phase::Assigned { .. } | Phase::Started { .. }
            if policy.file.payment.due != PaymentDue::OnCompletion =>
        {
            return Ok(Decision::nothing());
        }
        Phase::Dispatching(_) | Phase::Assigned { .. } => false,
        Phase::Started { .. } => call.completing.is_some(),
        Phase::Completed { .. } | Phase::Cancelled { .. } | Phase::Denied { .. } => return pay_debt(call, method),
    };
    Ok(give(call, method, due_now))
}

/// The customer pays the debt of a call that is over. No terms are asked: its fare was agreed with its request.
pub(super) fn pay_debt(call: &Call, method: &Method) -> Decided {
    match &call.phase {
        Phase::Completed { .. } if call.ended_in_debt() && !call.is_owed() => Ok(Decision::nothing()),
        // The payment is yet to hear of the debt, which must not come after a charge of it.
        Phase::Completed { .. } if call.settled.is_some_and(|settled| !settled.confirmed) && call.is_owed() => {
            Err(Rejection::PaymentPending)
        }
        Phase::Completed { .. } if call.is_owed() => Ok(give(call, method, true)),
        _ => Err(illegal(call, "pay")),
    }
}

/// A method is given: tried now if the fare is due, or else kept.
fn give(call: &Call, method: &Method, due_now: bool) -> Decision<Event, Effect> {
    let in_flight = call.payment.status.in_flight();
    // A repetition while the method is being charged waits for the outcome.
    if in_flight && call.keeps(method) {
        return Decision::nothing();
    }
    // Another method waits until the one under way has failed.
    match due_now && !in_flight {
        true => attempt(call, Decision::nothing(), Some(method)),
        false if call.keeps(method) => Decision::nothing(),
        false => {
            let given = call.next_mark(method);
            let keep = Effect::KeepMethod { amount: call.fare, method: method.clone(), number: given.number };
            Decision::event(Event::MethodGiven { method: Some(given) }).then(keep)
        }
    }
}

/// Completes a call that is paid. One that is paid on completion is charged first: until that has succeeded
/// it is not done.
pub(super) fn complete(call: &Call, by: &Party, policy: &Policy) -> Decided {
    must_have_it(call, by, "complete")?;
    // Whatever the policy says, an operator may end a ride whose driver has gone.
    if !matches!(by, Party::Operator(_)) {
        may_step(call, by, &policy.file.steps.complete)?;
    }
    match &call.phase {
        Phase::Started { .. } if is_paid(call, policy) => Ok(completed(call, by.clone())),
        Phase::Started { .. } if call.payment.status.in_flight() => Ok(Decision::nothing()),
        Phase::Started { .. } => {
            let asked_before = call.completing.as_ref() == Some(by);
            let asked = Event::CompletionAsked { by: by.clone() };
            let asked = if asked_before { Decision::nothing() } else { Decision::event(asked) };
            Ok(attempt(call, asked, None))
        }
        Phase::Completed { .. } => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Dispatching(_)
        | Phase::Assigned { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "complete")),
    }
}

fn is_paid(call: &Call, policy: &Policy) -> bool {
    policy.file.payment.due != PaymentDue::OnCompletion || call.payment.status == PaymentStatus::Charged
}

/// Tries a deferred payment again, with the method that it keeps, unless the booked period is over.
pub(super) fn retry(call: &Call, now: Timestamp) -> Decision<Event, Effect> {
    match call.is_deferred() {
        true if call.is_over(now) => lapsed(call, PERIOD_OVER),
        true => attempt(call, Decision::nothing(), None),
        false => Decision::nothing(),
    }
}

/// The payment says where it stands.
pub(super) fn news(
    call: &Call,
    news: &News,
    candidates: &[DriverId],
    policies: &Policies,
    now: Timestamp,
) -> Result<Decision<Event, Effect>, NoPolicy> {
    if news.version <= call.payment.version {
        return Ok(Decision::nothing());
    }
    let changed = Decision::event(Event::PaymentChanged(news.clone()));
    if news.status != PaymentStatus::Charged {
        let is_settled = matches!(
            news.status,
            PaymentStatus::Declined | PaymentStatus::Rejected | PaymentStatus::Created | PaymentStatus::Debt
        );
        let is_due = match &call.phase {
            Phase::Requested { .. } | Phase::AwaitingPayment { .. } => !call.is_over(now),
            Phase::Started { .. } => call.completing.is_some(),
            Phase::Completed { .. } => call.is_owed(),
            _ => false,
        };
        return Ok(if is_settled && is_due && call.has_untried_method() {
            attempt(call, changed, None)
        } else {
            changed
        });
    }
    Ok(match (&call.phase, &call.completing) {
        // It was charged too late: the money goes back.
        (Phase::Requested { .. } | Phase::AwaitingPayment { .. }, _) if call.is_over(now) => {
            changed.and_all(lapsed(call, PERIOD_OVER))
        }
        (Phase::Requested { .. } | Phase::AwaitingPayment { .. }, _) => {
            // The area may have changed between the request and the payment: then the money goes back.
            match is_served(call, policies) {
                true => paid(call, changed, candidates, call.policy(policies)?, now),
                false => {
                    let denied = Event::Denied { reason: DenyReason::OutOfArea, text: None };
                    steps::settle_up(call, changed.and(denied))
                }
            }
        }
        (Phase::Started { .. }, Some(by)) => changed.and_all(completed(call, by.clone())),
        (Phase::Completed { .. }, _) => match settling::debt_paid(call) {
            Some(effect) => changed.then(effect),
            None => changed,
        },
        (
            Phase::AwaitingApproval { .. }
            | Phase::Dispatching(_)
            | Phase::Assigned { .. }
            | Phase::Started { .. }
            | Phase::Cancelled { .. }
            | Phase::Denied { .. },
            _,
        ) => changed,
    })
}

/// Whether the service is offered for the call's trip now. Of one that was removed, what held at the request holds.
fn is_served(call: &Call, policies: &Policies) -> bool {
    let dropoff = call.dropoff.as_ref().map(Place::position);
    policies.get(&call.service).is_none_or(|now| now.serves(call.pickup.position(), dropoff))
}

/// It is paid: the chosen driver has it, or the search begins.
fn paid(
    call: &Call,
    changed: Decision<Event, Effect>,
    candidates: &[DriverId],
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    match &call.choice {
        Some(Choice::Held { driver }) => changed
            .and(Event::Assigned { driver: driver.clone() })
            .then(Effect::ConfirmDriver { driver: driver.id.clone() }),
        Some(Choice::Asked { .. }) => changed,
        None => changed.and_all(dispatch::begin(candidates, call.period.as_ref(), policy, now)),
    }
}
