//! Why a request about a call failed, as the caller is told.

use std::{sync::Arc, time::Duration};

use crate::{
    actors::entity::AskError,
    domain::{
        ServiceId,
        account::{Account, Debt},
        call::Call,
    },
};

/// Why a request about a call failed. Every variant about a call that exists carries it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// Refused, or no answer.
    #[error(transparent)]
    Ask(#[from] AskError<Call>),
    /// The call was taken, but gives no answer now.
    #[error("{error}")]
    NoAnswer {
        /// The call, as it was last seen.
        call: Arc<Call>,
        error: AskError<Call>,
    },
    /// The customer's account gives no answer.
    #[error(transparent)]
    Account(AskError<Account>),
    /// The customer owes the fares of earlier calls, and the service begins no new one before they are paid.
    #[error("{}", owed(.debts))]
    DebtOpen { debts: Vec<Debt> },
    /// The service is not offered there; the call is `denied`.
    #[error("the trip is not within the service area")]
    OutOfArea { call: Arc<Call> },
    /// The payment method was refused; the call can be paid with another one.
    #[error("the payment was declined: {reason}")]
    PaymentDeclined { call: Arc<Call>, reason: String },
    /// The gateway took nothing and says why; the call can be paid with another method.
    #[error("the payment was rejected, and nothing was taken: {reason}")]
    PaymentRejected { call: Arc<Call>, reason: String },
    /// The payer must do something before the fare can be taken, and the call is not done before.
    #[error("the payer must confirm the payment first; the call is completed once it is paid")]
    PaymentActionRequired { call: Arc<Call> },
    /// The gateway cannot take payments now; nothing was charged, and the call can be paid later.
    #[error("payments cannot be taken at the moment; nothing was charged")]
    PaymentUnavailable {
        call: Arc<Call>,
        /// When to try again.
        retry_after: Duration,
    },
    /// A charge was sent and its outcome is still to come.
    #[error("the payment's outcome is not known yet")]
    PaymentPending {
        call: Arc<Call>,
        /// When to look again.
        retry_after: Duration,
    },
    /// No driver is free and enough calls wait already; nothing was taken.
    #[error("no driver is free at the moment")]
    NoDrivers {
        service: ServiceId,
        /// When to try again.
        retry_after: Duration,
    },
    /// The customer has as many open calls that are not paid as one may have; nothing was taken.
    #[error("{max} calls for {service} are open and not paid, and no more are taken; pay or cancel one of them first")]
    TooManyUnpaid {
        service: ServiceId,
        /// How many one customer may have.
        max: u32,
    },
    /// The driver is not free to take the call.
    #[error("the driver is {status}")]
    DriverUnavailable {
        call: Option<Arc<Call>>,
        /// The driver's status, in words.
        status: &'static str,
    },
    /// The call did not answer the driver in time; the driver is free again.
    #[error("the call does not answer; the driver is free again, and the call gives it back if it takes it later")]
    ClaimGivenUp {
        /// The call, as it was last seen.
        call: Arc<Call>,
        /// When to try again.
        retry_after: Duration,
    },
    /// The driver's actor gives no answer.
    #[error("the driver's actor gives no answer: {0}")]
    Driver(#[source] AskError<crate::domain::driver::Driver>),
}

/// How many debts the refusal of a new call names.
const DEBTS_NAMED: usize = 3;

fn owed(debts: &[Debt]) -> String {
    let of = |debt: &Debt| format!("{} for {}: pay it with POST /v1/calls/{}/pay", debt.amount, debt.call, debt.call);
    let named = debts.iter().take(DEBTS_NAMED).map(of).collect::<Vec<_>>().join("; ");
    let more = debts.len().saturating_sub(DEBTS_NAMED);
    let rest = if more > 0 { format!("; and {more} more, in GET /v1/me") } else { String::new() };
    format!("earlier fares are owed: {named}{rest}")
}
