//! A driver as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{SeenAt, Time};
use crate::clock;
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
    /// When it is booked, if customers choose it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bookings: Vec<BookingView>,
    /// Where it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<SeenAt>,
    /// How many things happened to it.
    version: u64,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When something last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// When a driver that customers choose is booked. Whose bookings they are is nobody's business.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct BookingView {
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// Until when; open-ended without.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

fn shown_bookings(driver: &Driver) -> Vec<BookingView> {
    driver
        .bookings
        .iter()
        .map(|booking| BookingView { from: booking.from.into(), to: booking.to.map(Time::from) })
        .collect()
}

impl<'a> DriverView<'a> {
    /// The driver as clients see it. `seen` is its latest position; `offered`: whether a call is offered to it now.
    pub(in crate::http) fn new(driver: &'a Driver, seen: Option<Fix>, offered: bool) -> Self {
        let status = if offered && driver.is_available() { "offered" } else { driver.status_at(clock::now()) };
        Self {
            id: &driver.id,
            service: &driver.profile.service,
            name: &driver.profile.name,
            phone: driver.profile.phone.as_deref(),
            plate: driver.profile.plate.as_deref(),
            status,
            call: driver.call(),
            bookings: shown_bookings(driver),
            position: seen.or(driver.fix).map(SeenAt::from),
            version: driver.version,
            created_at: driver.created_at.into(),
            updated_at: driver.updated_at.into(),
        }
    }

    /// Its status.
    pub(in crate::http) fn status(&self) -> &'static str {
        self.status
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_available_driver_is_shown_as_offered() -> Result<(), serde_json::Error> {
        for (duty, on_duty, status) in [
            (json!({"status": "free"}), true, "offered"),
            (json!({"status": "free"}), false, "offline"),
            (json!({"status": "engaged", "call": "call_1"}), true, "engaged"),
        ] {
            let driver: Driver = serde_json::from_value(json!({
                "id": "kim", "profile": {"service": "driver-call", "name": "김"}, "on_duty": on_duty, "duty": duty,
                "version": 2, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            }))?;
            assert_eq!(DriverView::new(&driver, None, true).status(), status);
        }
        Ok(())
    }
}
