//! The money of one call: charged at most once, refunded at most once, whatever crashes.
//!
//! The payment is the authority on money. What it is about to ask of the gateway (gateway, key or intent, amount, attempt)
//! is committed before the gateway hears of it. An answer that never came is [`Phase::Unknown`]: what became of the charge
//! is looked up, and it is never sent with another key or intent while it may still take effect.

mod action;
mod charging;
mod command;
mod effect;
mod event;
mod machine;
mod method;
mod news;
mod settling;
mod status;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CallId, Money, money};
pub use action::{Action, ActionKind, PendingAction};
pub use command::{Command, Outcome};
pub use effect::{Attempt, Effect};
pub use event::Event;
pub use machine::PaymentMachine;
pub use method::Method;
pub use news::News;
pub use settling::{Verdict, Word};
pub use status::{PaymentStatus, Settlement};

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
    /// Whether the call was served and the fare is owed: an attempt that fails leaves it owed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owed: bool,
    /// How it is to be paid when the time comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The number of the newest method it was given; one with a smaller number came late. 0: none had a number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub method_number: u32,
    /// A charge whose method is still on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<Awaited>,
    /// The name of the gateway that has its money, or was asked for it last. `None`: no attempt was made yet, or before
    /// payments remembered it. That of the simulated gateway is not stored: its payments are the many of load tests, and a
    /// real gateway that is asked for one of them has no such charge.
    #[serde(default, skip_serializing_if = "is_not_stored")]
    pub gateway: Option<Arc<str>>,
    /// The gateway's name for the intent that may take the money, as long as it is neither done nor withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Arc<str>>,
    /// Since when its money needs a look: the payment is unknown, waits for its payer, or for a refund that is not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What an operator said of it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Box<Word>>,
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

/// The name of the gateway that moves no money.
pub const SIMULATED: &str = "simulated";

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn is_not_stored(gateway: &Option<Arc<str>>) -> bool {
    gateway.as_deref().is_none_or(|gateway| gateway == SIMULATED)
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
        /// How often it was sent again.
        #[serde(default, skip_serializing_if = "is_zero")]
        repeats: u32,
        /// Whether it is being given up.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        withdrawing: bool,
    },
    /// The method was refused.
    Declined { reason: String },
    /// The gateway took nothing and says why. Another method may be given.
    Rejected { reason: String },
    /// The payer must do something before the money can be taken.
    ActionRequired {
        /// How it is paid.
        method: Method,
        action: PendingAction,
    },
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
    /// The money cannot be given back through the gateway, for good.
    RefundFailed {
        /// The gateway's name for the charge.
        reference: Arc<str>,
        /// The gateway's reason, or an operator's.
        reason: String,
        /// Whether an operator has taken note of it: nobody is reminded any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        noted: bool,
    },
    /// The money is back, as far as the gateway knows: a bank may turn it away later.
    Refunded {
        /// The gateway's name for the charge. `None`: an operator saw to it that the money is back, whatever the gateway says
        /// of the refund, or it is from before the name was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Arc<str>>,
    },
    /// Nothing is charged any more: the customer was let off.
    Waived,
    /// The customer owes the fare; nothing is being charged.
    Debt {
        /// Why the last attempt at charging it failed, if the method was refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// After an attempt that could not be made: when to try again, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
}

impl Payment {
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match &self.phase {
            Phase::Created { .. } => PaymentStatus::Created,
            Phase::Charging { .. } => PaymentStatus::Charging,
            Phase::Unknown { .. } => PaymentStatus::Unknown,
            Phase::Declined { .. } => PaymentStatus::Declined,
            Phase::Rejected { .. } => PaymentStatus::Rejected,
            Phase::ActionRequired { .. } => PaymentStatus::ActionRequired,
            Phase::Charged { .. } => PaymentStatus::Charged,
            Phase::Refunding { .. } => PaymentStatus::Refunding,
            Phase::RefundFailed { .. } => PaymentStatus::RefundFailed,
            Phase::Refunded { .. } => PaymentStatus::Refunded,
            Phase::Waived => PaymentStatus::Waived,
            Phase::Debt { .. } => PaymentStatus::Debt,
        }
    }

    /// The method that is being charged, or whose outcome is not known.
    fn charging(&self) -> Option<&Method> {
        match &self.phase {
            Phase::Charging { method } | Phase::Unknown { method, .. } | Phase::ActionRequired { method, .. } => {
                Some(method)
            }
            _ => None,
        }
    }

    /// Whether a charge may begin.
    fn is_open(&self) -> bool {
        let is_idle = matches!(
            self.phase,
            Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. } | Phase::Debt { .. }
        );
        !self.closed && is_idle
    }

    /// The idempotency key of an attempt at charging: the same for every repetition of it.
    #[must_use]
    pub fn charge_key(id: &CallId, attempt: u32) -> Arc<str> {
        format!("{id}:charge:{attempt}").into()
    }

    /// The idempotency key with which an intent is opened for an attempt.
    #[must_use]
    pub fn open_key(id: &CallId, attempt: u32) -> Arc<str> {
        format!("{id}:intent:{attempt}").into()
    }

    /// The idempotency key of the refund. There is one per payment.
    #[must_use]
    pub fn refund_key(id: &CallId) -> Arc<str> {
        format!("{id}:refund").into()
    }
}

impl Phase {
    /// Whether an operator may have to look at the money: its end is open, and time alone may not bring it.
    #[must_use]
    pub fn needs_a_look(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::ActionRequired { .. } | Self::Rejected { .. } | Self::Refunding { .. } => true,
            Self::RefundFailed { noted, .. } => !noted,
            Self::Created { .. }
            | Self::Charging { .. }
            | Self::Declined { .. }
            | Self::Charged { .. }
            | Self::Refunded { .. }
            | Self::Waived
            | Self::Debt { .. } => false,
        }
    }
}
