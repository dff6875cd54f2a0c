//! The steps of a call: who may start and cancel it and when, how it ends, and what it owes then.

use jiff::{SignedDuration, Timestamp};

use super::{
    Call, Effect, Event, Phase,
    refused::{Decided, illegal},
};
use crate::domain::{
    Decision, DriverId, Party, Rejection, Role,
    policy::{FoundBy, Policy},
};

pub(super) fn start(call: &Call, by: &Party, policy: &Policy, now: Timestamp) -> Decided {
    must_have_it(call, by, "start")?;
    may_step(call, by, &policy.file.steps.start)?;
    match &call.phase {
        Phase::Assigned { .. } => {
            in_time(call, policy, now).map(|()| Decision::event(Event::Started { by: by.clone() }))
        }
        Phase::Started { .. } => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Dispatching(_)
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "start")),
    }
}

impl Call {
    /// The driver that must be handed over before this call starts, when this party may start it now: the one that was
    /// chosen, or that the system assigned.
    #[must_use]
    pub fn hand_over(&self, by: &Party, policy: &Policy, now: Timestamp) -> Option<&DriverId> {
        let Phase::Assigned { driver } = &self.phase else { return None };
        let may = may_step(self, by, &policy.file.steps.start).and_then(|()| in_time(self, policy, now));
        let is_held = policy.file.dispatch.by != FoundBy::Offer;
        (is_held && may.is_ok()).then_some(&driver.id)
    }
}

/// A booked call does not start long before its time, if the policy says how long.
fn in_time(call: &Call, policy: &Policy, now: Timestamp) -> Result<(), Rejection> {
    let (Some(early_s), Some(period)) = (policy.file.dispatch.early_s, &call.period) else { return Ok(()) };
    let at = period.from - SignedDuration::from_secs(early_s.into());
    let wait_s = u64::try_from(at.duration_since(now).as_millis()).unwrap_or_default().div_ceil(1_000);
    if at <= now { Ok(()) } else { Err(Rejection::TooEarly { at, wait_s }) }
}

/// The completion: the driver is free.
pub(super) fn completed(call: &Call, by: Party) -> Decision<Event, Effect> {
    let completed = Decision::event(Event::Completed { by });
    match call.phase.current_driver() {
        Some(driver) => completed.then(Effect::ReleaseDriver { driver: driver.id.clone() }),
        None => completed,
    }
}

pub(super) fn cancel(call: &Call, by: &Party, reason: Option<&str>) -> Decided {
    may_step(call, by, &[Role::Customer, Role::Driver, Role::Operator])?;
    match &call.phase {
        Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Dispatching(_)
        | Phase::Assigned { .. } => Ok(cancelled(call, by.clone(), reason.map(str::to_owned))),
        Phase::Cancelled { by: before, .. } if before == by => Ok(Decision::nothing()),
        Phase::Started { .. } | Phase::Completed { .. } | Phase::Cancelled { .. } | Phase::Denied { .. } => {
            Err(illegal(call, "cancel"))
        }
    }
}

/// The cancel and what it owes: the money back, the driver free.
pub(super) fn cancelled(call: &Call, by: Party, reason: Option<String>) -> Decision<Event, Effect> {
    settle_up(call, Decision::event(Event::Cancelled { by, reason }))
}

/// The reason of a cancel by the system when the booked period of an unpaid call ends.
pub(super) const PERIOD_OVER: &str = "period_over";

/// A cancel by the system.
pub(super) fn lapsed(call: &Call, reason: &str) -> Decision<Event, Effect> {
    cancelled(call, Party::System, Some(reason.to_owned()))
}

/// Adds the debts of a call that ends without being served: the refund, and the release of its driver.
pub(super) fn settle_up(call: &Call, mut decision: Decision<Event, Effect>) -> Decision<Event, Effect> {
    if call.payment.attempt > 0 || call.method_kept {
        decision = decision.then(Effect::CancelPayment { amount: call.fare });
    }
    let held = call.choice.as_ref().map(super::Choice::driver);
    match call.phase.current_driver().map(|driver| &driver.id).or(held) {
        Some(driver) => decision.then(Effect::ReleaseDriver { driver: driver.clone() }),
        None => decision,
    }
}

/// Refuses everybody but operators.
pub(super) fn operator_only(by: &Party) -> Result<(), Rejection> {
    match by {
        Party::Operator(_) => Ok(()),
        Party::Customer(_) | Party::Driver(_) | Party::System => Err(Rejection::Forbidden),
    }
}

/// Whether the policy lets this party take this step. Other people's calls do not exist for customers and drivers.
pub(super) fn may_step(call: &Call, by: &Party, roles: &[Role]) -> Result<(), Rejection> {
    let (role, own) = match by {
        Party::Customer(customer) => (Role::Customer, *customer == call.customer_id),
        Party::Driver(driver) => (Role::Driver, call.phase.driver().is_some_and(|card| card.id == *driver)),
        Party::Operator(_) => (Role::Operator, true),
        Party::System => return Ok(()),
    };
    match (own, roles.contains(&role)) {
        // It knows of the call, but the call is not its own.
        (false, _) if is_offered(call, by) => Err(Rejection::Forbidden),
        (false, _) => Err(Rejection::NotFound),
        (true, false) => Err(Rejection::Forbidden),
        (true, true) => Ok(()),
    }
}

/// A driver who is only offered the call knows of it: it is not its time yet.
pub(super) fn must_have_it(call: &Call, by: &Party, command: &'static str) -> Result<(), Rejection> {
    if is_offered(call, by) { Err(illegal(call, command)) } else { Ok(()) }
}

fn is_offered(call: &Call, to: &Party) -> bool {
    match (&call.phase, to) {
        (Phase::Dispatching(search), Party::Driver(driver)) => search.is_offered_to(driver),
        _ => false,
    }
}
