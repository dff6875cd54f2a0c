//! `/v1/ops/payments`: money that needs a look, and an operator's word about it.
//!
//! Operators of some services see and settle the payments of those services only; others do not exist for them.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actors::boards::Unsettled,
    clock,
    domain::{
        CallId, CustomerId, Party,
        payment::{Payment, PaymentStatus, Phase, Verdict, Word},
    },
    http::{
        auth::{
            Principal,
            only::{Only, Operators},
        },
        error::{
            Problem, Refusals,
            refusals::{Actor, Body, Step},
        },
        extract::{
            json::{self, Json},
            path::CallPath,
            query::{Given, Paging, Parameters, Query, known},
            text::{self, NOTE_MAX},
        },
        state::State,
        views::{Page, Time},
    },
};

/// The names of the states in which money needs a look.
const STATES: [&str; 5] = ["unknown", "action_required", "rejected", "refunding", "refund_failed"];
/// The longest age that can be asked for, in seconds: ten years.
const AGE_MAX_S: usize = 10 * 366 * 24 * 3_600;
/// Characters of a gateway's reference.
const REFERENCE_MAX: usize = 255;

/// A state in which money needs a look.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a parameter in the OpenAPI document")]
pub(in crate::http) enum UnsettledState {
    /// A charge was sent and its outcome is not known.
    Unknown,
    /// The payer must do something first.
    ActionRequired,
    /// The gateway took nothing and says why.
    Rejected,
    /// A refund is owed.
    Refunding,
    /// A refund failed for good.
    RefundFailed,
}

/// Which payments, and how many.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct UnsettledQuery {
    /// Only in this state.
    #[param(value_type = Option<UnsettledState>)]
    state: Option<&'static str>,
    /// Only those that have been in their state for longer than this, in seconds.
    #[param(minimum = 0)]
    older_than_s: Option<usize>,
    #[param(ignore)]
    page: Paging,
}

impl Parameters for UnsettledQuery {
    fn read(given: &Given) -> Result<Self, Problem> {
        Ok(Self {
            state: given.text("state").map(|state| known("state", state, &STATES)).transpose()?,
            older_than_s: given.number("older_than_s", 0..=AGE_MAX_S)?,
            page: Paging::read(given)?,
        })
    }
}

impl UnsettledQuery {
    fn wants(&self, payment: &Unsettled, now: Timestamp) -> bool {
        let age = now.duration_since(payment.since);
        let least = Duration::from_secs(self.older_than_s.unwrap_or(0) as u64);
        self.state.is_none_or(|state| state == payment.state.as_str())
            && (self.older_than_s.is_none() || age > SignedDuration::try_from(least).unwrap_or(SignedDuration::MAX))
    }
}

/// A payment whose money needs a look.
#[derive(Serialize, ToSchema)]
#[schema(as = UnsettledPayment)]
pub(in crate::http) struct UnsettledView {
    /// The payment, which has the id of its call.
    #[schema(value_type = String)]
    payment_id: CallId,
    /// The call.
    #[schema(value_type = String)]
    call_id: CallId,
    /// Where the payment stands.
    state: PaymentStatus,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// How much, in minor units.
    amount: u64,
    /// The currency's code in ISO 4217.
    #[schema(value_type = String, example = "KRW")]
    currency: String,
    /// How often the gateway was asked in vain since this server has the payment.
    attempts: u32,
    /// The last answer that settled nothing, or the gateway's reason.
    last_error: Option<String>,
    /// The gateway's name for the intent or charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_reference: Option<String>,
}

impl From<Unsettled> for UnsettledView {
    fn from(payment: Unsettled) -> Self {
        Self {
            payment_id: payment.payment.clone(),
            call_id: payment.payment,
            state: payment.state,
            since: payment.since.into(),
            amount: payment.amount.amount,
            currency: payment.amount.currency.code().to_owned(),
            attempts: payment.attempts,
            last_error: payment.last_error,
            gateway_reference: payment.reference.map(|reference| reference.to_string()),
        }
    }
}

