//! The payment port: what the guard needs from a payment gateway.
//!
//! Every request carries an idempotency key: the gateway performs a key at most once, and answers a repeat of it with
//! the first outcome. An error says how much is known about the outcome, because that decides what may be done next.
//!
//! A gateway that is only simulated also has a *drill*: its faults can be set, and its ledger of real movements read.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BoxFuture;
use crate::domain::Money;

/// A request to take money.
#[derive(Debug, Clone)]
pub struct ChargeRequest {
    /// Idempotency key: the same for every repetition of this attempt.
    pub key: Arc<str>,
    /// The id of the payment, which is also the id of its call.
    pub payment_id: Arc<str>,
    pub amount: Money,
    /// The customer's payment method: a gateway token.
    pub method: SecretString,
}

/// A request to give back what was charged.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// Idempotency key: the same for every repetition.
    pub key: Arc<str>,
    /// The id of the payment.
    pub payment_id: Arc<str>,
    /// The gateway's reference of the charge.
    pub charge: Arc<str>,
    pub amount: Money,
}

/// The outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// The money was taken.
    Charged {
        /// The gateway's name for the charge; a refund needs it.
        reference: Arc<str>,
    },
    /// The method was refused; nothing was taken and this key never will take anything.
    Declined {
        /// The gateway's reason, to show to the customer.
        reason: String,
    },
}

/// Why the gateway did not give an outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Not a byte reached the gateway.
    #[error("the gateway cannot be reached: {0}")]
    NotSent(String),
    /// The gateway answered that it failed. Whether the key took effect is to be looked up.
    #[error("the gateway failed: {0}")]
    Failed(String),
    /// Sent, but no answer came. The key may still take effect: repeat it or look it up.
    #[error("the gateway did not answer: {0}")]
    NoAnswer(String),
}

/// One movement of money in a gateway's own ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its place in the ledger: counts from 1, later movements have larger numbers.
    pub seq: u64,
    /// The id of the payment.
    pub payment_id: Arc<str>,
    pub kind: LedgerKind,
    pub amount: Money,
    /// The idempotency key of the request.
    pub key: Arc<str>,
    pub at: Timestamp,
}

/// The direction of a movement of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// Taken from the customer.
    Charge,
    /// Back to the customer.
    Refund,
}

/// How the guard reaches a payment gateway.
pub trait PaymentGateway: Send + Sync {
    /// Takes money, at most once per key.
    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>>;

    /// Gives money back, at most once per key. `Ok` once the refund is confirmed.
    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<(), GatewayError>>;

    /// The outcome of a charge's key, or `None` when the gateway certainly never processed it. A gateway that cannot be
    /// certain answers [`GatewayError::NoAnswer`]: then repeating the charge with the same key settles it.
    fn lookup(&self, key: Arc<str>) -> BoxFuture<'_, Result<Option<ChargeOutcome>, GatewayError>>;

    /// How long any of these takes at most, connecting included, before it fails by itself.
    fn answer_timeout(&self) -> Duration;
}

/// The faults a simulated gateway shows. Rates are drawn anew for every request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How long every answer takes, in ms, at most [`Faults::LATENCY_MAX_MS`].
    pub latency_ms: u64,
    /// The share of new charges that are declined, 0 to 1.
    pub decline_rate: f64,
    /// The share of requests answered with a server error before anything is done, 0 to 1.
    pub error_rate: f64,
    /// The share of requests that are performed, but never answered, 0 to 1.
    pub timeout_rate: f64,
    /// Whether connections are refused.
    pub down: bool,
}

/// The mistake in [`Faults`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; it must be {expected}")]
pub struct InvalidFaults {
    pub field: &'static str,
    pub value: String,
    /// The allowed values, in words.
    pub expected: &'static str,
}

impl Faults {
    /// The longest latency that can be simulated, in ms.
    pub const LATENCY_MAX_MS: u64 = 60_000;

    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), InvalidFaults> {
        if self.latency_ms > Self::LATENCY_MAX_MS {
            let value = self.latency_ms.to_string();
            return Err(InvalidFaults { field: "latency_ms", value, expected: "at most 60000" });
        }
        let rates =
            [("decline_rate", self.decline_rate), ("error_rate", self.error_rate), ("timeout_rate", self.timeout_rate)];
        match rates.into_iter().find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
            Some((field, rate)) => Err(InvalidFaults { field, value: rate.to_string(), expected: "between 0 and 1" }),
            None => Ok(()),
        }
    }
}

/// The operators' actions on a simulated gateway.
pub trait GatewayDrill: Send + Sync {
    /// The faults in force.
    fn faults(&self) -> Faults;

    /// Replaces the faults; requests already being answered keep theirs.
    ///
    /// # Errors
    /// When a field is out of its range; then nothing changes.
    fn set_faults(&self, faults: Faults) -> Result<(), InvalidFaults>;

    /// Movements with a `seq` above `after`, oldest first, at most `limit`; of one payment, or of all.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn ledger(&self, payment_id: Option<&str>, limit: usize, after: u64) -> std::io::Result<Vec<LedgerEntry>>;
}
