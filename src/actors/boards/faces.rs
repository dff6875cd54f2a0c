//! Names, phone numbers and plates of drivers, as they are registered now. A call remembers the name that its driver
//! had when it took the call; while the driver has the call, people see the name here.

use std::sync::Arc;

use dashmap::DashMap;

use crate::domain::{
    DriverId,
    driver::{Driver, Duty, Profile},
};

/// The registrations of drivers that are in memory or were since the start, but for retired ones.
#[derive(Default)]
pub struct FaceBoard(DashMap<DriverId, Arc<Profile>>);

impl FaceBoard {
    /// Forgets every registration.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// Notes the profile of a driver.
    pub fn show(&self, driver: &Driver) {
        if driver.duty == Duty::Retired {
            self.0.remove(&driver.id);
            return;
        }
        if self.0.get(&driver.id).is_some_and(|known| **known == driver.profile) {
            return;
        }
        self.0.insert(driver.id.clone(), Arc::new(driver.profile.clone()));
    }

    /// The profile of a driver, if it is known here.
    #[must_use]
    pub fn of(&self, driver: &DriverId) -> Option<Arc<Profile>> {
        self.0.get(driver).map(|profile| Arc::clone(&profile))
    }
}
