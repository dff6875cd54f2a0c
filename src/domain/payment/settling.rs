//! An operator's word about money that nobody else can settle: a charge whose outcome stays unknown, a refund that is not
//! done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Effect, Event, Payment, Phase, charging, machine::Decided};
use crate::domain::{CustomerId, Decision, Rejection};

/// How it stands with the money, in an operator's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The charge took the money.
    Charged,
    /// The charge took nothing, and never will.
    NotCharged,
    /// The money is back.
    Refunded,
    /// The money cannot be given back through the gateway; nobody is reminded any more.
    RefundFailed,
}

/// What an operator said, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub outcome: Verdict,
    /// The gateway's name for the charge or refund, if the operator knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Arc<str>>,
    pub reason: String,
    /// The operator, by the token's `sub`.
    pub by: CustomerId,
}

/// Name of a charge of which an operator knows only that it was made.
const BY_HAND: &str = "by_hand";

/// An operator settles what is open.
pub(super) fn settle_by_hand(payment: &Payment, word: &Word) -> Decided {
    if payment.word.as_deref() == Some(word) {
        return Ok(Decision::nothing());
    }
    let said = Decision::event(Event::SettledByHand(word.clone()));
    match (word.outcome, &payment.phase) {
        (Verdict::Charged, Phase::Charging { .. } | Phase::Unknown { .. } | Phase::ActionRequired { .. }) => {
            let known = word.reference.as_ref().or(payment.intent.as_ref());
            let reference = known.map_or_else(|| Arc::from(BY_HAND), Arc::clone);
            Ok(said.and_all(charging::charged(payment, &reference)))
        }
        // The charge is withdrawn as well, so that it cannot make the word untrue later.
        (Verdict::NotCharged, Phase::Charging { .. } | Phase::Unknown { .. } | Phase::ActionRequired { .. }) => {
            let over = Event::ChargeWithdrawn { reason: Some(word.reason.clone()) };
            Ok(said.and(over).then(charging::withdrawal(payment)))
        }
        (Verdict::Refunded, Phase::Refunding { .. } | Phase::RefundFailed { .. }) => Ok(said.and(Event::Refunded)),
        (Verdict::RefundFailed, Phase::Refunding { .. }) => {
            Ok(Decision::event(Event::RefundFailed { reason: word.reason.clone() }).and_all(said))
        }
        (Verdict::RefundFailed, Phase::RefundFailed { noted: false, .. }) => Ok(said),
        _ => Err(Rejection::IllegalTransition { state: payment.status().as_str(), command: "settle" }),
    }
}

impl Payment {
    /// The charge whose refund the gateway can say something new about.
    #[must_use]
    pub fn refunded_charge(&self) -> Option<&Arc<str>> {
        match &self.phase {
            Phase::Refunding { reference } => Some(reference),
            Phase::Refunded { reference } => reference.as_ref(),
            _ => None,
        }
    }
}

/// The money goes back.
pub(super) fn refund(payment: &Payment, reference: &Arc<str>) -> Decision<Event, Effect> {
    Decision::event(Event::RefundStarted).then(Effect::Refund {
        reference: Arc::clone(reference),
        amount: payment.amount,
        gateway: payment.gateway.clone(),
    })
}
