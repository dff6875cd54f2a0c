//! How a request ended, as far as counting and the breaker are concerned; and what a caller is told.

use std::time::Duration;

use serde::Serialize;

use super::core::{Refusal, RefusalReason};
use crate::actors::ports::gateway::{ChargeOutcome, GatewayError};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Ok,
    Declined,
    Failed,
    NoAnswer,
    NotSent,
    Refused,
}

impl Outcome {
    pub(super) const ALL: [Self; 6] =
        [Self::Ok, Self::Declined, Self::Failed, Self::NoAnswer, Self::NotSent, Self::Refused];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::NoAnswer => "no_answer",
            Self::NotSent => "not_sent",
            Self::Refused => "refused",
        }
    }

    /// Whether the gateway did its work. It did when it declined.
    pub(super) fn is_success(self) -> bool {
        matches!(self, Self::Ok | Self::Declined)
    }

    pub(super) fn of<T: GatewayAnswer>(result: &Result<T, GatewayError>) -> Self {
        match result {
            Ok(answer) if answer.is_decline() => Self::Declined,
            Ok(_) => Self::Ok,
            Err(GatewayError::NotSent(_)) => Self::NotSent,
            Err(GatewayError::Failed(_)) => Self::Failed,
            Err(GatewayError::NoAnswer(_)) => Self::NoAnswer,
        }
    }
}

/// A gateway's answer to a kind of request.
pub(super) trait GatewayAnswer {
    fn is_decline(&self) -> bool {
        false
    }
}

impl GatewayAnswer for ChargeOutcome {
    fn is_decline(&self) -> bool {
        matches!(self, Self::Declined { .. })
    }
}

/// The money is on its way back: nothing there can be a decline.
impl GatewayAnswer for () {}

/// A lookup: that a charge had been declined is news, not a decline.
impl GatewayAnswer for Option<ChargeOutcome> {}
