//! Decides on the commands of a driver, and applies its events.

use jiff::Timestamp;

use super::{Booking, Command, Driver, Duty, Effect, Event, Fix, Profile, ReleaseReason, claim, registration};
use crate::domain::{
    CallId, Decision, DriverId, LatLng, Machine, Period, Rejection, ServiceId, Undecided, Volatile, policy::Policies,
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
            Command::Claim { call } => claim::claim(driver, call, now),
            Command::SettleClaim { call, refused } => Ok(claim::settle(driver, call, *refused)),
            Command::Release { call } => Ok(release(driver, call, ReleaseReason::CallEnded)),
            Command::Book { call, period, service } => {
                let max = policies.of(service)?.file.booking.per_driver_max;
                book(driver, call, period.as_ref(), (service, max), now)
            }
            Command::Confirm { call } => Ok(confirm(driver, call)),
            Command::HandOver { call } => hand_over(driver, call, now),
            Command::Wake => Ok(wake(driver, now)),
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
            Event::DriverEngaged { call } => match driver.bookings.iter_mut().find(|booking| booking.call == *call) {
                Some(booking) => booking.engaged = true,
                None => driver.duty = Duty::Engaged { call: call.clone() },
            },
            Event::DriverBooked { call, from, to } => {
                driver.bookings.push(Booking { call: call.clone(), from: *from, to: *to, engaged: false, out: false });
                driver.bookings.sort_by_key(|booking| booking.from);
            }
            Event::BookingBegan { .. } | Event::BookingEnded { .. } => {}
            Event::DriverHandedOver { call } => {
                for booking in driver.bookings.iter_mut().filter(|booking| booking.call == *call) {
                    booking.out = true;
                    booking.from = booking.from.min(at);
                }
                driver.bookings.sort_by_key(|booking| booking.from);
            }
            Event::DriverReleased { call, reason } => {
                driver.bookings.retain(|booking| booking.call != *call);
                if driver.call() == Some(call) {
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
        let turn = driver.bookings.iter().flat_map(turns).filter(|turn| *turn > driver.updated_at).min();
        turn.into_iter().chain(claim::held_until(driver)).min()
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
        _ if driver.bookings.iter().any(|booking| booking.call == *call) => {
            Decision::event(Event::DriverReleased { call: call.clone(), reason })
        }
        Duty::Reserved { call: held, .. } | Duty::Engaged { call: held } if held == call => {
            Decision::event(Event::DriverReleased { call: call.clone(), reason })
        }
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => Decision::nothing(),
    }
}

/// The booking that takes any of that time, or is wanted now and not back.
pub(super) fn in_the_way(driver: &Driver, from: Timestamp, to: Option<Timestamp>, now: Timestamp) -> Option<&Booking> {
    driver.bookings.iter().find(|booking| booking.takes_any_of(from, to) || (from <= now && booking.holds_at(now)))
}

/// Books the driver, unless it is booked for any of that time already, or is wanted now and not back.
fn book(
    driver: &Driver,
    call: &CallId,
    period: Option<&Period>,
    (service, max): (&ServiceId, u32),
    now: Timestamp,
) -> Decided {
    if driver.profile.service != *service {
        return Err(Rejection::NotFound);
    }
    if driver.bookings.iter().any(|booking| booking.call == *call) {
        return Ok(Decision::nothing());
    }
    if driver.duty == Duty::Retired || !driver.on_duty {
        return Err(Rejection::DriverUnavailable { status: driver.status() });
    }
    if driver.bookings.len() >= max as usize {
        return Err(Rejection::DriverUnavailable { status: "booked as often as it may be" });
    }
    let (from, to) = period.map_or((now, None), |period| (period.from, Some(period.to)));
    match in_the_way(driver, from, to, now) {
        Some(Booking { engaged: true, .. }) => Err(Rejection::DriverUnavailable { status: "engaged" }),
        Some(_) => Err(Rejection::DriverUnavailable { status: "reserved" }),
        None => Ok(Decision::event(Event::DriverBooked { call: call.clone(), from, to })),
    }
}

fn confirm(driver: &Driver, call: &CallId) -> Decision<Event, Effect> {
    match driver.bookings.iter().find(|booking| booking.call == *call) {
        Some(Booking { engaged: false, .. }) => Decision::event(Event::DriverEngaged { call: call.clone() }),
        // Confirmed before, or released in the meantime.
        Some(_) | None => Decision::nothing(),
    }
}

/// Goes out with a call. It can be out with one at a time, whatever their periods say; and one that is handed over
/// before its time may not take another's.
fn hand_over(driver: &Driver, call: &CallId, now: Timestamp) -> Decided {
    let own = driver.bookings.iter().find(|booking| booking.call == *call);
    // Handed over before, or released in the meantime: the call knows why.
    let Some(own) = own.filter(|own| !own.out) else { return Ok(Decision::nothing()) };
    let taken = Booking { from: own.from.min(now), ..own.clone() };
    let in_the_way = |other: &&Booking| {
        other.call != *call
            && (other.holds_at(now) || (other.to.is_none_or(|to| to > now) && other.takes_any_of(taken.from, taken.to)))
    };
    match driver.bookings.iter().find(in_the_way) {
        Some(Booking { engaged: true, .. }) => Err(Rejection::DriverUnavailable { status: "engaged" }),
        Some(_) => Err(Rejection::DriverUnavailable { status: "reserved" }),
        None => Ok(Decision::event(Event::DriverHandedOver { call: call.clone() })),
    }
}

/// When a booking changes what the driver is doing: when it begins, and when it is over without anybody having come.
fn turns(booking: &Booking) -> impl Iterator<Item = Timestamp> {
    [Some(booking.from), booking.to.filter(|_| !booking.out)].into_iter().flatten()
}

/// Lets a call go that does not answer, and says that a booking has begun or is over, so that lists of drivers
/// by status are right.
fn wake(driver: &Driver, now: Timestamp) -> Decision<Event, Effect> {
    claim::give_up(driver, now).and_all(turn(driver, now))
}

fn turn(driver: &Driver, now: Timestamp) -> Decision<Event, Effect> {
    let turned = |at: Timestamp| at > driver.updated_at && at <= now;
    let began = driver.bookings.iter().find(|booking| turned(booking.from) && booking.holds_at(now));
    let ended = driver.bookings.iter().find(|booking| !booking.out && booking.to.is_some_and(turned));
    match (began, ended) {
        (Some(booking), _) => Decision::event(Event::BookingBegan { call: booking.call.clone() }),
        (None, Some(booking)) => Decision::event(Event::BookingEnded { call: booking.call.clone() }),
        (None, None) => Decision::nothing(),
    }
}

pub(super) fn illegal(driver: &Driver, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: driver.status(), command }
}
