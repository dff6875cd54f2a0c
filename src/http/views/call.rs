//! A call as clients see it.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::{CustomerOnCall, MoneySchema, PaymentOnCall, PlaceSchema, SeenAt, Time};
use crate::domain::{
    CallId, CustomerId, DriverId, Money, Party, Place, ServiceId,
    call::{Call, Phase, Status},
    driver::{Fix, Profile},
    policy::{OfferShows, Policy},
};

/// A call as the one who asks may see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Call, example = json!({
    "id": "call_01m8de16tpex09am4nwbgkfd9y",
    "service": "driver-call",
    "status": "assigned",
    "customer_id": "mina",
    "driver": {"id": "kim", "name": "김기사", "phone": "010-1234-5678", "eta_s": 312},
    "pickup": {"lat": 37.4979, "lng": 127.0276, "address": "강남역"},
    "dropoff": {"lat": 37.5547, "lng": 126.9707, "address": "서울역"},
    "fare": {"amount": 20000, "currency": "KRW"},
    "payment": {"status": "charged", "charged": {"amount": 20000, "currency": "KRW"}},
    "label": {"ko": "기사 배정", "en": "Driver assigned"},
    "version": 7,
    "created_at": "2026-01-01T00:00:00.000Z",
    "updated_at": "2026-01-01T00:00:12.345Z"
}))]
pub(in crate::http) struct CallView<'a> {
    /// The call's id.
    #[schema(value_type = String, example = "call_01890a5d")]
    id: &'a CallId,
    /// The service, by its id.
    #[schema(value_type = String, example = "driver-call")]
    service: &'a ServiceId,
    /// Where the call stands.
    status: Status,
    /// The party that called it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<CancelledBy>,
    /// Why it was cancelled or denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<&'a str>,
    /// The customer's id. Left out for a driver to whom the call is only offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    customer_id: Option<&'a CustomerId>,
    /// The customer, for the driver who has the call and until it ends; left out while the customer has not said its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerOnCall>,
    /// The driver who has or had the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<DriverOnCall<'a>>,
    /// The place where the customer is met, or the work is done.
    #[schema(value_type = PlaceSchema)]
    pickup: Cow<'a, Place>,
    /// The destination of the trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PlaceSchema>)]
    dropoff: Option<Cow<'a, Place>>,
    /// The period that the call is booked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<PeriodOnCall>,
    /// The customer's note to the driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    note: Option<&'a str>,
    /// The fare, as quoted or agreed.
    #[schema(value_type = MoneySchema)]
    fare: Money,
    /// Where its payment stands.
    payment: PaymentOnCall,
    /// The status for people.
    label: Label<'a>,
    /// How many things happened to it.
    version: u64,
    /// When it was requested.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When something last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// From when to when a call is booked.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PeriodOnCall {
    /// When the booked time begins.
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    /// When the booked time ends.
    #[schema(value_type = String, format = DateTime)]
    to: Time,
}

/// The party that called a call off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum CancelledBy {
    /// Its customer.
    Customer,
    /// Its driver.
    Driver,
    /// An operator.
    Operator,
    /// The service itself: a deadline, a rule.
    System,
}

impl From<&Party> for CancelledBy {
    fn from(party: &Party) -> Self {
        match party {
            Party::Customer(_) => Self::Customer,
            Party::Driver(_) => Self::Driver,
            Party::Operator(_) => Self::Operator,
            Party::System => Self::System,
        }
    }
}

/// The driver of a call.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct DriverOnCall<'a> {
    /// The driver's id.
    #[schema(value_type = String)]
    id: &'a DriverId,
    /// The driver's name: the present one while it has the call, afterwards the one at the time when it took the call.
    #[schema(value_type = String)]
    name: Cow<'a, str>,
    /// The phone number, while it has the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    /// The licence plate, while it has the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    plate: Option<String>,
    /// Its position, while it has the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<SeenAt>,
    /// Seconds to where it is going: the pickup, or once started the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_s: Option<u64>,
}

