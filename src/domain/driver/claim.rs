//! A driver's claim of a call: held for a while, engaged or let go by the call's answer, and given up when none comes.
//!
//! A claim that was given up stays known until the call knows it, too: until then the call may have taken the driver,
//! or may still take it, and the driver claims it no second time.

use jiff::Timestamp;

use super::{
    CLAIM_PATIENCE, Driver, Duty, Effect, Event, GIVEN_UP_MAX, GivenUp, ReleaseReason,
    machine::{Decided, release},
};
use crate::domain::{CallId, Decision, Rejection};

/// Holds the driver for a call, and asks the call.
pub(super) fn claim(driver: &Driver, call: &CallId, now: Timestamp) -> Decided {
    match &driver.duty {
        Duty::Free if driver.given_up.len() >= GIVEN_UP_MAX || driver.has_given_up(call) => {
            Err(Rejection::DriverUnavailable { status: "not settled with a call that did not answer" })
        }
        Duty::Free if driver.on_duty => {
            let until = Some(now + CLAIM_PATIENCE);
            Ok(Decision::event(Event::DriverReserved { call: call.clone(), until }).then(Effect::ClaimCall {
                call: call.clone(),
                name: driver.profile.name.clone(),
                service: driver.profile.service.clone(),
                until,
            }))
        }
        Duty::Reserved { call: held, .. } | Duty::Engaged { call: held } if held == call => Ok(Decision::nothing()),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => {
            Err(Rejection::DriverUnavailable { status: driver.status() })
        }
    }
}

pub(super) fn settle(driver: &Driver, call: &CallId, refused: Option<ReleaseReason>) -> Decision<Event, Effect> {
    if let Some(given_up) = driver.given_up.iter().find(|given_up| given_up.call == *call) {
        return settle_given_up(given_up, refused);
    }
    match (&driver.duty, refused) {
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
    match driver.duty {
        Duty::Reserved { until, .. } => until,
        Duty::Free | Duty::Engaged { .. } | Duty::Retired => None,
    }
}

/// Lets the call go that has not answered in time. The claim that is still owed settles it with the call.
pub(super) fn give_up(driver: &Driver, now: Timestamp) -> Decision<Event, Effect> {
    match &driver.duty {
        Duty::Reserved { call, until: Some(until) } if *until <= now => {
            Decision::event(Event::ClaimGivenUp { call: call.clone() })
        }
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => Decision::nothing(),
    }
}

/// Applies an event to the claims that were given up.
pub(super) fn evolve(driver: &mut Driver, event: &Event) {
    match event {
        Event::ClaimGivenUp { call } => {
            driver.duty = Duty::Free;
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
