//! What people do with drivers.

use std::sync::Arc;

use super::Engine;
use crate::{
    actors::{Cause, entity::AskError},
    domain::{
        DriverId, LatLng,
        driver::{Command, Driver, Fix, Profile},
    },
};

/// What a driver's answer is.
type Answer = Result<Arc<Driver>, AskError<Driver>>;

impl Engine {
    /// Registers a driver, or changes its registration.
    ///
    /// # Errors
    /// Why it was not registered.
    pub async fn register_driver(
        &self,
        id: &DriverId,
        profile: Profile,
        position: Option<LatLng>,
        cause: Cause,
    ) -> Answer {
        self.drivers.ask(id.as_str(), Command::Register { id: id.clone(), profile, position }, cause).await
    }

    /// A driver wants calls, or no more.
    ///
    /// # Errors
    /// When there is no such driver, or it is retired.
    pub async fn set_availability(&self, id: &DriverId, available: bool, cause: Cause) -> Answer {
        self.drivers.ask(id.as_str(), Command::SetAvailability { available }, cause).await
    }

    /// A driver moved. Of several fixes the newest counts; the others only show the way.
    ///
    /// # Errors
    /// When there is no such driver.
    pub async fn move_driver(&self, id: &DriverId, fix: Fix, cause: Cause) -> Answer {
        self.drivers.ask(id.as_str(), Command::Move { fix }, cause).await
    }

    /// A driver is one no more.
    ///
    /// # Errors
    /// When it has a call.
    pub async fn retire_driver(&self, id: &DriverId, cause: Cause) -> Answer {
        self.drivers.ask(id.as_str(), Command::Retire, cause).await
    }

    /// A driver as it is now, read from its actor.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn driver(&self, id: &DriverId) -> Result<Option<Arc<Driver>>, AskError<Driver>> {
        match self.drivers.get(id.as_str()).await {
            Err(AskError::Crashed) => self.drivers.get(id.as_str()).await,
            other => other,
        }
    }

    /// A driver's status as people see it: `offered` when it is available and a call is offered to it.
    #[must_use]
    pub fn driver_status(&self, driver: &Driver) -> &'static str {
        let offered = driver.is_available() && self.boards.offers.count(&driver.id) > 0;
        if offered { "offered" } else { driver.status_at(crate::clock::now()) }
    }
}