/// A text in every language.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Label<'a> {
    /// The text in Korean.
    #[schema(value_type = String)]
    pub ko: &'a str,
    /// The text in English.
    #[schema(value_type = String)]
    pub en: &'a str,
}

/// The view for a driver who does not have the call: its status, without data of the customer and the other driver.
#[derive(Serialize, ToSchema)]
#[schema(as = CallOutline)]
pub(in crate::http) struct CallOutline<'a> {
    /// The call's id.
    #[schema(value_type = String, example = "call_01890a5d")]
    id: &'a CallId,
    /// The service, by its id.
    #[schema(value_type = String, example = "driver-call")]
    service: &'a ServiceId,
    /// Where the call stands.
    status: Status,
    /// The status for people.
    label: Label<'a>,
    /// How many things happened to it.
    version: u64,
}

impl<'a> CallOutline<'a> {
    /// The outline of a call of a service with that policy.
    pub(in crate::http) fn new(call: &'a Call, policy: Option<&'a Policy>) -> Self {
        let status = call.phase.standing();
        let label = label(status.as_str(), policy);
        Self { id: &call.id, service: &call.service, status, label, version: call.version }
    }
}

impl<'a> CallView<'a> {
    /// The call as clients see it. `policy` is its service's; `face` is what its present driver is registered as,
    /// `seen` where it was seen last, and `eta_s` how many seconds it needs from there.
    pub(in crate::http) fn new(
        call: &'a Call,
        policy: Option<&'a Policy>,
        face: Option<&Profile>,
        seen: Option<Fix>,
        eta_s: Option<u64>,
    ) -> Self {
        let status = call.phase.standing();
        let (cancelled_by, reason) = match &call.phase {
            Phase::Cancelled { by, reason, .. } => (Some(by.into()), reason.as_deref()),
            Phase::Denied { reason, text } => (None, Some(text.as_deref().unwrap_or(reason.as_str()))),
            Phase::Requested { .. }
            | Phase::AwaitingApproval { .. }
            | Phase::AwaitingPayment { .. }
            | Phase::Dispatching(_)
            | Phase::Assigned { .. }
            | Phase::Started { .. }
            | Phase::Completed { .. } => (None, None),
        };
        Self {
            id: &call.id,
            service: &call.service,
            status,
            cancelled_by,
            reason,
            customer_id: Some(&call.customer_id),
            customer: None,
            driver: driver(call, face, seen, eta_s),
            pickup: Cow::Borrowed(&call.pickup),
            dropoff: call.dropoff.as_ref().map(Cow::Borrowed),
            period: call.period.map(|period| PeriodOnCall { from: period.from.into(), to: period.to.into() }),
            note: call.note.as_deref(),
            fare: call.fare,
            payment: PaymentOnCall::new(call),
            label: label(status.as_str(), policy),
            version: call.version,
            created_at: call.created_at.into(),
            updated_at: call.updated_at.into(),
        }
    }
}

impl CallView<'_> {
    /// The view for the customer, with what it must do to pay.
    pub(in crate::http) fn with_action(mut self, call: &Call) -> Self {
        self.payment = self.payment.with_action(call);
        self
    }

    /// The view for the driver who has the call, with its customer.
    pub(in crate::http) fn with_customer(self, customer: Option<CustomerOnCall>) -> Self {
        Self { customer, ..self }
    }

    /// The view for a driver to whom the call is only offered: without the customer's id, and with the parts that
    /// the service's policy lists.
    pub(in crate::http) fn in_an_offer(mut self, shown: &[OfferShows]) -> Self {
        self.customer_id = None;
        if !shown.contains(&OfferShows::Dropoff) {
            self.dropoff = None;
        }
        if !shown.contains(&OfferShows::Address) {
            self.pickup = Cow::Owned(self.pickup.without_address());
            self.dropoff = self.dropoff.map(|dropoff| Cow::Owned(dropoff.without_address()));
        }
        if !shown.contains(&OfferShows::Note) {
            self.note = None;
        }
        self
    }
}

