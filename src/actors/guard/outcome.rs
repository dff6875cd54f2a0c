//! How a request ended, as far as counting and the breaker are concerned; and what a caller is told.

use std::time::Duration;

use super::core::{Refusal, RefusalReason};
use crate::actors::ports::gateway::{ChargeOutcome, GatewayError, Lookup, OpenOutcome, RefundOutcome, WithdrawOutcome};

/// Why the guard gives no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    #[error("{reason}; try again in {retry_after:?}")]
    Refused {
        /// When another try makes sense.
        retry_after: Duration,
        reason: RefusalReason,
    },
    /// The gateway was asked, or could not be.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// A wait in whole seconds, rounded up, at least 1.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl From<Refusal> for GuardError {
    fn from(Refusal { reason, retry_after }: Refusal) -> Self {
        Self::Refused { retry_after, reason }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Declined,
    Rejected,
    /// The gateway takes no more requests until this time is over.
    Busy(Duration),
    Unauthorized,
    Failed,
    NoAnswer,
    NotSent,
    Refused,
}

/// What an outcome says about the gateway's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It did its work, also when it declined.
    Good,
    Bad,
    /// Nothing: it refused to begin.
    Open,
}

impl Outcome {
    /// The names of all outcomes, in the order of [`Outcome::index`].
    pub(super) const NAMES: [&'static str; 9] =
        ["ok", "declined", "rejected", "busy", "unauthorized", "failed", "no_answer", "not_sent", "refused"];

    /// Its place among all outcomes.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Declined => 1,
            Self::Rejected => 2,
            Self::Busy(_) => 3,
            Self::Unauthorized => 4,
            Self::Failed => 5,
            Self::NoAnswer => 6,
            Self::NotSent => 7,
            Self::Refused => 8,
        }
    }

    /// What it says to the breaker. A gateway that refuses the key or asks for patience is not one that fails.
    pub(super) fn health(self) -> Health {
        match self {
            Self::Ok | Self::Declined | Self::Rejected => Health::Good,
            Self::Busy(_) | Self::Unauthorized | Self::Refused => Health::Open,
            Self::Failed | Self::NoAnswer | Self::NotSent => Health::Bad,
        }
    }

    pub(super) fn of<T: GatewayAnswer>(result: &Result<T, GatewayError>) -> Self {
        match result {
            Ok(answer) => answer.outcome(),
            Err(GatewayError::Busy { retry_after, .. }) => Self::Busy(*retry_after),
            Err(GatewayError::NotSent(_)) => Self::NotSent,
            Err(GatewayError::Unauthorized(_)) => Self::Unauthorized,
            Err(GatewayError::Failed(_)) => Self::Failed,
            Err(GatewayError::Unknown(_)) => Self::NoAnswer,
        }
    }
}

/// A gateway's answer to a kind of request.
pub(super) trait GatewayAnswer {
    fn outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

impl GatewayAnswer for ChargeOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Charged { .. } | Self::ActionRequired { .. } => Outcome::Ok,
            Self::Declined { .. } => Outcome::Declined,
            Self::Rejected { .. } => Outcome::Rejected,
        }
    }
}

impl GatewayAnswer for OpenOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Opened { .. } => Outcome::Ok,
            Self::Rejected { .. } => Outcome::Rejected,
        }
    }
}

/// A lookup: whatever it finds, or does not find, is news.
impl GatewayAnswer for Lookup {}

impl GatewayAnswer for WithdrawOutcome {}

impl GatewayAnswer for RefundOutcome {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Refunded => Outcome::Ok,
            Self::Failed { .. } => Outcome::Rejected,
        }
    }
}

impl GatewayAnswer for () {}
