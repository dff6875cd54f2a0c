//! The money of one call: charged at most once, refunded at most once, whatever crashes.
//!
//! The payment is the authority on money. Its intent (key, amount, attempt) is committed before the gateway hears of
//! it; an answer that never came is [`Phase::Unknown`] and is asked again with the same key, never with a new one.

mod machine;
mod method;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CallId, Money, money};
pub use machine::PaymentMachine;
pub use method::Method;

/// A payment as its call and everybody else sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is being charged.
    Created,
    /// A charge is on its way.
    Charging,
    /// The money was taken.
    Charged,
    /// The method was refused.
    Declined,
    /// A charge was sent and its outcome is not known.
    Unknown,
    /// A refund is owed.
    Refunding,
    /// The money was given back.
    Refunded,
}

impl PaymentStatus {
    /// The status as the interface shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Charging => "charging",
            Self::Charged => "charged",
            Self::Declined => "declined",
            Self::Unknown => "unknown",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
        }
    }

    /// Whether a charge is under way whose outcome is still to come.
    #[must_use]
    pub fn in_flight(self) -> bool {
        match self {
            Self::Charging | Self::Unknown => true,
            Self::Created | Self::Charged | Self::Declined | Self::Refunding | Self::Refunded => false,
        }
    }
}

/// The whole state of a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    /// The call it belongs to, whose id it has.
    pub id: CallId,
    /// How much is charged.
    #[serde(with = "money::compact")]
    pub amount: Money,
    /// Which attempt at charging this is, from 1. An attempt ends with a definite answer.
    pub attempt: u32,
    /// Whether the call is over: nothing more is charged, and what was charged goes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// How it is to be paid when the time comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The number of the newest method it was given; one with a smaller number came late. 0: none had a number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub method_number: u32,
    /// A charge whose method is still on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<Awaited>,
    pub phase: Phase,
    /// How many events it has seen.
    pub version: u64,
}

/// A charge that was asked for before the method that it names had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// Which attempt, from 1.
    pub attempt: u32,
    pub amount: Money,
    pub number: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where a payment stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Nothing is under way.
    Created {
        /// After an attempt that could not be made: when to try again, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    /// A charge is on its way.
    Charging {
        /// How it is paid.
        method: Method,
    },
    /// A charge was sent, its outcome is not known.
    Unknown {
        /// How it is paid.
        method: Method,
    },
    /// The method was refused.
    Declined { reason: String },
    /// The money was taken.
    Charged {
        /// The gateway's name for the charge.
        reference: Arc<str>,
    },
    /// The money goes back.
    Refunding {
        /// The gateway's name for the charge.
        reference: Arc<str>,
    },
    /// The money is back.
    Refunded,
}

/// The commands that a payment takes.
#[derive(Debug, Clone)]
pub enum Command {
    /// Charge the call's fare. A repetition of an attempt changes nothing.
    Charge {
        id: CallId,
        /// Which attempt, from 1.
        attempt: u32,
        amount: Money,
        /// How it is paid; the method that was kept, when none is given.
        method: Option<Method>,
        /// The method's number, also when it is not given here; 0: whichever is kept.
        number: u32,
    },
    /// Keep a method for later: it will be charged when it is due.
    KeepMethod {
        id: CallId,
        /// How much will be charged.
        amount: Money,
        /// How it is to be paid.
        method: Method,
        /// The method's number: a smaller one than the newest came late. 0: from before methods had numbers.
        number: u32,
    },
    /// The outcome of an attempt at charging.
    Settle { attempt: u32, outcome: Outcome },
    /// The call is over: charge nothing more, refund what was charged.
    Cancel {
        id: CallId,
        /// The fare, which would have been charged.
        amount: Money,
    },
    /// The gateway confirmed the refund.
    ConfirmRefund,
    /// A deadline passed. Payments have none of their own.
    Wake,
}

/// The outcome of an attempt at charging, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The money was taken.
    Charged {
        /// The gateway's name for the charge.
        reference: Arc<str>,
    },
    /// The method was refused.
    Declined { reason: String },
    /// Certainly nothing was taken, and nothing will be.
    NotCharged {
        /// When to try again, in seconds.
        retry_after_s: u64,
    },
    /// The charge may have been sent, and the gateway has not confirmed its outcome.
    Unknown,
}

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
}

/// Work that a payment owes to the gateway or its call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Ask the gateway to charge, for the first time with this key.
    Submit {
        /// Which attempt: part of the key.
        attempt: u32,
        amount: Money,
        /// How it is paid.
        method: Method,
    },
    /// Look up the outcome of an attempt, and send it again with the same key.
    Resolve {
        /// Which attempt: part of the key.
        attempt: u32,
        amount: Money,
        /// How it is paid.
        method: Method,
    },
    /// Ask the gateway to give the money back, until it confirms.
    Refund {
        /// The gateway's name for the charge.
        reference: Arc<str>,
        amount: Money,
    },
    /// Report the payment's state to the call.
    Tell(News),
}

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
    /// Why a method was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Payment {
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match &self.phase {
            Phase::Created { .. } => PaymentStatus::Created,
            Phase::Charging { .. } => PaymentStatus::Charging,
            Phase::Unknown { .. } => PaymentStatus::Unknown,
            Phase::Declined { .. } => PaymentStatus::Declined,
            Phase::Charged { .. } => PaymentStatus::Charged,
            Phase::Refunding { .. } => PaymentStatus::Refunding,
            Phase::Refunded => PaymentStatus::Refunded,
        }
    }

    /// The method that is being charged, or whose outcome is not known.
    fn charging(&self) -> Option<&Method> {
        match &self.phase {
            Phase::Charging { method } | Phase::Unknown { method } => Some(method),
            _ => None,
        }
    }

    /// Whether a charge may begin.
    fn is_open(&self) -> bool {
        !self.closed && matches!(self.phase, Phase::Created { .. } | Phase::Declined { .. })
    }

    /// The idempotency key of an attempt at charging: the same for every repetition of it.
    #[must_use]
    pub fn charge_key(id: &CallId, attempt: u32) -> Arc<str> {
        format!("{id}:charge:{attempt}").into()
    }

    /// The idempotency key of the refund. There is one per payment.
    #[must_use]
    pub fn refund_key(id: &CallId) -> Arc<str> {
        format!("{id}:refund").into()
    }

    /// The report to its call.
    #[must_use]
    pub fn news(&self) -> News {
        let status = self.status();
        let taken = matches!(status, PaymentStatus::Charged | PaymentStatus::Refunding | PaymentStatus::Refunded);
        let (retry_after_s, reason) = match &self.phase {
            Phase::Created { retry_after_s } => (*retry_after_s, None),
            Phase::Declined { reason } => (None, Some(reason.clone())),
            Phase::Charging { .. }
            | Phase::Unknown { .. }
            | Phase::Charged { .. }
            | Phase::Refunding { .. }
            | Phase::Refunded => (None, None),
        };
        News {
            version: self.version,
            status,
            charged: taken.then_some(self.amount),
            refunded: (status == PaymentStatus::Refunded).then_some(self.amount),
            retry_after_s,
            reason,
        }
    }
}