/// An operator's word about money that nobody else can settle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SettleMoney {
    /// How it stands.
    outcome: Verdict,
    /// The gateway's name for the charge or the refund, if you know it. A refund of a charge needs it.
    #[schema(min_length = 1, max_length = 255)]
    reference: Option<String>,
    /// Why, for the timeline, which the customer reads as well.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// A payment that an operator settled.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct SettledPayment {
    /// The payment, which has the id of its call.
    #[schema(value_type = String)]
    payment_id: CallId,
    /// The call.
    #[schema(value_type = String)]
    call_id: CallId,
    /// Where the payment stands now.
    state: PaymentStatus,
    /// How much, in minor units.
    amount: u64,
    /// The currency's code in ISO 4217.
    #[schema(value_type = String, example = "KRW")]
    currency: String,
    /// The gateway's name for the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_reference: Option<String>,
    /// The operator who settled it.
    #[schema(value_type = String)]
    by: CustomerId,
}

/// Money that needs a look, oldest first: charges whose outcome is not known or whose payer must do something, what the gateway
/// rejected, refunds that are not done or have failed.
#[utoipa::path(get, path = "/v1/ops/payments", tag = "operator", params(UnsettledQuery, Paging),
    responses((status = 200, body = Page<UnsettledView>), Refusals))]
pub(in crate::http) async fn list(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    Query(query): Query<UnsettledQuery>,
) -> Result<HttpResponse, Problem> {
    let now = clock::now();
    let wanted = state.engine.unsettled().into_iter().filter(|payment| query.wants(payment, now));
    let mut shown = Vec::new();
    for payment in wanted {
        if concerns(&state, &who, &payment.payment).await {
            shown.push(payment);
        }
    }
    let mark = |payment: &Unsettled| format!("{:020}{}", payment.since.as_microsecond(), payment.payment);
    let page = query.page.page_of(shown, "unsettled", mark)?;
    let items: Vec<UnsettledView> = page.items.into_iter().map(UnsettledView::from).collect();
    json::ok(&Page { items, next_cursor: page.next_cursor })
}

/// Says how it stands with the money of a payment, which is recorded with your name and reason in the timeline. 409 when the
/// payment does not wait for that.
#[utoipa::path(post, path = "/v1/ops/payments/{id}/settle", tag = "operator", params(("id" = String, Path)),
    request_body = SettleMoney, responses((status = 200, body = SettledPayment), Refusals<(Body, Actor, Step)>))]
pub(in crate::http) async fn settle(
    state: Data<State>,
    Only(who, _): Only<Operators>,
    CallPath(id): CallPath,
    Json(body): Json<SettleMoney>,
) -> Result<HttpResponse, Problem> {
    let reason = text::said("reason", &body.reason, NOTE_MAX)?;
    let reference = body.reference.map(|reference| text::line("reference", &reference, REFERENCE_MAX)).transpose()?;
    if !concerns(&state, &who, &id).await {
        return Err(Problem::not_found("payment"));
    }
    let Party::Operator(by) = who.party().clone() else { return Err(Problem::not_found("payment")) };
    tracing::warn!(payment = %id, outcome = ?body.outcome, by = who.id(), "an operator settles a payment by hand");
    let word = Word { outcome: body.outcome, reference: reference.map(Into::into), reason, by: by.clone() };
    let payment = state.engine.settle_payment(&id, word, who.cause()).await?;
    json::ok(&SettledPayment {
        payment_id: id.clone(),
        call_id: id,
        state: payment.status(),
        amount: payment.amount.amount,
        currency: payment.amount.currency.code().to_owned(),
        gateway_reference: reference_of(&payment),
        by,
    })
}

fn reference_of(payment: &Payment) -> Option<String> {
    match &payment.phase {
        Phase::Charged { reference } | Phase::Refunding { reference } | Phase::RefundFailed { reference, .. } => {
            Some(reference.to_string())
        }
        _ => None,
    }
}

/// Whether the token is good for the service of a payment.
async fn concerns(state: &State, who: &Principal, payment: &CallId) -> bool {
    if who.services().is_none() {
        return true;
    }
    let service = state.engine.ops.service_of("payment", payment.as_str()).await.ok().flatten();
    service.is_some_and(|service| who.may_use(&service))
}
