//! A call as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{MoneySchema, PlaceSchema, SeenAt};
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
    created_at: Timestamp,
    /// When something last happened to it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
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

impl<'a> CallView<'a> {
    /// The call as clients see it. `policy` is its service's; `seen` is where its present driver was seen last.
    pub(in crate::http) fn new(call: &'a Call, policy: Option<&'a Policy>, seen: Option<Fix>) -> Self {
        let status = call.phase.status();
        let (cancelled_by, reason) = match &call.phase {
            Phase::Cancelled { by, reason, .. } => (Some(by.as_str()), reason.as_deref()),
            Phase::Denied { reason } => (None, Some(reason.as_str())),
            Phase::Requested { .. }
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
            driver: driver(call, policy, seen),
            pickup: &call.pickup,
            dropoff: call.dropoff.as_ref(),
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
            created_at: call.created_at,
            updated_at: call.updated_at,
        }
    }
}

fn driver<'a>(call: &'a Call, policy: Option<&Policy>, seen: Option<Fix>) -> Option<DriverOnCall<'a>> {
    let card = call.phase.driver()?;
    let seen = seen.filter(|_| call.phase.current_driver().is_some());
    let target = match call.phase {
        Phase::Started { .. } => call.dropoff.as_ref(),
        _ => Some(&call.pickup),
    };
    let eta_s = seen
        .zip(target)
        .zip(policy)
        .map(|((fix, target), policy)| policy.file.travel.eta_s(fix.position, target.position()));
    Some(DriverOnCall { id: &card.id, name: &card.name, position: seen.map(SeenAt::from), eta_s })
}

fn label<'a>(status: &'static str, policy: Option<&'a Policy>) -> Label<'a> {
    match policy.and_then(|policy| policy.file.labels.get(status)) {
        Some(text) => Label { ko: &text.ko, en: &text.en },
        None => Label { ko: status, en: status },
    }
}
