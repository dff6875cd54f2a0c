//! A driver as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::SeenAt;
use crate::domain::{
    CallId, DriverId, ServiceId,
    driver::{Driver, Fix},
};

/// A driver.
#[derive(Serialize, ToSchema)]
#[schema(as = Driver)]
pub(in crate::http) struct DriverView<'a> {
    /// Its id.
    #[schema(value_type = String, example = "driver-a")]
    id: &'a DriverId,
    /// Its service.
    #[schema(value_type = String, example = "driver-call")]
    service: &'a ServiceId,
    /// What people call it.
    #[schema(value_type = String, example = "김기사")]
    name: &'a str,
    /// Its phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    phone: Option<&'a str>,
    /// Its licence plate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    plate: Option<&'a str>,
    /// offline, available, offered, reserved, engaged or retired.
    #[schema(value_type = String, example = "available")]
    status: &'static str,
    /// The call it holds itself for or answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    call: Option<&'a CallId>,
    /// Where it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<SeenAt>,
    /// How many things happened to it.
    version: u64,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When something last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl<'a> DriverView<'a> {
    /// The driver as clients see it. `seen` is its latest position; `offered`: whether a call is offered to it now.
    pub(in crate::http) fn new(driver: &'a Driver, seen: Option<Fix>, offered: bool) -> Self {
        let status = if offered && driver.is_available() { "offered" } else { driver.status() };
        Self {
            id: &driver.id,
            service: &driver.profile.service,
            name: &driver.profile.name,
            phone: driver.profile.phone.as_deref(),
            plate: driver.profile.plate.as_deref(),
            status,
            call: driver.call(),
            position: seen.or(driver.fix).map(SeenAt::from),
            version: driver.version,
            created_at: driver.created_at,
            updated_at: driver.updated_at,
        }
    }

    /// Its status.
    pub(in crate::http) fn status(&self) -> &'static str {
        self.status
    }
}
