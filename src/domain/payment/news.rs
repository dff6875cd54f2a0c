//! The report of a payment to its call.

use serde::{Deserialize, Serialize};

use super::{Payment, PaymentStatus, PendingAction, Phase, Word};
use crate::domain::Money;

/// The state of a payment, as it is reported to its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The payment's version: older news than what is known is ignored.
    pub version: u64,
    pub status: PaymentStatus,
    /// The amount that was charged so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged: Option<Money>,
    /// The amount that was refunded so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// When to try again, in seconds, after an attempt that could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// Why a method was refused, or why the money cannot be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the payer must do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<PendingAction>,
    /// What an operator said, when it is the reason for the news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
}

impl News {
    /// The news without what only the payer may know.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        Self { action: self.action.as_ref().map(PendingAction::without_secrets), ..self.clone() }
    }

    /// Why the method was refused, if that is the news.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match self.status {
            PaymentStatus::Declined | PaymentStatus::Rejected => Some(self.reason.as_deref().unwrap_or_default()),
            PaymentStatus::Debt => self.reason.as_deref(),
            _ => None,
        }
    }
}

impl Payment {
    /// The report to its call.
    #[must_use]
    pub fn news(&self) -> News {
        let status = self.status();
        let (retry_after_s, reason) = match &self.phase {
            Phase::Created { retry_after_s } => (*retry_after_s, None),
            Phase::Declined { reason } | Phase::Rejected { reason } | Phase::RefundFailed { reason, .. } => {
                (None, Some(reason.clone()))
            }
            Phase::Debt { reason, retry_after_s } => (*retry_after_s, reason.clone()),
            Phase::Charging { .. }
            | Phase::Unknown { .. }
            | Phase::ActionRequired { .. }
            | Phase::Charged { .. }
            | Phase::Refunding { .. }
            | Phase::Refunded { .. }
            | Phase::Waived => (None, None),
        };
        let action = match &self.phase {
            Phase::ActionRequired { action, .. } => Some(action.clone()),
            _ => None,
        };
        News {
            version: self.version,
            status,
            charged: status.was_charged().then_some(self.amount),
            refunded: (status == PaymentStatus::Refunded).then_some(self.amount),
            retry_after_s,
            reason,
            action,
            word: None,
        }
    }
}
