//! Who takes part: customers with their tokens; drivers with tokens and places, registered at the server.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, bail};
use futures_util::{StreamExt, stream};
use hyper::header::HeaderValue;
use tokio::sync::Notify;

use super::{Fleet, Place};
use crate::{
    clock,
    scenario::{Scenario, ServiceShare},
    wire::{Answer, Failure, FoundBy, Http, Minter, Role, Service},
};

/// Registrations at a time.
const AT_ONCE: usize = 32;
/// Operators take turns, because each may ask only so much per second.
const OPERATORS: u32 = 64;

/// Everybody.
pub struct Crowd {
    /// The `Authorization` of each customer.
    pub customers: Vec<HeaderValue>,
    pub drivers: Vec<Driver>,
    /// The `Authorization` of each operator.
    pub operators: Vec<HeaderValue>,
    /// The services and who answers their calls.
    pub fleets: Vec<Fleet>,
    ids: String,
}

/// A driver.
pub struct Driver {
    pub id: String,
    pub bearer: HeaderValue,
    pub place: Mutex<Place>,
    /// Whose calls it answers: the number of its fleet.
    pub fleet: usize,
    /// WebSocket: whether it has a call, or is asking for one.
    pub busy: AtomicBool,
    /// WebSocket: told when it is free again.
    pub freed: Notify,
}

impl Crowd {
    /// Everybody of a scenario; `offered` are the target's services. `run` makes the ids of this run differ from those of
    /// others.
    ///
    /// # Errors
    /// When a token cannot be signed or a service is not offered.
    pub fn new(
        scenario: &Scenario,
        offered: &[Service],
        minter: &Minter,
        run: &str,
        places: impl Iterator<Item = Place>,
    ) -> Result<Self> {
        let fleets = fleets(scenario, offered)?;
        let whose = fleets.iter().enumerate().flat_map(|(fleet, one)| one.numbers.clone().map(move |n| (n, fleet)));
        let customers = (0..scenario.customers).map(|n| minter.bearer(Role::Customer, &format!("c{run}-{n}")));
        let operators = (0..OPERATORS).map(|n| minter.bearer(Role::Operator, &format!("o{run}-{n}")));
        let drivers = whose.zip(places).map(|((n, fleet), place)| Driver::new(minter, run, n, fleet, place));
        Ok(Self {
            customers: customers.collect::<Result<_>>()?,
            drivers: drivers.collect::<Result<_>>()?,
            operators: operators.collect::<Result<_>>()?,
            fleets,
            ids: format!("d{run}-"),
        })
    }

    /// Registers every driver where it is, and makes it available. Whatever customers choose an operator registers.
    ///
    /// # Errors
    /// When the server refuses one.
    pub async fn register(&self, http: &Http, done: impl Fn()) -> Result<()> {
        let results = stream::iter(self.drivers.iter().enumerate()).map(|(turn, driver)| {
            let (service, operator) = (&self.fleets[driver.fleet].service, self.operator(turn));
            async { driver.register(http, service, operator).await.inspect(|()| done()) }
        });
        results.buffer_unordered(AT_ONCE).collect::<Vec<Result<()>>>().await.into_iter().collect()
    }

    /// A driver by number.
    #[must_use]
    pub fn driver(&self, number: u32) -> &Driver {
        &self.drivers[number as usize]
    }

    /// The number of a driver of this run.
    #[must_use]
    pub fn number_of(&self, id: &str) -> Option<u32> {
        id.strip_prefix(&self.ids)?.parse().ok()
    }

    /// Any fleet, as often as its weight says.
    #[must_use]
    pub fn any_fleet(&self, rng: &mut fastrand::Rng) -> usize {
        let mut rest = rng.f64() * self.fleets.iter().map(|fleet| fleet.weight).sum::<f64>();
        let found = self.fleets.iter().position(|fleet| {
            rest -= fleet.weight;
            rest < 0.0
        });
        found.unwrap_or_default()
    }

    /// A customer's `Authorization` by number.
    #[must_use]
    pub fn customer(&self, number: u32) -> &HeaderValue {
        &self.customers[number as usize]
    }

    /// An operator's `Authorization`; they take turns.
    #[must_use]
    pub fn operator(&self, turn: usize) -> &HeaderValue {
        &self.operators[turn % self.operators.len()]
    }
}

impl Driver {
    fn new(minter: &Minter, run: &str, number: u32, fleet: usize, place: Place) -> Result<Self> {
        let id = format!("d{run}-{number}");
        let bearer = minter.bearer(Role::Driver, &id)?;
        let (place, busy, freed) = (Mutex::new(place), AtomicBool::new(false), Notify::new());
        Ok(Self { id, bearer, place, fleet, busy, freed })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is somewhere else now.
    pub fn stand_at(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// It has no call any more.
    pub fn set_free(&self) {
        self.busy.store(false, Ordering::Release);
        self.freed.notify_one();
    }

    async fn register(&self, http: &Http, service: &Service, operator: &HeaderValue) -> Result<()> {
        let Self { id, bearer, .. } = self;
        let (place, name) = (self.place().json(), &service.id);
        let body = format!(r#"{{"service":"{name}","name":"Load {id}","position":{place}}}"#);
        if service.policy.found_by == FoundBy::Choose {
            return good(id, http.put(&format!("/v1/drivers/{id}"), operator, body).await);
        }
        good(id, http.put(&format!("/v1/drivers/{id}"), bearer, body).await)?;
        good(id, http.put(&format!("/v1/drivers/{id}/availability"), bearer, r#"{"available":true}"#).await)
    }
}

/// The fleets of a scenario, numbered through.
fn fleets(scenario: &Scenario, offered: &[Service]) -> Result<Vec<Fleet>> {
    let (mut first, now) = (0, clock::now());
    let fleet = |share: ServiceShare| {
        let Some(service) = offered.iter().find(|service| service.id == share.id) else {
            let known: Vec<&str> = offered.iter().map(|service| service.id.as_str()).collect();
            bail!("the target does not offer the service {}; it offers {}", share.id, known.join(", "));
        };
        let numbers = first..first + share.drivers;
        first = numbers.end;
        Ok(Fleet::new(service.clone(), share.weight, numbers, now))
    };
    scenario.mix().into_iter().map(fleet).collect()
}

fn good(id: &str, answer: Result<Answer, Failure>) -> Result<()> {
    match answer {
        Ok(answer) if answer.is_ok() => Ok(()),
        Ok(answer) => bail!("the driver {id} is refused: {} {}", answer.status, String::from_utf8_lossy(&answer.body)),
        Err(failure) => bail!("the driver {id} cannot be registered: {}", failure.code()),
    }
}
