//! What the server has acknowledged, call by call: what reading back is compared with.

use std::sync::{Mutex, PoisonError};

use crate::wire::{CallSeen, PaymentDue};

/// How far a call is, as its `status` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Requested,
    /// An operator has to approve it.
    AwaitingApproval,
    /// Approved; it is paid in the background.
    AwaitingPayment,
    /// Looking for a driver.
    Dispatching,
    /// A driver has it.
    Assigned,
    Started,
    Completed,
    Cancelled,
    /// The service would not have it.
    Denied,
}

/// A call that was driven.
#[derive(Debug, Clone)]
pub struct Driven {
    pub id: Box<str>,
    /// Whose it is, by number.
    pub customer: u32,
    /// Who accepted it, by number.
    pub driver: Option<u32>,
    /// The last state that was acknowledged.
    pub acked: State,
    /// A state that was asked for without a clear answer: it may have been reached.
    pub maybe: Option<State>,
    /// Whether it may go on by itself: a driver may accept it, the system may cancel it.
    pub open: bool,
    /// The last version that was acknowledged.
    pub version: u64,
    pub amount: u64,
    /// When it is to be paid.
    pub due: PaymentDue,
}

/// All of them.
#[derive(Default)]
pub struct Logbook(Mutex<Vec<Driven>>);

impl State {
    /// Reads a `status`.
    #[must_use]
    pub fn read(status: &str) -> Option<Self> {
        Some(match status {
            "requested" => Self::Requested,
            "awaiting_approval" => Self::AwaitingApproval,
            "awaiting_payment" => Self::AwaitingPayment,
            "dispatching" => Self::Dispatching,
            "assigned" => Self::Assigned,
            "started" => Self::Started,
            "completed" => Self::Completed,
            "cancelled" => Self::Cancelled,
            "denied" => Self::Denied,
            _ => return None,
        })
    }

    /// Whether a call in this state has been paid, unless it was cancelled.
    #[must_use]
    pub fn is_paid(self, due: PaymentDue) -> bool {
        let from = match due {
            PaymentDue::WithRequest => Self::Dispatching,
            PaymentDue::AfterApproval => Self::Assigned,
            PaymentDue::OnCompletion => Self::Completed,
        };
        (from..=Self::Completed).contains(&self)
    }

    /// Whether nothing can happen to the call any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Denied)
    }
}

impl Driven {
    /// A call that was just told of.
    #[must_use]
    pub fn new(seen: &CallSeen<'_>, customer: u32, due: PaymentDue) -> Self {
        Self {
            id: seen.id.as_ref().into(),
            customer,
            driver: None,
            acked: State::read(&seen.status).unwrap_or(State::Requested),
            maybe: None,
            open: false,
            version: seen.version,
            amount: seen.fare.amount,
            due,
        }
    }

    /// The server acknowledged this.
    pub fn acknowledge(&mut self, seen: &CallSeen<'_>) {
        self.acked = State::read(&seen.status).unwrap_or(self.acked);
        self.version = self.version.max(seen.version);
        self.maybe = None;
    }
}

impl Logbook {
    /// Notes a call whose lifecycle is over, one way or another.
    pub fn note(&self, driven: Driven) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(driven);
    }

    /// Takes all notes out.
    #[must_use]
    pub fn take(&self) -> Vec<Driven> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
