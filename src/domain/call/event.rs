//! The events of a call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DenyReason, DriverCard};
use crate::domain::{
    CallId, CustomerId, DriverId, Money, Party, Period, Place, ServiceId,
    payment::{News, Settlement},
    policy::TermsId,
};

/// The events of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    Requested(Box<Requested>),
    Denied {
        reason: DenyReason,
        /// In an operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The driver whom the customer chose is held for it.
    Booked {
        driver: DriverCard,
    },
    /// An operator is to approve it.
    ApprovalWanted {
        /// When it lapses without an answer.
        until: Timestamp,
    },
    /// An operator approved it.
    Approved {
        by: Party,
        /// When it lapses, if there is nothing to charge.
        until: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The customer said how it will be paid.
    MethodGiven {
        /// Which method that is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<MethodMark>,
    },
    /// It is said to be done; that waits for the payment.
    CompletionAsked {
        by: Party,
    },
    /// An attempt at charging begins.
    PaymentStarted {
        attempt: u32,
        /// The method, if it was given for this attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<MethodMark>,
    },
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
        drivers: Vec<DriverId>,
        expires_at: Timestamp,
    },
    /// Offers ended without an answer.
    OffersExpired {
        drivers: Vec<DriverId>,
    },
    /// A driver does not want it.
    OfferDeclined {
        driver: DriverId,
    },
    /// A driver has it.
    Assigned {
        driver: DriverCard,
    },
    /// The driver had let it go, as the answer to its accept was late: it is searched for again.
    GivenBack {
        driver: DriverId,
        /// When the search ends without success.
        deadline: Timestamp,
    },
    /// The driver gave the call back before the start; the call looks for another one.
    Released {
        driver: DriverId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When the search ends without success.
        deadline: Timestamp,
    },
    /// It is under way.
    Started {
        by: Party,
    },
    Completed {
        by: Party,
    },
    /// An operator ends it without its fare, which cannot be had. `Completed` follows in the same commit.
    Settled {
        by: Party,
        #[serde(rename = "as")]
        how: Settlement,
        /// In the operator's words.
        reason: String,
    },
    /// The customer's account knows of the debt.
    DebtNoted,
    /// The customer's account knows that the debt is paid.
    DebtCleared,
    /// It is called off.
    Cancelled {
        by: Party,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A payment method as its call remembers it: enough to tell it from others and to put it in order, not to charge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodMark {
    /// How many methods were given for the call until then, this one included.
    pub number: u32,
    pub digest: String,
}

/// A request as it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    pub id: CallId,
    pub service: ServiceId,
    /// The service's terms at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermsId>,
    pub customer_id: CustomerId,
    pub pickup: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Place>,
    /// The customer's note to the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The driver whom the customer chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<DriverId>,
    /// The period that the call is booked for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Whether a method came with it that is charged later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub method_kept: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MethodMark>,
    pub fare: Money,
    /// Tells a repetition of the same request from another one under the same idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_fingerprint: Option<String>,
    /// When it lapses unpaid.
    pub unpaid_until: Timestamp,
}
