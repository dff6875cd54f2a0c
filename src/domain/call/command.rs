//! What may be asked of a call.

use serde::{Deserialize, Serialize};

use crate::domain::{
    CallId, CustomerId, DriverId, Money, Party, Period, Place, ServiceId,
    payment::{Method, News},
};

/// A driver as a call remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverCard {
    /// Its id.
    pub id: DriverId,
    /// What people call it.
    pub name: String,
}

/// What a customer asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The call's id, made by the server.
    pub id: CallId,
    /// The service.
    pub service: ServiceId,
    /// Who asks.
    pub customer_id: CustomerId,
    /// Where it begins.
    pub pickup: Place,
    /// Where it leads.
    pub dropoff: Option<Place>,
    /// What the customer adds.
    pub note: Option<String>,
    /// The driver whom the customer chooses.
    pub driver_id: Option<DriverId>,
    /// What it is booked for.
    pub period: Option<Period>,
    /// Drivers that could be offered the call at once, nearest first, if it needs no payment first.
    pub candidates: Vec<DriverId>,
    /// The fare that was quoted, or is computed now.
    pub fare: Money,
    /// Tells a repetition of the same request from another one under the same idempotency key.
    pub request_fingerprint: Option<String>,
    /// How it is paid, if with the request.
    pub method: Option<Method>,
}

/// What may be asked of a call.
#[derive(Debug, Clone)]
pub enum Command {
    /// A customer asks.
    Request(Box<Request>),
    /// The customer pays.
    Pay {
        /// How.
        method: Method,
    },
    /// The payment says where it stands.
    PaymentNews {
        /// What it says.
        news: News,
        /// Drivers that could be offered the call at once, nearest first, if this news starts the dispatch.
        candidates: Vec<DriverId>,
    },
    /// A payment that waits is to be tried again.
    RetryPayment,
    /// The chosen driver was asked whether it is free.
    SettleBooking {
        /// Who it is, if it is held for this call now.
        booked: Option<DriverCard>,
        /// How it is paid now that it is held, if with the request.
        method: Option<Method>,
    },
    /// An operator approves it.
    Approve {
        /// Who.
        by: Party,
        /// Why.
        reason: Option<String>,
    },
    /// An operator rejects it.
    Reject {
        /// Who.
        by: Party,
        /// Why.
        reason: Option<String>,
    },
    /// Drivers who are asked, or to whom the system assigned it, cannot take it.
    Withdraw {
        /// Who.
        drivers: Vec<DriverId>,
    },
    /// The dispatcher found drivers.
    Offer {
        /// For which round; an answer to an older round is ignored.
        round: u32,
        /// The radius was widened to reach these drivers: the round in which they are offered the call.
        reached: u32,
        /// Who, nearest first.
        drivers: Vec<DriverId>,
    },
    /// A driver takes it. The driver holds itself for the call already.
    Accept {
        /// Who.
        driver: DriverCard,
        /// Of which service.
        service: ServiceId,
    },
    /// A driver does not want it.
    Decline {
        /// Who.
        driver: DriverId,
    },
    /// It gets under way.
    Start {
        /// Who says so.
        by: Party,
    },
    /// It is done.
    Complete {
        /// Who says so.
        by: Party,
    },
    /// Call it off.
    Cancel {
        /// Who says so.
        by: Party,
        /// Why.
        reason: Option<String>,
    },
    /// A deadline passed.
    Wake,
}

impl Command {
    /// The command's name, for a refusal.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Pay { .. } => "pay",
            Self::PaymentNews { .. } => "update the payment",
            Self::RetryPayment => "retry the payment",
            Self::SettleBooking { .. } => "book",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Withdraw { .. } => "withdraw",
            Self::Offer { .. } => "offer",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Start { .. } => "start",
            Self::Complete { .. } => "complete",
            Self::Cancel { .. } => "cancel",
            Self::Wake => "wake",
        }
    }
}
