//! A call's search for a driver: offers, declines, accepts and deadlines.

use jiff::{SignedDuration, Timestamp};

use super::{
    Call, Dispatching, DriverCard, Effect, Event, Phase,
    refused::{Decided, illegal},
    steps,
};
use crate::domain::{
    Decision, DriverId, Party, Period, Rejection, Role, ServiceId,
    policy::{FoundBy, Policy},
};

/// Why a call without a driver is cancelled by the system.
pub(super) const NO_DRIVER: &str = "no_driver";

/// The search begins, with offers if drivers are known already.
pub(super) fn begin(
    candidates: &[DriverId],
    period: Option<&Period>,
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    let deadline = deadline(period, policy, now);
    let begun = Decision::event(Event::DispatchStarted { deadline });
    let first = Dispatching { deadline, round: 0, offers: Vec::new(), declined: Vec::new(), passed: Vec::new() };
    match offer_event(&first, 0, candidates, policy, now) {
        Some(offered) => begun.and_all(offered_to(offered, period, policy)),
        None => begun,
    }
}

/// When the search ends.
fn deadline(period: Option<&Period>, policy: &Policy, now: Timestamp) -> Timestamp {
    within(period, now + policy.dispatch_time())
}

/// A search for a period goes on until that begins, if it is not longer anyway, and never beyond its end.
fn within(period: Option<&Period>, patience: Timestamp) -> Timestamp {
    period.map_or(patience, |period| patience.max(period.from).min(period.to))
}

/// An offer, and, where nobody is asked to accept, that the driver takes it.
fn offered_to(offered: Event, period: Option<&Period>, policy: &Policy) -> Decision<Event, Effect> {
    let assigned = match &offered {
        Event::Offered { drivers, .. } if policy.file.dispatch.by == FoundBy::Assign => drivers.clone(),
        _ => Vec::new(),
    };
    assigned
        .into_iter()
        .map(|driver| Effect::AssignDriver { driver, terms: Some(policy.terms.clone()), period: period.copied() })
        .fold(Decision::event(offered), Decision::then)
}

/// Drivers who are asked, or to whom the system assigned the call, cannot take it.
pub(super) fn withdraw(call: &Call, drivers: &[DriverId]) -> Decision<Event, Effect> {
    let Phase::Dispatching(search) = &call.phase else { return Decision::nothing() };
    let drivers: Vec<DriverId> = drivers.iter().filter(|driver| search.is_offered_to(driver)).cloned().collect();
    if drivers.is_empty() { Decision::nothing() } else { Decision::event(Event::OffersExpired { drivers }) }
}

/// The event that offers the call to those `drivers` who may have it, if any may.
pub(super) fn offer_event(
    search: &Dispatching,
    round: u32,
    drivers: &[DriverId],
    policy: &Policy,
    now: Timestamp,
) -> Option<Event> {
    let open = search.open_offers().count();
    let room = usize::from(policy.file.dispatch.offers_per_round).saturating_sub(open);
    let wanted = |driver: &&DriverId| !search.is_offered_to(driver) && !search.declined.contains(driver);
    let drivers: Vec<DriverId> = drivers.iter().filter(wanted).take(room).cloned().collect();
    let expires_at = (now + policy.offer_time()).min(search.deadline);
    (!drivers.is_empty() && expires_at > now).then_some(Event::Offered { round, drivers, expires_at })
}

/// The dispatcher found drivers for a round.
pub(super) fn offer(
    call: &Call,
    round: u32,
    reached: u32,
    drivers: &[DriverId],
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    match &call.phase {
        Phase::Dispatching(search) if search.round == round => {
            match offer_event(search, round.max(reached), drivers, policy, now) {
                Some(event) => offered_to(event, call.period.as_ref(), policy),
                None => Decision::nothing(),
            }
        }
        // Too late, or an answer to an older question: the call has moved on.
        Phase::Dispatching(_)
        | Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Decision::nothing(),
    }
}

/// A driver takes the call. The first one who was offered it wins.
pub(super) fn accept(call: &Call, driver: &DriverCard, service: &ServiceId, now: Timestamp) -> Decided {
    if *service != call.service {
        return Err(Rejection::NotFound);
    }
    match &call.phase {
        Phase::Dispatching(_) if call.is_over(now) => Err(Rejection::CallTaken),
        Phase::Dispatching(search) if search.is_offered_to(&driver.id) => {
            Ok(Decision::event(Event::Assigned { driver: driver.clone() }))
        }
        Phase::Dispatching(_) => Err(Rejection::NotOffered),
        Phase::Assigned { driver: winner } | Phase::Started { driver: winner } if winner.id == driver.id => {
            Ok(Decision::nothing())
        }
        Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(Rejection::CallTaken),
        // Drivers are not told of calls that are not paid.
        Phase::Requested { .. } | Phase::AwaitingApproval { .. } | Phase::AwaitingPayment { .. } => {
            Err(Rejection::NotFound)
        }
    }
}

