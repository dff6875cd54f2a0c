//! The payment port: what the guard needs from a payment gateway.
//!
//! A gateway charges in one of two ways, and the payment rests "at most once" on it:
//!
//! - [`ChargeWay::OneStep`]: a charge is one request with an idempotency key, which the gateway keeps for ever.
//! - [`ChargeWay::Intents`]: an *intent* is opened first, which takes no money. Its id is committed, then it is confirmed
//!   with a method. It succeeds at most once, however often it is confirmed, so no key's lifetime matters. After a decline
//!   it is confirmed with another method; a call that is called off withdraws it, and then it can never succeed.
//!
//! Every answer is one of a closed set: an outcome, or an error that says how much is known. That decides what may be done
//! next.
//!
//! A gateway that is only simulated also has a *drill*: its faults can be set, and its ledger of real movements read.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BoxFuture;
use crate::domain::{Money, payment::Action};

/// How a gateway charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeWay {
    /// One request, whose idempotency key is kept for ever.
    OneStep,
    /// An intent is opened, and then confirmed.
    Intents,
}

/// A request to open an intent. It takes no money.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// Idempotency key: the same for every repetition.
    pub key: Arc<str>,
    /// The id of the payment, which is also the id of its call.
    pub payment_id: Arc<str>,
    pub amount: Money,
}

/// The answer to [`OpenRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenOutcome {
    Opened {
        /// The gateway's name for the intent.
        intent: Arc<str>,
    },
    /// The gateway takes no such payment, for this reason.
    Rejected { reason: String },
}

/// A request to take money.
#[derive(Debug, Clone)]
pub struct ChargeRequest {
    /// Idempotency key: the same for every repetition of this attempt, where the gateway charges in one step.
    pub key: Arc<str>,
    /// The id of the payment, which is also the id of its call.
    pub payment_id: Arc<str>,
    pub amount: Money,
    /// The customer's payment method: a gateway token.
    pub method: SecretString,
    /// The intent to confirm, where the gateway has intents.
    pub intent: Option<Arc<str>>,
}

/// A question about what became of a charge.
#[derive(Debug, Clone)]
pub struct LookupRequest {
    /// The idempotency key of the charge.
    pub key: Arc<str>,
    pub amount: Money,
    /// The intent, where the gateway has intents.
    pub intent: Option<Arc<str>>,
}

/// A request to give up a charge, so that it can never take money.
#[derive(Debug, Clone)]
pub struct WithdrawRequest {
    /// The idempotency key of the charge.
    pub key: Arc<str>,
    /// The id of the payment.
    pub payment_id: Arc<str>,
    pub amount: Money,
    /// The intent, where the gateway has intents.
    pub intent: Option<Arc<str>>,
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
    /// Whether it may have been sent before: then the gateway is asked for refunds of the charge first.
    pub repeated: bool,
}

/// The outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// The money was taken.
    Charged {
        /// The gateway's name for the charge; a refund needs it.
        reference: Arc<str>,
    },
    /// The method was refused; nothing was taken.
    Declined {
        /// The gateway's reason, to show to the customer.
        reason: String,
    },
    /// The request was refused; nothing was taken. Another method may do.
    Rejected {
        /// The gateway's reason, to show to the customer.
        reason: String,
    },
    /// The payer must do something first; nothing was taken yet.
    ActionRequired {
        action: Action,
        /// How long the payer has, in seconds.
        valid_s: u32,
    },
}

/// The answer to [`LookupRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    Found(ChargeOutcome),
    /// The charge was not performed. Of a gateway that charges in one step: and never will be, unless it is sent again. Of
    /// an intent: it waits to be confirmed.
    Absent {
        /// Why the last confirmation of the intent failed, if one did.
        refused: Option<String>,
    },
    /// The charge was withdrawn: it never takes money.
    Withdrawn,
}

/// The answer to [`WithdrawRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawOutcome {
    Withdrawn,
    /// It had taken the money before.
    Charged {
        /// The gateway's name for the charge.
        reference: Arc<str>,
    },
}

/// The outcome of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money went back.
    Refunded,
    /// It cannot be given back, for good.
    Failed {
        /// The gateway's reason.
        reason: String,
    },
}

