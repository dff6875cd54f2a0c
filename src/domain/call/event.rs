//! What can happen to a call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DenyReason, DriverCard};
use crate::domain::{CallId, CustomerId, DriverId, Money, Party, Period, Place, ServiceId, payment::News};

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A customer asks.
    Requested(Box<Requested>),
    /// The service refuses.
    Denied {
        /// Why.
        reason: DenyReason,
        /// In an operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The driver whom the customer chose is held for it.
    Booked {
        /// Who.
        driver: DriverCard,
    },
    /// An operator is to approve it.
    ApprovalWanted {
        /// When it lapses without an answer.
        until: Timestamp,
    },
    /// An operator approved it.
    Approved {
        /// Who.
        by: Party,
        /// When it lapses, if there is nothing to charge.
        until: Timestamp,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The customer said how it will be paid.
    MethodGiven,
    /// It is said to be done; that waits for the payment.
    CompletionAsked {
        /// Who said so.
        by: Party,
    },
    /// An attempt at charging begins.
    PaymentStarted {
        /// Which, from 1.
        attempt: u32,
    },
    /// The payment changed.
    PaymentChanged(News),
    /// The search for a driver begins.
    DispatchStarted {
        /// When it ends without success.
        deadline: Timestamp,
    },
    /// Drivers are offered the call.
    Offered {
        /// In which round, from 0.
        round: u32,
        /// Who.
        drivers: Vec<DriverId>,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Offers ended without an answer.
    OffersExpired {
        /// Whose.
        drivers: Vec<DriverId>,
    },
    /// A driver does not want it.
    OfferDeclined {
        /// Who.
        driver: DriverId,
    },
    /// A driver has it.
    Assigned {
        /// Who.
        driver: DriverCard,
    },
    /// It is under way.
    Started {
        /// Who said so.
        by: Party,
    },
    /// It is done.
    Completed {
        /// Who said so.
        by: Party,
    },
    /// It is called off.
    Cancelled {
        /// By whom.
        by: Party,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A request as it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// The call's id.
    pub id: CallId,
    /// The service.
    pub service: ServiceId,
    /// Who asks.
    pub customer_id: CustomerId,
    /// Where it begins.
    pub pickup: Place,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Place>,
    /// What the customer adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The driver whom the customer chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<DriverId>,
    /// What it is booked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Whether a method came with it that is charged later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub method_kept: bool,
    /// What it costs.
    pub fare: Money,
    /// Tells a repetition of the same request from another one under the same idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_fingerprint: Option<String>,
    /// When it lapses unpaid.
    pub unpaid_until: Timestamp,
}
