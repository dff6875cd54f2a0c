//! The words of a refusal that its customer is also notified of: an answer and a notification of the same occasion say the
//! same, and a service's file words both.

use super::{
    Occasion,
    fill::{Fill, why_denied},
    texts,
};
use crate::domain::{
    call::{Call, Phase},
    policy::{Policy, Text},
};

/// What the customer of a call is told on an occasion. `retry_after_s` is when to try again, in seconds.
#[must_use]
pub fn refused_customer(policy: Option<&Policy>, call: &Call, occasion: Occasion, retry_after_s: Option<u64>) -> Text {
    let reason = match (occasion, &call.phase) {
        (Occasion::PaymentDeclined, _) => call.payment.reason.as_deref().map(texts::of_the_gateway),
        (Occasion::PaymentUnavailable, _) => retry_after_s.map(texts::retry),
        (Occasion::Denied, Phase::Denied { reason, text }) => why_denied(*reason, text.as_deref()),
        _ => None,
    };
    Fill::new(policy, call).because(reason).customer(occasion).text
}
