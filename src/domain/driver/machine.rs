//! The driver's transitions.

use jiff::Timestamp;

use super::{Command, Driver, Duty, Effect, Event, Fix, Profile, ReleaseReason};
use crate::domain::{CallId, Decision, DriverId, LatLng, Machine, Rejection, Volatile, policy::Policies};

/// The driver as a state machine.
pub enum DriverMachine {}

type Decided = Result<Decision<Event, Effect>, Rejection>;

impl Machine for DriverMachine {
    type State = Driver;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(state: Option<&Driver>, command: &Command, policies: &Policies, _: Timestamp) -> Decided {
        if let Command::Register { id, profile, position } = command {
            return register(state, id, profile, *position, policies);
        }
        let driver = state.ok_or(Rejection::NotFound)?;
        match command {
            Command::SetAvailability { available } => set_availability(driver, *available),
            Command::Claim { call } => claim(driver, call),
            Command::SettleClaim { call, refused } => Ok(settle_claim(driver, call, *refused)),
            Command::Release { call } => Ok(release(driver, call, ReleaseReason::CallEnded)),
            Command::Retire => retire(driver),
            Command::Register { .. } | Command::Move { .. } | Command::Wake => Ok(Decision::nothing()),
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
            Event::AvailabilityChanged { available } => driver.on_duty = *available,
            Event::DriverReserved { call } => driver.duty = Duty::Reserved { call: call.clone() },
            Event::DriverEngaged { call } => driver.duty = Duty::Engaged { call: call.clone() },
            Event::DriverReleased { call, reason } => {
                driver.duty = Duty::Free;
                driver.last_release = Some((call.clone(), *reason));
            }
            Event::DriverRetired => {
                driver.duty = Duty::Retired;
                driver.on_duty = false;
            }
        }
        Some(driver)
    }

    fn due_at(_: &Driver) -> Option<Timestamp> {
        None
    }

    fn wake() -> Command {
        Command::Wake
    }

    /// A driver who is neither wanted nor wanting has nothing ahead of it until somebody asks.
    fn is_terminal(driver: &Driver) -> bool {
        match driver.duty {
            Duty::Free => !driver.on_duty,
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
    let new = Event::DriverRegistered { id: id.clone(), profile: profile.clone(), position };
    let Some(driver) = state else { return Ok(Decision::event(new)) };
    match &driver.duty {
        Duty::Retired => Ok(Decision::event(new)),
        Duty::Reserved { .. } | Duty::Engaged { .. } if driver.profile.service != profile.service => {
            Err(Rejection::DriverUnavailable { status: driver.status() })
        }
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } => {
            let there = |position| driver.fix.is_some_and(|fix| fix.position == position);
            let same = driver.profile == *profile && position.is_none_or(there);
            let changed = Event::DriverChanged { profile: profile.clone(), position };
            Ok(if same { Decision::nothing() } else { Decision::event(changed) })
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
        (Duty::Reserved { call: held }, Some(reason)) if held == call => release(driver, call, reason),
        // Settled before, or the call ended in the meantime and let the driver go.
        _ => Decision::nothing(),
    }
}

fn release(driver: &Driver, call: &CallId, reason: ReleaseReason) -> Decision<Event, Effect> {
    match &driver.duty {
        Duty::Reserved { call: held } | Duty::Engaged { call: held } if held == call => {
            Decision::event(Event::DriverReleased { call: call.clone(), reason })
        }
        Duty::Free | Duty::Reserved { .. } | Duty::Engaged { .. } | Duty::Retired => Decision::nothing(),
    }
}

fn retire(driver: &Driver) -> Decided {
    match driver.duty {
        Duty::Free => Ok(Decision::event(Event::DriverRetired)),
        Duty::Retired => Ok(Decision::nothing()),
        Duty::Reserved { .. } | Duty::Engaged { .. } => Err(illegal(driver, "retire")),
    }
}

fn illegal(driver: &Driver, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: driver.status(), command }
}
