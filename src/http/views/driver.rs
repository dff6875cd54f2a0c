//! A driver as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{SeenAt, Time};
use crate::clock;
use crate::domain::{
    CallId, DriverId, ServiceId,
    driver::{Driver, Fix, Status},
};

/// A driver, company, car or seat as the one who asks may see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Driver)]
pub(in crate::http) struct DriverView<'a> {
    /// The id of the driver.
    #[schema(value_type = String, example = "driver-a")]
    id: &'a DriverId,
    /// The service that it works for, by its id.
    #[schema(value_type = String, example = "driver-call")]
    service: &'a ServiceId,
    /// The driver's name for people.
    #[schema(value_type = String, example = "김기사")]
    name: &'a str,
    /// The phone number, for those who may call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    phone: Option<&'a str>,
    /// The licence plate, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    plate: Option<&'a str>,
    /// Where the driver stands.
    status: Status,
    /// The call it holds itself for or answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    call: Option<&'a CallId>,
    /// The calls that it is booked for, if customers choose it or the system assigns its calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bookings: Vec<BookingView<'a>>,
    /// Where it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<SeenAt>,
    /// The number of its events.
    version: u64,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When something last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// A part of a driver's status that its own state does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Shade {
    /// The driver's own state says everything.
    None,
    /// A call is offered to it now.
    Offered,
    /// It gave no sign for too long.
    Stale,
}

/// A booking of a company, a car or a seat. It does not show the customer.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct BookingView<'a> {
    /// The call that it is booked for.
    #[schema(value_type = String)]
    call: &'a CallId,
    /// When the booked time begins.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// Until when; open-ended without.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

fn shown_bookings(driver: &Driver) -> Vec<BookingView<'_>> {
    driver
        .bookings
        .iter()
        .map(|booking| BookingView { call: &booking.call, from: booking.from.into(), to: booking.to.map(Time::from) })
        .collect()
}

impl<'a> DriverView<'a> {
    /// The driver as it and operators see it. `seen` is its latest position; `shade` what its status does not say.
    pub(in crate::http) fn new(driver: &'a Driver, seen: Option<Fix>, shade: Shade) -> Self {
        let now = clock::now();
        let status = match shade {
            Shade::Offered if driver.is_available() => Status::Offered,
            Shade::Stale if driver.is_available() => Status::Stale,
            _ => driver.standing_at(now),
        };
        Self {
            id: &driver.id,
            service: &driver.profile.service,
            name: &driver.profile.name,
            phone: driver.profile.phone.as_deref(),
            plate: driver.profile.plate.as_deref(),
            status,
            call: driver.call().or_else(|| driver.calls_at(now).next()),
            bookings: shown_bookings(driver),
            position: seen.or(driver.fix).map(SeenAt::from),
            version: driver.version,
            created_at: driver.created_at.into(),
            updated_at: driver.updated_at.into(),
        }
    }

    /// The view for a customer who chooses a car or a seat: its name and status, and its plate and position while it is
    /// free. The bookings and the position under another customer are private to that customer.
    pub(in crate::http) fn for_customers(self) -> Self {
        let is_free = self.status == Status::Available;
        Self {
            phone: None,
            plate: self.plate.filter(|_| is_free),
            call: None,
            bookings: Vec::new(),
            position: self.position.filter(|_| is_free),
            ..self
        }
    }

    pub(in crate::http) fn status(&self) -> &'static str {
        self.status.as_str()
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
            assert_eq!(DriverView::new(&driver, None, Shade::Offered).status(), status);
        }
        Ok(())
    }
}
