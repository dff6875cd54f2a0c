//! A service as clients see it: what they need to ask for it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Label, MoneySchema};
use crate::domain::{
    Currency, Money, Role, ServiceId,
    fare::FareRule,
    policy::{ConfirmedBy, FoundBy, PaymentDue, PeriodRule, Policy},
};

/// A service with its rules, as far as clients need them.
#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
pub(in crate::http) struct ServiceView<'a> {
    /// The id of the service.
    #[schema(value_type = String, example = "driver-call")]
    id: &'a ServiceId,
    /// Its name for people.
    name: Label<'a>,
    /// The word for a driver of this service.
    noun: Label<'a>,
    /// The currency of its fares (ISO 4217).
    currency: Currency,
    /// The name of each status, by status.
    #[schema(value_type = BTreeMap<String, Label<'static>>)]
    labels: BTreeMap<&'a str, Label<'a>>,
    /// The rules that clients need to know.
    policy: PolicyView<'a>,
}

/// How a service works, as far as its clients need to know.
#[derive(Serialize, ToSchema)]
#[schema(as = ServicePolicy)]
pub(in crate::http) struct PolicyView<'a> {
    /// How a driver is found.
    found_by: FoundBy,
    /// The party that confirms that a driver answers.
    confirmed_by: ConfirmedBy,
    /// Whether it is booked for a period.
    period: PeriodRule,
    /// When it is paid.
    payment_due: PaymentDue,
    /// The least that may be charged.
    #[schema(value_type = MoneySchema)]
    payment_minimum: Money,
    /// How long a call may stay unpaid, in seconds.
    unpaid_s: u32,
    /// How long a paid call looks for a driver, in seconds.
    deadline_s: u32,
    /// How long an offer stands, in seconds.
    offer_s: u32,
    /// How the fare is computed.
    fare: FareRule,
    /// The districts it is offered in; empty: no limits by name.
    #[schema(value_type = Vec<String>)]
    districts: &'a [String],
    /// The roles that may start a call.
    #[schema(value_type = Vec<Role>)]
    start: &'a [Role],
    /// The roles that may complete a call.
    #[schema(value_type = Vec<Role>)]
    complete: &'a [Role],
}

impl<'a> ServiceView<'a> {
    /// The service of a policy.
    pub(in crate::http) fn new(policy: &'a Policy) -> Self {
        let file = &policy.file;
        let labels = file.labels.iter().map(|(status, text)| (status.as_str(), Label { ko: &text.ko, en: &text.en }));
        Self {
            id: &policy.service,
            name: Label { ko: &file.name.ko, en: &file.name.en },
            noun: Label { ko: &file.noun.ko, en: &file.noun.en },
            currency: file.currency,
            labels: labels.collect(),
            policy: PolicyView {
                found_by: file.dispatch.by,
                confirmed_by: file.confirmed_by,
                period: file.period,
                payment_due: file.payment.due,
                payment_minimum: Money::new(file.payment.minimum, file.currency),
                unpaid_s: file.payment.unpaid_s,
                deadline_s: file.dispatch.deadline_s,
                offer_s: file.dispatch.offer_s,
                fare: file.fare,
                districts: file.area.as_ref().map_or(&[], |area| &area.districts),
                start: &file.steps.start,
                complete: &file.steps.complete,
            },
        }
    }
}
