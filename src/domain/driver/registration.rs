//! Decides who may register, change and retire a driver, and how each of them changes it.

use super::{
    Command, Driver, Duty, Event, Profile,
    machine::{Decided, illegal},
};
use crate::domain::{
    Asker, Decision, DriverId, LatLng, Party, Rejection, ServiceId,
    policy::{Policies, Policy},
};

/// A new registration, or another one.
pub(super) fn register(state: Option<&Driver>, command: &Command, policies: &Policies) -> Decided {
    let Command::Register { by, id, registration, position } = command else { return Ok(Decision::nothing()) };
    let profile = registration.over(state.map(|driver| &driver.profile));
    if policies.get(&profile.service).is_none() {
        return Err(Rejection::Invalid(format!("/service: there is no service {}", profile.service)));
    }
    may_register(by, id, &profile.service, policies)?;
    if let Some(driver) = state {
        may_register(by, id, &driver.profile.service, policies)?;
        // An operator retired it, so that only an operator brings it back.
        if driver.duty == Duty::Retired && !is_operator(by) {
            return Err(illegal(driver, "register itself; an operator can register it again"));
        }
    }
    changed(state, id, &profile, *position, policies)
}

/// A driver registers itself where calls are offered. Companies, cars and seats, which are given calls without being
/// asked, are registered by operators.
fn may_register(by: &Asker, id: &DriverId, service: &ServiceId, policies: &Policies) -> Result<(), Rejection> {
    if !by.scope.includes(service) {
        return Err(Rejection::Forbidden);
    }
    match &by.party {
        Party::Operator(_) | Party::System => Ok(()),
        Party::Customer(_) => Err(Rejection::Forbidden),
        Party::Driver(own) if own != id => Err(Rejection::NotFound),
        Party::Driver(_) if policies.get(service).is_none_or(Policy::is_offered) => Ok(()),
        Party::Driver(_) => Err(Rejection::ForOperators { service: service.clone() }),
    }
}

fn changed(
    state: Option<&Driver>,
    id: &DriverId,
    profile: &Profile,
    position: Option<LatLng>,
    policies: &Policies,
) -> Decided {
    // Drivers that are asked say when they want calls; companies, cars and seats are available once they are registered.
    let says_when = |service| policies.get(service).is_none_or(Policy::is_offered);
    let in_service = |registered| match says_when(&profile.service) {
        true => Decision::event(registered),
        false => Decision::event(registered).and(Event::AvailabilityChanged { available: true }),
    };
    let new = || in_service(Event::DriverRegistered { id: id.clone(), profile: profile.clone(), position });
    let Some(driver) = state else { return Ok(new()) };
    let moves = driver.profile.service != profile.service;
    match &driver.duty {
        Duty::Retired => Ok(new()),
        Duty::Reserved { .. } | Duty::Engaged { .. } if moves => {
            Err(Rejection::DriverUnavailable { status: driver.status() })
        }
        // The customers who booked it count on it.
        Duty::Free if moves && !driver.bookings.is_empty() => Err(Rejection::DriverUnavailable { status: "reserved" }),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } => {
            let there = |position| driver.fix.is_some_and(|fix| fix.position == position);
            let same = driver.profile == *profile && position.is_none_or(there);
            let changed = Event::DriverChanged { profile: profile.clone(), position };
            let was_put_on_duty = driver.on_duty && !says_when(&driver.profile.service);
            Ok(match moves {
                _ if same => Decision::nothing(),
                true if was_put_on_duty && says_when(&profile.service) => {
                    Decision::event(changed).and(Event::AvailabilityChanged { available: false })
                }
                true if !driver.on_duty => in_service(changed),
                true | false => Decision::event(changed),
            })
        }
    }
}

/// A driver wants calls, or no more. Cars and seats do not decide that about themselves.
pub(super) fn set_availability(driver: &Driver, by: &Asker, available: bool, policies: &Policies) -> Decided {
    must_exist_for(driver, by)?;
    let service = &driver.profile.service;
    if !is_operator(by) && policies.get(service).is_some_and(Policy::is_chosen) {
        return Err(Rejection::ForOperators { service: service.clone() });
    }
    match driver.duty {
        Duty::Retired => Err(illegal(driver, "change its availability")),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } => Ok(if driver.on_duty == available {
            Decision::nothing()
        } else {
            Decision::event(Event::AvailabilityChanged { available })
        }),
    }
}

/// A driver is one no more.
pub(super) fn retire(driver: &Driver, by: &Asker) -> Decided {
    must_exist_for(driver, by)?;
    if !is_operator(by) {
        return Err(Rejection::ForOperators { service: driver.profile.service.clone() });
    }
    match driver.duty {
        Duty::Free if !driver.bookings.is_empty() => {
            Err(Rejection::IllegalTransition { state: "booked", command: "retire" })
        }
        Duty::Free => Ok(Decision::event(Event::DriverRetired)),
        Duty::Retired => Ok(Decision::nothing()),
        Duty::Reserved { .. } | Duty::Engaged { .. } => Err(illegal(driver, "retire")),
    }
}

/// Other drivers do not exist for a driver, and those of other services not for a token that is limited to some.
fn must_exist_for(driver: &Driver, by: &Asker) -> Result<(), Rejection> {
    let is_known = match &by.party {
        Party::Driver(own) => *own == driver.id,
        Party::Customer(_) => false,
        Party::Operator(_) | Party::System => true,
    };
    if is_known && by.scope.includes(&driver.profile.service) { Ok(()) } else { Err(Rejection::NotFound) }
}

fn is_operator(by: &Asker) -> bool {
    matches!(by.party, Party::Operator(_) | Party::System)
}
