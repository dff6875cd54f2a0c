//! Decides on the commands of a driver, and applies its events.

use jiff::Timestamp;

use super::{Booking, Command, Driver, Duty, Effect, Event, Fix, Profile, ReleaseReason, booking, claim, registration};
use crate::domain::{
    CallId, Decision, DriverId, LatLng, Machine, Rejection, Undecided, Volatile,
    policy::{FoundBy, NoPolicy, Policies, Policy, TermsId},
};

/// The driver as a state machine.
pub enum DriverMachine {}

pub(super) type Decided = Result<Decision<Event, Effect>, Rejection>;

impl Machine for DriverMachine {
    type State = Driver;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(
        state: Option<&Driver>,
        command: &Command,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Decision<Event, Effect>, Undecided> {
        if let Command::Register { .. } = command {
            return Ok(registration::register(state, command, policies)?);
        }
        let driver = state.ok_or(Rejection::NotFound)?;
        Ok(match command {
            Command::SetAvailability { by, available } => {
                registration::set_availability(driver, by, *available, policies)
            }
            Command::Claim { call, period, terms } => match assigning(driver, terms.as_ref(), policies)? {
                Some(policy) => claim::book(driver, call, period.as_ref(), policy, now),
                None => claim::claim(driver, call, now),
            },
            Command::SettleClaim { call, refused } => Ok(claim::settle(driver, call, *refused)),
            Command::Release { call } => Ok(release(driver, call, ReleaseReason::CallEnded)),
            Command::Book { call, period, service, terms } => {
                let max = policies.under(service, terms.as_ref())?.file.booking.per_driver_max;
                booking::book(driver, call, period.as_ref(), (service, max), now)
            }
            Command::Confirm { call } => Ok(booking::confirm(driver, call)),
            Command::HandOver { call, terms } => {
                booking::hand_over(driver, call, assigning(driver, terms.as_ref(), policies)?, now)
            }
            Command::Wake => Ok(claim::give_up(driver, now).and_all(booking::turn(driver, now))),
            Command::Retire { by } => registration::retire(driver, by),
            Command::Move { .. } if driver.duty == Duty::Retired => Err(illegal(driver, "move")),
            Command::Register { .. } | Command::Move { .. } => Ok(Decision::nothing()),
        }?)
    }

    fn evolve(state: Option<Driver>, event: &Event, at: Timestamp) -> Option<Driver> {
        let Some(mut driver) = state else {
            return match event {
                Event::DriverRegistered { id, profile, position } => Some(registered(id, profile, *position, at)),
                _ => None,
            };
        };
        driver.version += 1;
        driver.updated_at = at;
        match event {
            Event::DriverRegistered { profile, position, .. } | Event::DriverChanged { profile, position } => {
                if driver.duty == Duty::Retired {
                    driver.duty = Duty::Free;
                }
                driver.profile = profile.clone();
                driver.fix = position.map(|position| Fix::now(position, at)).or(driver.fix);
            }
            Event::AvailabilityChanged { available } => {
                driver.on_duty = *available;
                driver.free_since = available.then_some(at);
            }
            Event::DriverReserved { call, until } => {
                driver.duty = Duty::Reserved { call: call.clone(), until: *until };
            }
            Event::ClaimGivenUp { .. } | Event::ClaimAnsweredLate { .. } | Event::GivenUpClaimSettled { .. } => {
                claim::evolve(&mut driver, event);
            }
            Event::DriverEngaged { call } if driver.is_booked_for(call) => booking::engaged(&mut driver, call, at),
            Event::DriverEngaged { call } => driver.duty = Duty::Engaged { call: call.clone() },
            Event::DriverBooked { call, from, to, until } => {
                let (call, from, to, until) = (call.clone(), *from, *to, *until);
                driver.bookings.push(Booking { call, from, to, until, engaged: false, out: false });
                driver.bookings.sort_by_key(|booking| booking.from);
            }
            Event::BookingBegan { .. } | Event::BookingEnded { .. } => {}
            Event::DriverHandedOver { call } => booking::handed_over(&mut driver, call, at),
            Event::DriverReleased { call, reason } => {
                if driver.is_booked_for(call) {
                    booking::released(&mut driver, call, *reason, at);
                } else if driver.call() == Some(call) {
                    driver.duty = Duty::Free;
                    if *reason == ReleaseReason::CallEnded {
                        driver.free_since = Some(at);
                    }
                }
                driver.last_release = Some((call.clone(), *reason));
            }
            Event::DriverRetired => {
                driver.duty = Duty::Retired;
                driver.on_duty = false;
            }
        }
        Some(driver)
    }

    fn due_at(driver: &Driver) -> Option<Timestamp> {
        booking::next_turn(driver).into_iter().chain(claim::held_until(driver)).min()
    }

    fn wake() -> Command {
        Command::Wake
    }

    /// A driver who is neither wanted nor wanting has nothing ahead of it until somebody asks.
    fn is_terminal(driver: &Driver) -> bool {
        match driver.duty {
            _ if !driver.given_up.is_empty() => false,
            Duty::Free => !driver.on_duty && driver.bookings.is_empty(),
            Duty::Retired => true,
            Duty::Reserved { .. } | Duty::Engaged { .. } => false,
        }
    }

    /// A position is not committed by itself, but for the first one: without it the driver would not be
    /// found after a restart.
    fn volatile(state: &mut Driver, command: &Command) -> Volatile {
        let Command::Move { fix } = command else { return Volatile::No };
        if state.duty == Duty::Retired {
            return Volatile::No;
        }
        if state.fix.is_some_and(|known| fix.is_older_than(&known)) {
            return Volatile::Later;
        }
        match state.fix.replace(*fix) {
            None => Volatile::Now,
            Some(_) => Volatile::Later,
        }
    }
}

/// The policy that a call of the driver was made under, if it is one by which the system assigns calls.
fn assigning<'a>(
    driver: &Driver,
    terms: Option<&TermsId>,
    policies: &'a Policies,
) -> Result<Option<&'a Policy>, NoPolicy> {
    let policy = policies.under(&driver.profile.service, terms)?;
    Ok((policy.file.dispatch.by == FoundBy::Assign).then_some(policy))
}

fn registered(id: &DriverId, profile: &Profile, position: Option<LatLng>, at: Timestamp) -> Driver {
    Driver {
        id: id.clone(),
        profile: profile.clone(),
        on_duty: false,
        duty: Duty::Free,
        fix: position.map(|position| Fix::now(position, at)),
        last_release: None,
        given_up: Vec::new(),
        bookings: Vec::new(),
        free_since: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

pub(super) fn release(driver: &Driver, call: &CallId, reason: ReleaseReason) -> Decision<Event, Effect> {
    match &driver.duty {
        _ if driver.is_booked_for(call) => Decision::event(Event::DriverReleased { call: call.clone(), reason }),
        Duty::Reserved { call: held, .. } | Duty::Engaged { call: held } if held == call => {
            Decision::event(Event::DriverReleased { call: call.clone(), reason })
        }
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => Decision::nothing(),
    }
}

pub(super) fn illegal(driver: &Driver, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: driver.status(), command }
}