/// Why the gateway did not give an outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Nothing was performed: the gateway takes no more requests for now.
    #[error("the gateway is busy for another {retry_after:?}: {why}")]
    Busy {
        /// When the next request may be sent.
        retry_after: Duration,
        why: String,
    },
    /// Nothing was performed: not a byte reached the gateway.
    #[error("the gateway cannot be reached: {0}")]
    NotSent(String),
    /// Nothing was performed: the gateway does not accept this server's key.
    #[error("the gateway refuses the API key: {0}")]
    Unauthorized(String),
    /// The gateway itself answered that it failed. Whether the request took effect is to be looked up.
    #[error("the gateway failed: {0}")]
    Failed(String),
    /// It may have been sent, and nobody who knows has answered: the request may still take effect.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

/// A movement of money, as a gateway's list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The id of the payment, if the gateway was told one.
    pub payment_id: Option<Arc<str>>,
    pub kind: LedgerKind,
    /// The amount in the currency's minor unit.
    pub amount: u64,
    /// ISO 4217 code, in capital letters.
    pub currency: String,
    /// The gateway's name for it.
    pub reference: Arc<str>,
    pub at: Timestamp,
}

/// Movements of one kind, and where the next page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MovementPage {
    pub items: Vec<Movement>,
    pub next: Option<String>,
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
    /// The gateway's name, which payments remember: `simulated`, or the protocol and the host.
    fn name(&self) -> Arc<str>;

    /// How it charges.
    fn way(&self) -> ChargeWay;

    /// Opens an intent. Only where [`ChargeWay::Intents`] is the way.
    fn open(&self, request: OpenRequest) -> BoxFuture<'_, Result<OpenOutcome, GatewayError>>;

    /// Takes money: at most once per key, or per intent.
    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>>;

    /// What became of a charge. A gateway that cannot say answers [`GatewayError::Unknown`].
    fn lookup(&self, request: LookupRequest) -> BoxFuture<'_, Result<Lookup, GatewayError>>;

    /// Gives up a charge: afterwards it has taken the money, or neither its key nor its intent ever will.
    fn withdraw(&self, request: WithdrawRequest) -> BoxFuture<'_, Result<WithdrawOutcome, GatewayError>>;

    /// Gives money back, at most once per charge. [`GatewayError::Unknown`] while the refund is on its way.
    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<RefundOutcome, GatewayError>>;

    /// Asks for nothing but whether the gateway accepts this server's key.
    fn check(&self) -> BoxFuture<'_, Result<(), GatewayError>>;

    /// The movements of one kind from one time to another, in pages; `after` is where the page before said that the next
    /// one begins.
    fn movements(
        &self,
        kind: LedgerKind,
        from: Timestamp,
        to: Timestamp,
        after: Option<String>,
    ) -> BoxFuture<'_, Result<MovementPage, GatewayError>>;

    /// How long any of these takes at most, connecting included, before it fails by itself.
    fn answer_timeout(&self) -> Duration;
}

/// An event that a gateway told this server of by itself. It is a hint: what happened, a look at the gateway says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayEvent {
    /// The event's id, the same when it is told again.
    pub id: String,
    /// The id of the payment that it is about; `None` when it is about nothing of this server's.
    pub payment_id: Option<String>,
}

/// Why an event is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The gateway did not sign it, or too long ago.
    #[error("{0}")]
    Unsigned(String),
    /// It is signed, and cannot be understood.
    #[error("{0}")]
    Unreadable(String),
}

/// How a gateway's own messages are read.
pub trait GatewayEvents: Send + Sync {
    /// Reads a message, if the gateway signed it. `signature` is the header that came with it.
    ///
    /// # Errors
    /// Why it is not believed.
    fn read(&self, body: &[u8], signature: &str, now: Timestamp) -> Result<GatewayEvent, EventError>;
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

    /// The payer confirms the charge that asked for it with this secret, or refuses to. Answers whether one waited.
    fn act<'a>(&'a self, secret: &'a str, confirms: bool) -> BoxFuture<'a, Result<bool, GatewayError>>;
}
