//! A call as clients see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{MoneySchema, PlaceSchema, SeenAt, Time};
use crate::domain::{
    CallId, CustomerId, DriverId, Money, Place, ServiceId,
    call::{Call, Phase},
    driver::Fix,
    policy::Policy,
};

/// A call.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub(in crate::http) struct CallView<'a> {
    /// Its id.
    #[schema(value_type = String, example = "call_01890a5d")]
    id: &'a CallId,
    /// Its service.
    #[schema(value_type = String, example = "driver-call")]
    service: &'a ServiceId,
    /// requested, awaiting_approval, awaiting_payment, dispatching, assigned, started, completed, cancelled or denied.
    #[schema(value_type = String, example = "dispatching")]
    status: &'static str,
    /// customer, driver, operator or system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    cancelled_by: Option<&'static str>,
    /// Why it was cancelled or denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<&'a str>,
    /// Who asks and pays.
    #[schema(value_type = String)]
    customer_id: &'a CustomerId,
    /// Who has or had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<DriverOnCall<'a>>,
    /// Where it begins.
    #[schema(value_type = PlaceSchema)]
    pickup: &'a Place,
    /// Where it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PlaceSchema>)]
    dropoff: Option<&'a Place>,
    /// What it is booked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"from": "2030-01-01T09:00:00.000Z", "to": "2030-01-02T09:00:00.000Z"}))]
    period: Option<PeriodOnCall>,
    /// What the customer added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    note: Option<&'a str>,
    /// What it costs.
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
#[derive(Serialize)]
pub(in crate::http) struct PeriodOnCall {
    from: Time,
    to: Time,
}

/// The driver of a call.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct DriverOnCall<'a> {
    /// Its id.
    #[schema(value_type = String)]
    id: &'a DriverId,
    /// What people call it.
    #[schema(value_type = String)]
    name: &'a str,
    /// Where it is, while it has the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<SeenAt>,
    /// Seconds to where it is going: the pickup, or once started the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_s: Option<u64>,
}

/// The payment of a call.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PaymentOnCall {
    /// created, charging, charged, declined, unknown, refunding or refunded.
    #[schema(value_type = String, example = "charged")]
    status: &'static str,
    /// What was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MoneySchema>)]
    charged: Option<Money>,
    /// What was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MoneySchema>)]
    refunded: Option<Money>,
    /// After an attempt that could not be made: when to try again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

/// A text in every language.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Label<'a> {
    /// Korean.
    #[schema(value_type = String)]
    pub ko: &'a str,
    /// English.
    #[schema(value_type = String)]
    pub en: &'a str,
}

/// What a driver who does not have the call is told of it: that it is over or another's, and nothing of the people.
#[derive(Serialize)]
pub(in crate::http) struct CallOutline<'a> {
    id: &'a CallId,
    service: &'a ServiceId,
    status: &'static str,
    label: Label<'a>,
    version: u64,
}

impl<'a> CallOutline<'a> {
    /// The outline of a call of a service with that policy.
    pub(in crate::http) fn new(call: &'a Call, policy: Option<&'a Policy>) -> Self {
        let status = call.phase.status();
        Self { id: &call.id, service: &call.service, status, label: label(status, policy), version: call.version }
    }
}

impl<'a> CallView<'a> {
    /// The call as clients see it. `policy` is its service's; `seen` is where its present driver was seen last,
    /// `eta_s` how many seconds it needs from there.
    pub(in crate::http) fn new(
        call: &'a Call,
        policy: Option<&'a Policy>,
        seen: Option<Fix>,
        eta_s: Option<u64>,
    ) -> Self {
        let status = call.phase.status();
        let (cancelled_by, reason) = match &call.phase {
            Phase::Cancelled { by, reason, .. } => (Some(by.as_str()), reason.as_deref()),
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
            customer_id: &call.customer_id,
            driver: driver(call, seen, eta_s),
            pickup: &call.pickup,
            dropoff: call.dropoff.as_ref(),
            period: call.period.map(|period| PeriodOnCall { from: period.from.into(), to: period.to.into() }),
            note: call.note.as_deref(),
            fare: call.fare,
            payment: PaymentOnCall {
                status: call.payment.status.as_str(),
                charged: call.payment.charged,
                refunded: call.payment.refunded,
                retry_after_s: call.payment.retry_after_s,
            },
            label: label(status, policy),
            version: call.version,
            created_at: call.created_at.into(),
            updated_at: call.updated_at.into(),
        }
    }
}

fn driver(call: &Call, seen: Option<Fix>, eta_s: Option<u64>) -> Option<DriverOnCall<'_>> {
    let card = call.shown_driver()?;
    let seen = seen.filter(|_| call.phase.current_driver().is_some());
    let eta_s = eta_s.filter(|_| seen.is_some());
    Some(DriverOnCall { id: &card.id, name: &card.name, position: seen.map(SeenAt::from), eta_s })
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
        Ok(Policy { service: ServiceId::new("driver-call")?, file, area: ServiceArea::Everywhere })
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
        let fix = Fix { position: LatLng::new(37.51, 127.0)?, at: "2026-01-01T00:00:30Z".parse()? };
        Ok(serde_json::to_value(CallView::new(&call(phase)?, Some(&policy()?), Some(fix), Some(312)))?)
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
