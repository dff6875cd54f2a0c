//! Drivers to whom the system has assigned a call that they have not taken yet: they are free, and not to be had.

use dashmap::DashMap;

use crate::domain::{CallId, DriverId};

/// The assignments under way, by driver.
#[derive(Default)]
pub struct AssignedBoard(DashMap<DriverId, CallId>);

impl AssignedBoard {
    /// Forgets every assignment.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// A call was assigned to a driver.
    pub fn add(&self, driver: &DriverId, call: &CallId) {
        self.0.insert(driver.clone(), call.clone());
    }

    /// The driver has taken the call, or it was taken back.
    pub fn remove(&self, driver: &DriverId, call: &CallId) {
        self.0.remove_if(driver, |_, assigned| assigned == call);
    }

    /// Whether a call is assigned to a driver who has not taken it yet.
    #[must_use]
    pub fn has(&self, driver: &DriverId) -> bool {
        self.0.contains_key(driver)
    }
}
