//! The beginning of a call: the request, and the driver that the customer chose.

use jiff::Timestamp;

use super::{
    Call, Choice, DenyReason, DriverCard, Effect, Event, MethodMark, Phase, Request, Requested, dispatch,
    paying::{self, check_minimum},
    refused::Decided,
    steps::{self, PERIOD_OVER, lapsed},
};
use crate::domain::{
    Decision, Period, Place, Rejection,
    payment::Method,
    policy::{ConfirmedBy, NoPolicy, PaymentDue, Policies, Policy},
};

/// The number of the method that comes with the request.
pub const FIRST_METHOD: u32 = 1;

pub(super) fn request(new: &Request, policy: &Policy, now: Timestamp) -> Decided {
    check_minimum(new.fare.amount, policy)?;
    let dropoff = new.dropoff.as_ref().map(Place::position);
    if let Some(problem) = policy.choice_problem(dropoff, new.driver_id.as_ref(), new.period.as_ref(), now) {
        return Err(Rejection::Invalid(problem));
    }
    let due = policy.file.payment.due;
    let later = new.method.as_ref().filter(|_| due != PaymentDue::WithRequest);
    let mark = |method: &Method| MethodMark { number: FIRST_METHOD, digest: method.digest(&new.id) };
    let mut decision = Decision::event(Event::Requested(Box::new(Requested {
        id: new.id.clone(),
        service: new.service.clone(),
        terms: Some(policy.terms.clone()),
        customer_id: new.customer_id.clone(),
        pickup: new.pickup.clone(),
        dropoff: new.dropoff.clone(),
        note: new.note.clone(),
        driver_id: new.driver_id.clone(),
        period: new.period,
        method_kept: later.is_some(),
        method: later.map(mark),
        fare: new.fare,
        request_fingerprint: new.request_fingerprint.clone(),
        unpaid_until: lapses_at(new.period.as_ref(), policy, now),
    })));
    if !policy.serves(new.pickup.position(), dropoff) {
        return Ok(decision.and(Event::Denied { reason: DenyReason::OutOfArea, text: None }));
    }
    if let Some(method) = later {
        decision = decision.then(Effect::KeepMethod { amount: new.fare, method: method.clone(), number: FIRST_METHOD });
    }
    let now_due = new.method.clone().filter(|_| due == PaymentDue::WithRequest);
    Ok(match (&new.driver_id, now_due) {
        (Some(driver), method) => decision.then(Effect::Book {
            driver: driver.clone(),
            service: new.service.clone(),
            terms: Some(policy.terms.clone()),
            period: new.period,
            method,
        }),
        (None, _) if due == PaymentDue::OnCompletion => {
            decision.and_all(dispatch::begin(&new.candidates, new.period.as_ref(), policy, now))
        }
        (None, Some(method)) => {
            let started = Event::PaymentStarted { attempt: 1, method: Some(mark(&method)) };
            decision.and(started).then(Effect::Charge {
                attempt: 1,
                amount: new.fare,
                method: Some(method),
                number: FIRST_METHOD,
            })
        }
        (None, None) => decision,
    })
}

/// When a call lapses that waits for somebody's word or money: what it is for may be over before their time is.
pub(super) fn lapses_at(period: Option<&Period>, policy: &Policy, now: Timestamp) -> Timestamp {
    let patience = now + policy.unpaid_time();
    period.map_or(patience, |period| patience.min(period.to))
}

/// The chosen driver is held for the call, or is not free.
pub(super) fn settle_booking(
    call: &Call,
    booked: Option<&DriverCard>,
    method: Option<&Method>,
    policies: &Policies,
    now: Timestamp,
) -> Result<Decision<Event, Effect>, NoPolicy> {
    let waits = matches!((&call.phase, &call.choice), (Phase::Requested { .. }, Some(Choice::Asked { .. })));
    Ok(match (waits, booked) {
        (true, Some(_)) if call.is_over(now) => lapsed(call, PERIOD_OVER),
        (true, Some(driver)) => held(call, driver, method, call.policy(policies)?, now),
        (true, None) => {
            let denied = Event::Denied { reason: DenyReason::DriverUnavailable, text: None };
            steps::settle_up(call, Decision::event(denied))
        }
        // The call ended in the meantime: what was held for it is free again.
        (false, Some(driver)) if call.phase.is_terminal() => {
            Decision::nothing().then(Effect::ReleaseDriver { driver: driver.id.clone() })
        }
        (false, _) => Decision::nothing(),
    })
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
