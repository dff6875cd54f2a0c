//! The commands of a payment.

use std::sync::Arc;

use super::{Action, Method, Settlement, Word};
use crate::domain::{CallId, Money};

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
        /// The name of the gateway that is to charge it.
        gateway: Arc<str>,
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
        /// The name of the gateway that is to charge it.
        gateway: Arc<str>,
    },
    /// The gateway has opened an intent for an attempt.
    NoteIntent {
        attempt: u32,
        /// The gateway's name for it.
        intent: Arc<str>,
    },
    /// The outcome of an attempt at charging.
    Settle { attempt: u32, outcome: Outcome },
    /// The call is over: charge nothing more, refund what was charged.
    Cancel {
        id: CallId,
        /// The fare, which would have been charged.
        amount: Money,
    },
    /// The call ended without its fare: the customer is let off, or owes it. Sent only while nothing is being charged.
    EndUnpaid {
        id: CallId,
        /// The fare, which could not be charged.
        amount: Money,
        how: Settlement,
    },
    /// The gateway confirmed the refund.
    ConfirmRefund,
    /// The gateway cannot give the money back, for good.
    FailRefund {
        /// The gateway's reason.
        reason: String,
    },
    /// An operator says how it stands with money that nobody else can settle.
    SettleByHand(Word),
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
    /// The gateway took nothing and says why.
    Rejected { reason: String },
    /// The payer must do something first.
    ActionRequired {
        action: Action,
        /// How long the payer has, in seconds.
        valid_s: u32,
    },
    /// The charge was not performed, and can be sent again as it was.
    Unperformed {
        /// Why the last confirmation of the intent failed, if one did.
        refused: Option<String>,
        /// How often it had been sent again before this was found out.
        repeats: u32,
    },
    /// The charge was withdrawn: it never takes money.
    Withdrawn,
    /// Certainly nothing was taken, and nothing will be.
    NotCharged {
        /// When to try again, in seconds.
        retry_after_s: u64,
    },
    /// The charge may have been sent, and the gateway has not confirmed its outcome.
    Unknown,
}
