//! The commands that a call takes.

use serde::{Deserialize, Serialize};

use crate::domain::{
    CallId, CustomerId, DriverId, Money, Party, Period, Place, ServiceId,
    payment::{Method, News, Settlement},
};

/// A driver as a call remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverCard {
    pub id: DriverId,
    /// The driver's name for people.
    pub name: String,
}

/// A customer's request for a new call.
#[derive(Debug, Clone)]
pub struct Request {
    /// The call's id, made by the server.
    pub id: CallId,
    pub service: ServiceId,
    pub customer_id: CustomerId,
    pub pickup: Place,
    pub dropoff: Option<Place>,
    /// The customer's note to the driver.
    pub note: Option<String>,
    /// The driver whom the customer chooses.
    pub driver_id: Option<DriverId>,
    /// The booked period.
    pub period: Option<Period>,
    /// Drivers that could be offered the call at once, nearest first, if it needs no payment first.
    pub candidates: Vec<DriverId>,
    /// The fare that was quoted, or is computed now.
    pub fare: Money,
    /// Tells a repetition of the same request from another one under the same idempotency key.
    pub request_fingerprint: Option<String>,
    /// The payment method, if it comes with the request.
    pub method: Option<Method>,
}

/// The commands that a call takes.
#[derive(Debug, Clone)]
pub enum Command {
    Request(Box<Request>),
    Pay {
        method: Method,
    },
    /// The payment reports its state.
    PaymentNews {
        news: News,
        /// Drivers that could be offered the call at once, nearest first, if this news starts the dispatch.
        candidates: Vec<DriverId>,
    },
    /// A payment that waits is to be tried again.
    RetryPayment,
    /// The chosen driver was asked whether it is free.
    SettleBooking {
        /// The driver, if it is held for this call now.
        booked: Option<DriverCard>,
        /// How it is paid now that it is held, if with the request.
        method: Option<Method>,
    },
    /// An operator approves it.
    Approve {
        by: Party,
        reason: Option<String>,
    },
    /// An operator rejects it.
    Reject {
        by: Party,
        reason: Option<String>,
    },
    /// Drivers who are asked, or to whom the system assigned it, cannot take it.
    Withdraw {
        drivers: Vec<DriverId>,
    },
    /// The dispatcher found drivers.
    Offer {
        /// For which round; an answer to an older round is ignored.
        round: u32,
        /// The radius was widened to reach these drivers: the round in which they are offered the call.
        reached: u32,
        drivers: Vec<DriverId>,
    },
    /// A driver takes it. The driver holds itself for the call already.
    Accept {
        driver: DriverCard,
        service: ServiceId,
    },
    /// A driver gave its claim up because no answer came in time: it is not to have the call, even if the call took it.
    GiveBack {
        driver: DriverId,
    },
    /// A driver does not want it.
    Decline {
        driver: DriverId,
    },
    /// It gets under way.
    Start {
        by: Party,
    },
    Complete {
        by: Party,
    },
    Cancel {
        by: Party,
        reason: Option<String>,
    },
    /// An operator ends a ride whose payment cannot be had.
    Settle {
        by: Party,
        how: Settlement,
        reason: String,
    },
    /// The customer's account has noted the debt, or cleared it.
    AccountTold {
        owes: bool,
    },
    /// Give it back before the start, as the driver who has it.
    Release {
        by: Party,
        reason: Option<String>,
    },
    Wake,
}
