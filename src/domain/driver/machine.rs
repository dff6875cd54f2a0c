//! The driver's transitions.

use jiff::Timestamp;

use super::{Booking, Command, Driver, Duty, Effect, Event, Fix, Profile, ReleaseReason};
use crate::domain::{
    CallId, Decision, DriverId, LatLng, Machine, Period, Rejection, ServiceId, Volatile,
    policy::{Policies, Policy},
};

/// The driver as a state machine.
pub enum DriverMachine {}

type Decided = Result<Decision<Event, Effect>, Rejection>;

impl Machine for DriverMachine {
    type State = Driver;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(state: Option<&Driver>, command: &Command, policies: &Policies, now: Timestamp) -> Decided {
        if let Command::Register { id, profile, position } = command {
            return register(state, id, profile, *position, policies);
        }
        let driver = state.ok_or(Rejection::NotFound)?;
        match command {
            Command::SetAvailability { available } => set_availability(driver, *available),
            Command::Claim { call } => claim(driver, call),
            Command::SettleClaim { call, refused } => Ok(settle_claim(driver, call, *refused)),
            Command::Release { call } => Ok(release(driver, call, ReleaseReason::CallEnded)),
            Command::Book { call, period, service } => book(driver, call, period.as_ref(), service, now),
            Command::Confirm { call } => Ok(confirm(driver, call)),
            Command::HandOver { call } => hand_over(driver, call, now),
            Command::Wake => Ok(wake(driver, now)),
            Command::Retire => retire(driver),
            Command::Register { .. } | Command::Move { .. } => Ok(Decision::nothing()),
        }
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
                driver.fix = position.map(|position| Fix { position, at }).or(driver.fix);
            }
            Event::AvailabilityChanged { available } => {
                driver.on_duty = *available;
                driver.free_since = available.then_some(at);
            }
            Event::DriverReserved { call } => driver.duty = Duty::Reserved { call: call.clone() },
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
        driver.bookings.iter().flat_map(turns).filter(|turn| *turn > driver.updated_at).min()
    }

    fn wake() -> Command {
        Command::Wake
    }

    /// A driver who is neither wanted nor wanting has nothing ahead of it until somebody asks.
    fn is_terminal(driver: &Driver) -> bool {
        match driver.duty {
            Duty::Free => !driver.on_duty && driver.bookings.is_empty(),
            Duty::Retired => true,
            Duty::Reserved { .. } | Duty::Engaged { .. } => false,
        }
    }

    /// A position is not committed by itself, but for the first one: without it the driver would not be found after a
    /// restart.
    fn volatile(state: &mut Driver, command: &Command) -> Volatile {
        let Command::Move { fix } = command else { return Volatile::No };
        if state.duty == Duty::Retired || state.fix.is_some_and(|known| known.at > fix.at) {
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
        fix: position.map(|position| Fix { position, at }),
        last_release: None,
        bookings: Vec::new(),
        free_since: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

fn register(
    state: Option<&Driver>,
    id: &DriverId,
    profile: &Profile,
    position: Option<LatLng>,
    policies: &Policies,
) -> Decided {
    if policies.get(&profile.service).is_none() {
        return Err(Rejection::Invalid(format!("there is no service {}", profile.service)));
    }
    // What customers choose does not decide for itself whether it wants calls; everybody else does.
    let chooses_duty = |service| !policies.get(service).is_some_and(Policy::is_chosen);
    let in_service = |registered| match chooses_duty(&profile.service) {
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
        // Who booked it counts on it.
        Duty::Free if moves && !driver.bookings.is_empty() => Err(Rejection::DriverUnavailable { status: "reserved" }),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } => {
            let there = |position| driver.fix.is_some_and(|fix| fix.position == position);
            let same = driver.profile == *profile && position.is_none_or(there);
            let changed = Event::DriverChanged { profile: profile.clone(), position };
            let was_put_on_duty = driver.on_duty && !chooses_duty(&driver.profile.service);
            Ok(match moves {
                _ if same => Decision::nothing(),
                true if was_put_on_duty && chooses_duty(&profile.service) => {
                    Decision::event(changed).and(Event::AvailabilityChanged { available: false })
                }
                true if !driver.on_duty => in_service(changed),
                true | false => Decision::event(changed),
            })
        }
    }
}

fn set_availability(driver: &Driver, available: bool) -> Decided {
    match driver.duty {
        Duty::Retired => Err(illegal(driver, "change its availability")),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } => Ok(if driver.on_duty == available {
            Decision::nothing()
        } else {
            Decision::event(Event::AvailabilityChanged { available })
        }),
    }
}

