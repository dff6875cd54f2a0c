//! The names of a call's events, as timelines show them.

use serde::Serialize;
use utoipa::ToSchema;

use super::Event;

/// The kind of an event of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CallEvent)]
pub enum EventName {
    /// The customer asked for it.
    Requested,
    /// The service refused it.
    Denied,
    /// The driver whom the customer chose is held for it.
    Booked,
    /// An operator is to approve it.
    ApprovalWanted,
    /// An operator approved it.
    Approved,
    /// The customer said how it will be paid.
    MethodGiven,
    /// It is said to be done; that waits for the payment.
    CompletionAsked,
    /// An attempt at charging began.
    PaymentStarted,
    /// Its payment has another status.
    PaymentChanged,
    /// The search for a driver began.
    DispatchStarted,
    /// Drivers were offered the call.
    Offered,
    /// Offers ended without an answer.
    OffersExpired,
    /// A driver did not want it.
    OfferDeclined,
    /// A driver has it.
    Assigned,
    /// The driver had let it go, as the answer to its accept was late; it is searched for again.
    GivenBack,
    /// The driver gave it back before the start.
    Released,
    /// It is under way.
    Started,
    /// It is done.
    Completed,
    /// It was called off.
    Cancelled,
    /// An operator ended it although its payment could not be had.
    Settled,
    /// The customer's account has the debt.
    DebtNoted,
    /// The customer's account has the debt no longer: it was paid.
    DebtCleared,
    /// In place of events that are not recorded here, from number `seq` on.
    HistoryMissing,
}

impl From<&Event> for EventName {
    fn from(event: &Event) -> Self {
        match event {
            Event::Requested(_) => Self::Requested,
            Event::Denied { .. } => Self::Denied,
            Event::Booked { .. } => Self::Booked,
            Event::ApprovalWanted { .. } => Self::ApprovalWanted,
            Event::Approved { .. } => Self::Approved,
            Event::MethodGiven { .. } => Self::MethodGiven,
            Event::CompletionAsked { .. } => Self::CompletionAsked,
            Event::PaymentStarted { .. } => Self::PaymentStarted,
            Event::PaymentChanged(_) => Self::PaymentChanged,
            Event::DispatchStarted { .. } => Self::DispatchStarted,
            Event::Offered { .. } => Self::Offered,
            Event::OffersExpired { .. } => Self::OffersExpired,
            Event::OfferDeclined { .. } => Self::OfferDeclined,
            Event::Assigned { .. } => Self::Assigned,
            Event::GivenBack { .. } => Self::GivenBack,
            Event::Released { .. } => Self::Released,
            Event::Started { .. } => Self::Started,
            Event::Completed { .. } => Self::Completed,
            Event::Cancelled { .. } => Self::Cancelled,
            Event::Settled { .. } => Self::Settled,
            Event::DebtNoted => Self::DebtNoted,
            Event::DebtCleared => Self::DebtCleared,
        }
    }
}
