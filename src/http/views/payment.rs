//! The payment of a call as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{MoneySchema, Time};
use crate::{
    clock,
    domain::{
        Money,
        call::Call,
        payment::{ActionKind, PaymentStatus, PendingAction},
    },
};

/// The payment of a call.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct PaymentOnCall {
    /// Where the payment stands.
    status: PaymentStatus,
    /// The amount that was charged, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MoneySchema>)]
    charged: Option<Money>,
    /// The amount that was refunded, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MoneySchema>)]
    refunded: Option<Money>,
    /// After an attempt that could not be made: when to try again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    /// While the payment is `action_required`: what the payer must do. Only its customer sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionOnCall>,
}

impl PaymentOnCall {
    /// The payment of a call, without what only its payer may know.
    pub(super) fn new(call: &Call) -> Self {
        Self {
            status: call.payment.status,
            charged: call.payment.charged,
            refunded: call.payment.refunded,
            retry_after_s: retry_after_s(call, clock::now()),
            action: None,
        }
    }

    /// With what the payer must do.
    pub(super) fn with_action(self, call: &Call) -> Self {
        Self { action: call.payment.action.as_ref().map(ActionOnCall::from), ..self }
    }
}

/// What a payer must do before the fare can be taken.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentAction)]
pub(in crate::http) struct ActionOnCall {
    /// How the payer does it.
    kind: ActionKind,
    /// With `sdk`: what the gateway's library needs to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// With `redirect`: the page to show to the payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Until when the payment waits for it. Afterwards another method may be given.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

impl From<&PendingAction> for ActionOnCall {
    fn from(PendingAction { action, expires_at }: &PendingAction) -> Self {
        Self {
            kind: action.kind,
            client_secret: action.client_secret.clone(),
            url: action.url.clone(),
            expires_at: (*expires_at).into(),
        }
    }
}

/// The seconds until another payment attempt makes sense; `None` once that time has passed, and when the call is over.
fn retry_after_s(call: &Call, now: Timestamp) -> Option<u64> {
    let waits = call.payment.status == PaymentStatus::Created && !call.phase.is_terminal();
    let told = call.payment.retry_after_s.filter(|_| waits)?;
    let passed = u64::try_from(now.duration_since(call.updated_at).as_secs()).unwrap_or_default();
    told.checked_sub(passed).filter(|left| *left > 0)
}
