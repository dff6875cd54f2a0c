//! The use cases of drivers.

use std::sync::Arc;

use super::{Engine, once_more};
use crate::{
    actors::{Cause, entity::AskError},
    domain::{
        Asker, DriverId, LatLng,
        driver::{Command, Driver, Fix, Registration},
    },
};

/// The answer of a driver.
type DriverResult = Result<Arc<Driver>, AskError<Driver>>;

impl Engine {
    /// Registers a driver, or changes its registration.
    ///
    /// # Errors
    /// Why it was not registered.
    pub async fn register_driver(
        &self,
        id: &DriverId,
        registration: Registration,
        position: Option<LatLng>,
        by: Asker,
        cause: Cause,
    ) -> DriverResult {
        self.ask_driver(id, Command::Register { by, id: id.clone(), registration, position }, cause).await
    }

    /// A driver wants calls, or no more.
    ///
    /// # Errors
    /// When there is no such driver for the one who asks, it is retired, or it does not decide that about itself.
    pub async fn set_availability(&self, id: &DriverId, available: bool, by: Asker, cause: Cause) -> DriverResult {
        self.ask_driver(id, Command::SetAvailability { by, available }, cause).await
    }

    /// A driver moved. Of several fixes the newest counts; the others only show the way.
    ///
    /// # Errors
    /// When there is no such driver.
    pub async fn move_driver(&self, id: &DriverId, fix: Fix, cause: Cause) -> DriverResult {
        self.ask_driver(id, Command::Move { fix }, cause).await
    }

    /// A driver is one no more.
    ///
    /// # Errors
    /// When it has a call, or the one who asks is no operator.
    pub async fn retire_driver(&self, id: &DriverId, by: Asker, cause: Cause) -> DriverResult {
        self.ask_driver(id, Command::Retire { by }, cause).await
    }

    /// A driver as it is now, read from its actor.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn driver(&self, id: &DriverId) -> Result<Option<Arc<Driver>>, AskError<Driver>> {
        once_more(async || self.world.drivers.get(id.as_str()).await).await
    }

    pub(super) async fn ask_driver(&self, id: &DriverId, command: Command, cause: Cause) -> DriverResult {
        once_more(async || self.world.drivers.ask(id.as_str(), command.clone(), cause.clone()).await).await
    }
}
