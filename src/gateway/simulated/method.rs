//! The payment methods that the simulated gateway knows.

use secrecy::{ExposeSecret, SecretString};

/// A simulated payment method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Ok,
    Declined,
    /// `tok_error`: a server error, not charged.
    Error,
    /// `tok_timeout`: charged, but the first answer never comes.
    Timeout,
    /// `tok_slow`: charged, answered late.
    Slow,
    /// `tok_action`: charged once its payer has confirmed it.
    Action,
    Unknown,
}

impl Method {
    pub(super) fn of(token: &SecretString) -> Self {
        match token.expose_secret() {
            "tok_ok" => Self::Ok,
            "tok_declined" => Self::Declined,
            "tok_error" => Self::Error,
            "tok_timeout" => Self::Timeout,
            "tok_slow" => Self::Slow,
            "tok_action" => Self::Action,
            _ => Self::Unknown,
        }
    }

    /// Why the method is never charged, when it is not.
    pub(super) fn refusal(self) -> Option<String> {
        match self {
            Self::Declined => Some("the card was declined".to_owned()),
            Self::Unknown => Some(
                "unknown payment method; the simulated gateway knows tok_ok, tok_declined, tok_error, tok_timeout, \
                 tok_slow and tok_action"
                    .to_owned(),
            ),
            Self::Ok | Self::Error | Self::Timeout | Self::Slow | Self::Action => None,
        }
    }
}