fn driver<'a>(
    call: &'a Call,
    face: Option<&Profile>,
    seen: Option<Fix>,
    eta_s: Option<u64>,
) -> Option<DriverOnCall<'a>> {
    let card = call.shown_driver()?;
    let has_it = call.phase.current_driver().is_some();
    let (face, seen) = (face.filter(|_| has_it), seen.filter(|_| has_it));
    let eta_s = eta_s.filter(|_| seen.is_some());
    Some(DriverOnCall {
        id: &card.id,
        name: face.map_or(Cow::Borrowed(card.name.as_str()), |face| Cow::Owned(face.name.clone())),
        phone: face.and_then(|face| face.phone.clone()),
        plate: face.and_then(|face| face.plate.clone()),
        position: seen.map(SeenAt::from),
        eta_s,
    })
}

fn label<'a>(status: &'static str, policy: Option<&'a Policy>) -> Label<'a> {
    match policy.and_then(|policy| policy.file.labels.get(status)) {
        Some(text) => Label { ko: &text.ko, en: &text.en },
        None => Label { ko: status, en: status },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{LatLng, ServiceId, geo::ServiceArea, policy::PolicyFile};

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn policy() -> Result<Policy, Box<dyn std::error::Error>> {
        let file: PolicyFile = toml::from_str(include_str!("../../../config/services/driver-call.toml"))?;
        Ok(Policy::new(ServiceId::new("driver-call")?, file, ServiceArea::Everywhere))
    }

    fn call(phase: &Value) -> Result<Call, serde_json::Error> {
        serde_json::from_value(json!({
            "id": "call_1", "service": "driver-call", "customer_id": "mina",
            "pickup": {"lat": 37.5, "lng": 127.0}, "dropoff": {"lat": 37.6, "lng": 127.0},
            "fare": "20000 KRW", "phase": phase,
            "payment": {"status": "charged", "attempt": 1, "version": 3, "charged": "20000 KRW"},
            "version": 6, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:01:00Z",
        }))
    }

    fn shown(phase: &Value) -> Result<Value, Box<dyn std::error::Error>> {
        let fix = Fix::now(LatLng::new(37.51, 127.0)?, "2026-01-01T00:00:30Z".parse()?);
        Ok(serde_json::to_value(CallView::new(&call(phase)?, Some(&policy()?), None, Some(fix), Some(312)))?)
    }

    #[test]
    fn a_call_shows_its_driver_where_it_is_and_how_long_it_needs() -> Tested {
        let assigned = shown(&json!({"status": "assigned", "driver": {"id": "kim", "name": "김"}}))?;
        assert_eq!(assigned["status"], "assigned");
        assert_eq!(assigned["driver"]["position"]["lat"], 37.51);
        assert_eq!(assigned["payment"], json!({"status": "charged", "charged": {"amount": 20_000, "currency": "KRW"}}));
        assert_eq!(assigned["label"]["ko"], "기사 배정");
        assert_eq!(assigned["created_at"], "2026-01-01T00:00:00.000Z");
        assert_eq!(assigned["driver"]["eta_s"], 312);
        Ok(())
    }

    #[test]
    fn a_call_that_is_over_shows_who_had_it_but_not_where_that_driver_is_now() -> Tested {
        let driver = json!({"id": "kim", "name": "김"});
        let cancelled =
            shown(&json!({"status": "cancelled", "by": {"customer": "mina"}, "reason": "late", "driver": driver}))?;
        assert_eq!((&cancelled["cancelled_by"], &cancelled["reason"]), (&json!("customer"), &json!("late")));
        assert_eq!(cancelled["driver"], driver);
        let denied = shown(&json!({"status": "denied", "reason": "out_of_area"}))?;
        assert_eq!(denied["reason"], "out_of_area");
        assert!(denied.get("driver").is_none() && denied.get("cancelled_by").is_none(), "{denied}");
        Ok(())
    }
}
