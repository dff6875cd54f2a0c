//! The events of a payment.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Awaited, Method, PendingAction, Word};
use crate::domain::{CallId, Money};

/// The events of a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    PaymentOpened {
        id: CallId,
        /// The fare that is to be charged.
        amount: Money,
    },
    /// A method is kept for later.
    MethodKept {
        /// How it is to be paid.
        method: Method,
        #[serde(default)]
        number: u32,
    },
    /// A charge was asked for whose method is still on its way.
    MethodAwaited(Awaited),
    /// An attempt begins; the gateway has not heard of it yet.
    ChargeStarted {
        /// Which attempt, from 1.
        attempt: u32,
        amount: Money,
        /// How it is paid.
        method: Method,
        #[serde(default)]
        number: u32,
        /// The name of the gateway.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway: Option<Arc<str>>,
    },
    /// The gateway has opened an intent, which has taken no money.
    IntentOpened {
        /// The gateway's name for it.
        intent: Arc<str>,
    },
    /// The payer must do something before the money can be taken.
    ActionRequired { action: PendingAction },
    /// The charge was not performed, and is sent again.
    ChargeRepeated,
    /// The charge is given up, unless it has taken the money already.
    WithdrawalStarted,
    /// The charge never takes money.
    ChargeWithdrawn {
        /// Why the last confirmation failed, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The money was taken.
    Charged {
        /// The gateway's name for the charge.
        reference: Arc<str>,
    },
    /// The method was refused, or there is none.
    ChargeDeclined {
        /// Which attempt, when the gateway never heard of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unsent: Option<u32>,
        reason: String,
    },
    /// The gateway took nothing and says why.
    ChargeRejected { reason: String },
    /// Certainly nothing was taken.
    ChargeFailed {
        /// When to try again, in seconds.
        retry_after_s: u64,
    },
    /// The gateway did not answer.
    OutcomeUnknown,
    /// The call is over.
    PaymentClosed,
    /// The money goes back.
    RefundStarted,
    /// The money is back.
    Refunded,
    /// The money cannot be given back through the gateway.
    RefundFailed { reason: String },
    /// An operator said how it stands. What follows from it comes in the same commit.
    SettledByHand(Word),
    /// The customer is let off.
    PaymentWaived,
    /// The customer owes the fare.
    PaymentOwed,
}