fn claim(driver: &Driver, call: &CallId) -> Decided {
    match &driver.duty {
        Duty::Free if driver.on_duty => {
            Ok(Decision::event(Event::DriverReserved { call: call.clone() }).then(Effect::ClaimCall {
                call: call.clone(),
                name: driver.profile.name.clone(),
                service: driver.profile.service.clone(),
            }))
        }
        Duty::Reserved { call: held } | Duty::Engaged { call: held } if held == call => Ok(Decision::nothing()),
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => {
            Err(Rejection::DriverUnavailable { status: driver.status() })
        }
    }
}

fn settle_claim(driver: &Driver, call: &CallId, refused: Option<ReleaseReason>) -> Decision<Event, Effect> {
    match (&driver.duty, refused) {
        (Duty::Reserved { call: held }, None) if held == call => {
            Decision::event(Event::DriverEngaged { call: call.clone() })
        }
        // Engaged, too: an answer to an earlier claim of the same call may have come first. The call knows better.
        (Duty::Reserved { call: held } | Duty::Engaged { call: held }, Some(reason)) if held == call => {
            release(driver, call, reason)
        }
        // Settled before, or the call ended in the meantime and let the driver go.
        _ => Decision::nothing(),
    }
}

fn release(driver: &Driver, call: &CallId, reason: ReleaseReason) -> Decision<Event, Effect> {
    match &driver.duty {
        _ if driver.bookings.iter().any(|booking| booking.call == *call) => {
            Decision::event(Event::DriverReleased { call: call.clone(), reason })
        }
        Duty::Reserved { call: held } | Duty::Engaged { call: held } if held == call => {
            Decision::event(Event::DriverReleased { call: call.clone(), reason })
        }
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => Decision::nothing(),
    }
}

/// Books the driver, unless it is booked for any of that time already, or is wanted now and not back.
fn book(driver: &Driver, call: &CallId, period: Option<&Period>, service: &ServiceId, now: Timestamp) -> Decided {
    if driver.profile.service != *service {
        return Err(Rejection::NotFound);
    }
    if driver.bookings.iter().any(|booking| booking.call == *call) {
        return Ok(Decision::nothing());
    }
    if driver.duty == Duty::Retired || !driver.on_duty {
        return Err(Rejection::DriverUnavailable { status: driver.status() });
    }
    let (from, to) = period.map_or((now, None), |period| (period.from, Some(period.to)));
    let wanted = Booking { call: call.clone(), from, to, engaged: false, out: false };
    let in_the_way = |booking: &&Booking| booking.overlaps(&wanted) || (from <= now && booking.holds_at(now));
    match driver.bookings.iter().find(in_the_way) {
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

/// Goes out with a call. It can be out with one at a time, whatever their periods say; and one that is handed over before
/// its time may not take another's.
fn hand_over(driver: &Driver, call: &CallId, now: Timestamp) -> Decided {
    let own = driver.bookings.iter().find(|booking| booking.call == *call);
    // Handed over before, or released in the meantime: the call knows why.
    let Some(own) = own.filter(|own| !own.out) else { return Ok(Decision::nothing()) };
    let taken = Booking { from: own.from.min(now), ..own.clone() };
    let in_the_way = |other: &&Booking| {
        other.call != *call && (other.holds_at(now) || (other.to.is_none_or(|to| to > now) && other.overlaps(&taken)))
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

/// Says that a booking has begun or is over, so that lists of drivers by status are right.
fn wake(driver: &Driver, now: Timestamp) -> Decision<Event, Effect> {
    let turned = |at: Timestamp| at > driver.updated_at && at <= now;
    let began = driver.bookings.iter().find(|booking| turned(booking.from) && booking.holds_at(now));
    let ended = driver.bookings.iter().find(|booking| !booking.out && booking.to.is_some_and(turned));
    match (began, ended) {
        (Some(booking), _) => Decision::event(Event::BookingBegan { call: booking.call.clone() }),
        (None, Some(booking)) => Decision::event(Event::BookingEnded { call: booking.call.clone() }),
        (None, None) => Decision::nothing(),
    }
}

fn retire(driver: &Driver) -> Decided {
    match driver.duty {
        Duty::Free if !driver.bookings.is_empty() => {
            Err(Rejection::IllegalTransition { state: "booked", command: "retire" })
        }
        Duty::Free => Ok(Decision::event(Event::DriverRetired)),
        Duty::Retired => Ok(Decision::nothing()),
        Duty::Reserved { .. } | Duty::Engaged { .. } => Err(illegal(driver, "retire")),
    }
}

fn illegal(driver: &Driver, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: driver.status(), command }
}
