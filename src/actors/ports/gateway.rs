//! The payment port: what the guard needs from a payment gateway.
//!
//! Every request carries an idempotency key: the gateway performs a key at most once, and answers a repeat of it with the
//! first outcome. An error says how much is known about the outcome, because that decides what may be done next.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;

use super::BoxFuture;
use crate::domain::Money;

/// A request to take money.
#[derive(Debug, Clone)]
pub struct ChargeRequest {
    /// Idempotency key: the same for every repetition of this attempt.
    pub key: Arc<str>,
    /// The payment, which is also the call, that it is for.
    pub payment_id: Arc<str>,
    /// How much.
    pub amount: Money,
    /// The customer's payment method: a gateway token.
    pub method: SecretString,
}

/// A request to give back what was charged.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// Idempotency key: the same for every repetition.
    pub key: Arc<str>,
    /// The payment it is for.
    pub payment_id: Arc<str>,
    /// The gateway's reference of the charge.
    pub charge: Arc<str>,
    /// How much.
    pub amount: Money,
}

/// What became of a charge.
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
    /// The payment it was for.
    pub payment_id: Arc<str>,
    /// Charge or refund.
    pub kind: LedgerKind,
    /// How much.
    pub amount: Money,
    /// The idempotency key it came with.
    pub key: Arc<str>,
    /// When.
    pub at: Timestamp,
}

/// The direction of a movement of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKind {
    /// From the customer.
    Charge,
    /// Back to the customer.
    Refund,
}

/// The payment port.
pub trait PaymentGateway: Send + Sync {
    /// Takes money, at most once per key.
    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>>;

    /// Gives money back, at most once per key. `Ok` once the refund is confirmed.
    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<(), GatewayError>>;

    /// The outcome of a charge's key, or `None` when the gateway never processed it.
    fn lookup(&self, key: Arc<str>) -> BoxFuture<'_, Result<Option<ChargeOutcome>, GatewayError>>;
}