/// A driver gave its claim up. A call that took it meanwhile is without a driver again, and searches anew; who passed
/// it on is asked last. This holds after the start, too: the driver is the authority on what it is doing.
pub(super) fn give_back(call: &Call, driver: &DriverId, policy: &Policy, now: Timestamp) -> Decision<Event, Effect> {
    match &call.phase {
        Phase::Assigned { driver: own } | Phase::Started { driver: own }
            if own.id == *driver && call.choice.is_none() =>
        {
            let deadline = deadline(call.period.as_ref(), policy, now);
            Decision::event(Event::GivenBack { driver: driver.clone(), deadline })
        }
        // Who is not asked does not accept once more: another one is assigned.
        Phase::Dispatching(_) if policy.file.dispatch.by == FoundBy::Assign => {
            withdraw(call, std::slice::from_ref(driver))
        }
        Phase::Dispatching(_)
        | Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Decision::nothing(),
    }
}

/// Whether a cancel by this driver gives the call back, or would again: it was found for the customer, and
/// is not under way.
pub(super) fn is_released_by(call: &Call, driver: &DriverId) -> bool {
    match &call.phase {
        Phase::Assigned { driver: own } => own.id == *driver && call.choice.is_none(),
        Phase::Dispatching(_) => call.released.contains(driver),
        Phase::Cancelled { by: Party::System, driver: Some(own), .. } => own.id == *driver && call.choice.is_none(),
        _ => false,
    }
}

/// The driver who has the call gives it back before the start. It is free, and another one is looked for, as often as
/// the policy says; after that the call ends.
pub(super) fn release(call: &Call, by: &Party, reason: Option<&str>, policy: &Policy, now: Timestamp) -> Decided {
    let Party::Driver(driver) = by else { return Err(Rejection::Forbidden) };
    match &call.phase {
        Phase::Dispatching(_) if call.released.contains(driver) => return Ok(Decision::nothing()),
        // It was this driver's release that ended it.
        Phase::Cancelled { by: Party::System, driver: Some(own), .. } if own.id == *driver => {
            return Ok(Decision::nothing());
        }
        _ => steps::must_have_it(call, by, "release")?,
    }
    steps::may_step(call, by, &[Role::Driver])?;
    if !is_released_by(call, driver) {
        return Err(illegal(call, "release"));
    }
    let rule = policy.file.redispatch;
    let search_ends = within(call.period.as_ref(), now + SignedDuration::from_secs(rule.search_s.into()));
    if call.released.len() >= usize::from(rule.tries) || search_ends <= now {
        return Ok(steps::lapsed(call, NO_DRIVER));
    }
    let (driver, reason) = (driver.clone(), reason.map(str::to_owned));
    let released = Event::Released { driver: driver.clone(), reason, deadline: search_ends };
    Ok(Decision::event(released).then(Effect::ReleaseDriver { driver }))
}

/// A driver does not want the call.
pub(super) fn decline(call: &Call, driver: &DriverId) -> Decided {
    match &call.phase {
        Phase::Dispatching(search) if search.is_offered_to(driver) => {
            Ok(Decision::event(Event::OfferDeclined { driver: driver.clone() }))
        }
        Phase::Dispatching(search) if search.declined.contains(driver) => Ok(Decision::nothing()),
        Phase::Dispatching(_) => Err(Rejection::NotOffered),
        Phase::Requested { .. } | Phase::AwaitingApproval { .. } | Phase::AwaitingPayment { .. } => {
            Err(Rejection::NotFound)
        }
        Phase::Assigned { driver: own } | Phase::Started { driver: own } | Phase::Completed { driver: own }
            if own.id == *driver =>
        {
            Err(illegal(call, "decline"))
        }
        Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(Rejection::CallTaken),
    }
}

/// The deadlines of a search: offers end at theirs, and then the search at its own.
pub(super) fn wake(call: &Call, search: &Dispatching, now: Timestamp) -> Decision<Event, Effect> {
    if now >= search.deadline {
        return steps::lapsed(call, NO_DRIVER);
    }
    let expired: Vec<DriverId> =
        search.open_offers().filter(|(_, expires_at)| now >= *expires_at).map(|(driver, _)| driver.clone()).collect();
    if expired.is_empty() { Decision::nothing() } else { Decision::event(Event::OffersExpired { drivers: expired }) }
}

/// When the search wants to be woken.
pub(super) fn due_at(search: &Dispatching) -> Timestamp {
    search.offers.iter().map(|batch| batch.expires_at).min().unwrap_or(search.deadline).min(search.deadline)
}
