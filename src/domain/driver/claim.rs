//! A driver's claim of a call: held for a while, engaged or let go by the call's answer, and given up when none comes.
//!
//! A claim that was given up stays known until the call knows it, too: until then the call may have taken the driver,
//! or may still take it, and the driver claims it no second time.

use jiff::Timestamp;

use super::{
    CLAIM_PATIENCE, Driver, Duty, Effect, Event, GIVEN_UP_MAX, GivenUp, ReleaseReason,
    booking::has_room,
    machine::{Decided, release},
};
use crate::domain::{CallId, Decision, Period, Rejection, policy::Policy};

/// Why a driver claims nothing more for a while.
const UNSETTLED: &str = "not settled with a call that did not answer";

/// Holds the driver for a call, and asks the call.
pub(super) fn claim(driver: &Driver, call: &CallId, now: Timestamp) -> Decided {
    match &driver.duty {
        Duty::Free if driver.given_up.len() >= GIVEN_UP_MAX || driver.has_given_up(call) => {
            Err(Rejection::DriverUnavailable { status: UNSETTLED })
        }
        Duty::Free if driver.on_duty => {
            let until = Some(now + CLAIM_PATIENCE);
            Ok(Decision::event(Event::DriverReserved { call: call.clone(), until }).then(ask(driver, call, until)))
        }
        Duty::Reserved { call: held, .. } | Duty::Engaged { call: held } if held == call => Ok(Decision::nothing()),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => {
            Err(Rejection::DriverUnavailable { status: driver.status() })
        }
    }
}

/// Books a company for a call that the system assigns to it, and asks the call.
pub(super) fn book(
    driver: &Driver,
    call: &CallId,
    period: Option<&Period>,
    policy: &Policy,
    now: Timestamp,
) -> Decided {
    let unavailable = |status| Err(Rejection::DriverUnavailable { status });
    let (capacity, max) = (policy.file.dispatch.capacity, policy.file.booking.per_driver_max);
    let unanswered = driver.bookings.iter().filter(|booking| booking.until.is_some()).count();
    match &driver.duty {
        _ if driver.is_booked_for(call) || driver.call() == Some(call) => Ok(Decision::nothing()),
        Duty::Free if !driver.on_duty => unavailable(driver.status()),
        Duty::Free if driver.given_up.len() + unanswered >= GIVEN_UP_MAX || driver.has_given_up(call) => {
            unavailable(UNSETTLED)
        }
        Duty::Free if driver.bookings.len() >= max as usize => unavailable("booked as often as it may be"),
        Duty::Free if !has_room(&driver.bookings, capacity, period, now) => unavailable("booked for that time"),
        Duty::Free => {
            let (from, to) = period.map_or((now, None), |period| (period.from, Some(period.to)));
            let until = Some(now + CLAIM_PATIENCE);
            let booked = Event::DriverBooked { call: call.clone(), from, to, until };
            Ok(Decision::event(booked).then(ask(driver, call, until)))
        }
        Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => unavailable(driver.status()),
    }
}

/// The claim of a call, which the driver owes once it is held.
fn ask(driver: &Driver, call: &CallId, until: Option<Timestamp>) -> Effect {
    let (name, service) = (driver.profile.name.clone(), driver.profile.service.clone());
    Effect::ClaimCall { call: call.clone(), name, service, until }
}

pub(super) fn settle(driver: &Driver, call: &CallId, refused: Option<ReleaseReason>) -> Decision<Event, Effect> {
    if let Some(given_up) = driver.given_up.iter().find(|given_up| given_up.call == *call) {
        return settle_given_up(given_up, refused);
    }
    match (&driver.duty, refused) {
        (_, None) if driver.bookings.iter().any(|booking| booking.call == *call && !booking.engaged) => {
            Decision::event(Event::DriverEngaged { call: call.clone() })
        }
        (_, Some(reason)) if driver.is_booked_for(call) => release(driver, call, reason),
        (Duty::Reserved { call: held, .. }, None) if held == call => {
            Decision::event(Event::DriverEngaged { call: call.clone() })
        }
        // Engaged, too: an answer to an earlier claim of the same call may have come first. The call knows better.
        (Duty::Reserved { call: held, .. } | Duty::Engaged { call: held }, Some(reason)) if held == call => {
            release(driver, call, reason)
        }
        // Settled before, or the call ended in the meantime and let the driver go.
        _ => Decision::nothing(),
    }
}

/// The answer came too late: a call that took the driver gives it back.
fn settle_given_up(given_up: &GivenUp, refused: Option<ReleaseReason>) -> Decision<Event, Effect> {
    let call = given_up.call.clone();
    match refused {
        Some(_) => Decision::event(Event::GivenUpClaimSettled { call }),
        None if given_up.taken => Decision::nothing(),
        None => Decision::event(Event::ClaimAnsweredLate { call: call.clone() }).then(Effect::GiveBack { call }),
    }
}

/// Until when the driver is held for a call that has not answered.
pub(super) fn held_until(driver: &Driver) -> Option<Timestamp> {
    let reserved = match driver.duty {
        Duty::Reserved { until, .. } => until,
        Duty::Free | Duty::Engaged { .. } | Duty::Retired => None,
    };
    driver.bookings.iter().filter_map(|booking| booking.until).chain(reserved).min()
}

/// Lets the calls go that have not answered in time. The claims that are still owed settle it with the calls.
pub(super) fn give_up(driver: &Driver, now: Timestamp) -> Decision<Event, Effect> {
    let reserved = match &driver.duty {
        Duty::Reserved { call, until } => Some((call, *until)),
        Duty::Free | Duty::Engaged { .. } | Duty::Retired => None,
    };
    let booked = driver.bookings.iter().map(|booking| (&booking.call, booking.until));
    let given_up = booked.chain(reserved).filter(|(_, until)| until.is_some_and(|until| until <= now));
    given_up.fold(Decision::nothing(), |decision, (call, _)| decision.and(Event::ClaimGivenUp { call: call.clone() }))
}

/// Applies an event to the claims that were given up.
pub(super) fn evolve(driver: &mut Driver, event: &Event) {
    match event {
        Event::ClaimGivenUp { call } => {
            match driver.is_booked_for(call) {
                true => driver.bookings.retain(|booking| booking.call != *call),
                false => driver.duty = Duty::Free,
            }
            driver.last_release = Some((call.clone(), ReleaseReason::NoAnswer));
            driver.given_up.push(GivenUp { call: call.clone(), taken: false });
        }
        Event::ClaimAnsweredLate { call } => {
            driver
                .given_up
                .iter_mut()
                .filter(|given_up| given_up.call == *call)
                .for_each(|given_up| given_up.taken = true);
        }
        Event::GivenUpClaimSettled { call } => driver.given_up.retain(|given_up| given_up.call != *call),
        _ => {}
    }
}
