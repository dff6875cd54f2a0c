//! Who takes part: customers with their tokens; drivers with tokens and places, registered at the server.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Result, bail};
use futures_util::{StreamExt, stream};
use hyper::header::HeaderValue;
use tokio::sync::{Notify, Semaphore};

use super::Place;
use crate::{
    scenario::Scenario,
    wire::{Answer, Failure, Http, Minter, Role},
};

/// Registrations at a time.
const AT_ONCE: usize = 32;
/// Operators take turns, because each may ask only so much per second.
const OPERATORS: u32 = 64;

/// Everybody.
pub struct Crowd {
    /// The `Authorization` of each customer.
    pub customers: Vec<HeaderValue>,
    /// The drivers.
    pub drivers: Vec<Driver>,
    /// The `Authorization` of each operator.
    pub operators: Vec<HeaderValue>,
    free: Mutex<VecDeque<u32>>,
    any_free: Semaphore,
}

/// A driver.
pub struct Driver {
    /// Its id.
    pub id: String,
    /// Its `Authorization`.
    pub bearer: HeaderValue,
    /// Where it is.
    pub place: Mutex<Place>,
    /// WebSocket: whether it has a call, or is asking for one.
    pub busy: AtomicBool,
    /// WebSocket: told when it is free again.
    pub freed: Notify,
}

impl Crowd {
    /// Everybody of a scenario. `run` makes the ids of this run differ from those of others.
    ///
    /// # Errors
    /// When a token cannot be signed.
    pub fn new(scenario: &Scenario, minter: &Minter, run: &str, places: impl Iterator<Item = Place>) -> Result<Self> {
        let customers = (0..scenario.customers).map(|n| minter.bearer(Role::Customer, &format!("c{run}-{n}")));
        let operators = (0..OPERATORS).map(|n| minter.bearer(Role::Operator, &format!("o{run}-{n}")));
        let drivers = (0..scenario.drivers.number).zip(places).map(|(n, place)| Driver::new(minter, run, n, place));
        Ok(Self {
            customers: customers.collect::<Result<_>>()?,
            drivers: drivers.collect::<Result<_>>()?,
            operators: operators.collect::<Result<_>>()?,
            free: Mutex::new((0..scenario.drivers.number).collect()),
            any_free: Semaphore::new(usize::try_from(scenario.drivers.number)?),
        })
    }

    /// Registers every driver where it is, and makes it available.
    ///
    /// # Errors
    /// When the server refuses one.
    pub async fn register(&self, http: &Http, service: &str, done: impl Fn()) -> Result<()> {
        let results = stream::iter(&self.drivers)
            .map(|driver| async { driver.register(http, service).await.inspect(|()| done()) });
        results.buffer_unordered(AT_ONCE).collect::<Vec<Result<()>>>().await.into_iter().collect()
    }

    /// Takes the driver that has been free the longest, waiting for one when there is none. The last one back comes
    /// last, so that the server has time to note that it is free.
    pub async fn take_free(&self) -> Option<u32> {
        self.any_free.acquire().await.ok()?.forget();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// A driver is free again.
    pub fn give_back(&self, driver: u32) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(driver);
        self.any_free.add_permits(1);
    }

    /// A driver by number.
    #[must_use]
    pub fn driver(&self, number: u32) -> &Driver {
        &self.drivers[number as usize]
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
    fn new(minter: &Minter, run: &str, number: u32, place: Place) -> Result<Self> {
        let id = format!("d{run}-{number}");
        let bearer = minter.bearer(Role::Driver, &id)?;
        Ok(Self { id, bearer, place: Mutex::new(place), busy: AtomicBool::new(false), freed: Notify::new() })
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

    async fn register(&self, http: &Http, service: &str) -> Result<()> {
        let Self { id, bearer, .. } = self;
        let place = self.place().json();
        let body = format!(r#"{{"service":"{service}","name":"Load {id}","position":{place}}}"#);
        good(id, http.put(&format!("/v1/drivers/{id}"), bearer, body).await)?;
        good(id, http.put(&format!("/v1/drivers/{id}/availability"), bearer, r#"{"available":true}"#).await)
    }
}

fn good(id: &str, answer: Result<Answer, Failure>) -> Result<()> {
    match answer {
        Ok(answer) if answer.is_ok() => Ok(()),
        Ok(answer) => bail!("the driver {id} is refused: {} {}", answer.status, String::from_utf8_lossy(&answer.body)),
        Err(failure) => bail!("the driver {id} cannot be registered: {}", failure.code()),
    }
}
