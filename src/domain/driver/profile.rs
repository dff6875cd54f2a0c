//! The profile of a driver, and its change by a registration.

use serde::{Deserialize, Serialize};

use crate::domain::{Change, ServiceId};

/// The public data of a driver, as it registered them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The id of its service.
    pub service: ServiceId,
    /// The driver's name for people.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
}

/// A request to register a driver, or to change its profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub service: ServiceId,
    pub name: String,
    pub phone: Change<String>,
    pub plate: Change<String>,
}

impl Registration {
    /// The profile after this registration. `known` is the profile before it, if there was one.
    #[must_use]
    pub fn over(&self, known: Option<&Profile>) -> Profile {
        Profile {
            service: self.service.clone(),
            name: self.name.clone(),
            phone: self.phone.of(known.and_then(|known| known.phone.as_ref())),
            plate: self.plate.of(known.and_then(|known| known.plate.as_ref())),
        }
    }
}

impl From<Profile> for Registration {
    fn from(Profile { service, name, phone, plate }: Profile) -> Self {
        Self { service, name, phone: Change::Set(phone), plate: Change::Set(plate) }
    }
}
