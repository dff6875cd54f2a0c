//! The messages of the Stripe protocol, and their meaning for the port. No network here.

use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};

use crate::actors::ports::gateway::{ChargeOutcome, GatewayError};

/// The metadata field that holds the idempotency key, as a form names it.
pub(super) const KEY_IN_FORM: &str = "metadata[callout_key]";

/// A payment intent, with the fields that are looked at here.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    id: String,
    status: String,
    #[serde(default)]
    last_payment_error: Option<StripeError>,
}

/// A refund, with the fields that are looked at here.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    status: String,
}

/// A page of a search.
#[derive(Debug, Deserialize)]
pub(super) struct SearchResult {
    data: Vec<Intent>,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
pub(super) struct StripeErrorBody {
    pub(super) error: StripeError,
}

/// Why a request was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StripeError {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) code: Option<String>,
    pub(super) param: Option<String>,
    pub(super) message: String,
}

impl Intent {
    /// The outcome of the charge.
    pub(super) fn outcome(self) -> Result<ChargeOutcome, GatewayError> {
        match self.status.as_str() {
            "succeeded" => Ok(ChargeOutcome::Charged { reference: self.id.into() }),
            "requires_payment_method" | "canceled" => Ok(ChargeOutcome::Declined { reason: self.reason() }),
            other => Err(GatewayError::NoAnswer(format!("payment intent {} is {other:?}: not settled yet", self.id))),
        }
    }

    fn reason(self) -> String {
        let message = self.last_payment_error.map(|error| error.message).filter(|message| !message.is_empty());
        message.unwrap_or_else(|| "the payment was declined".to_owned())
    }
}

impl Refund {
    pub(super) fn is_pending(&self) -> bool {
        self.status == "pending"
    }

    pub(super) fn confirmed(self) -> Result<(), GatewayError> {
        match self.status.as_str() {
            "succeeded" => Ok(()),
            "pending" => Err(GatewayError::NoAnswer(format!("refund {} is still pending", self.id))),
            other => Err(GatewayError::Failed(format!("refund {} is {other:?}", self.id))),
        }
    }
}

impl SearchResult {
    /// Of all intents with the key, one that took money counts; then one that still may.
    pub(super) fn outcome(self) -> Result<ChargeOutcome, GatewayError> {
        let outcomes: Vec<_> = self.data.into_iter().map(Intent::outcome).collect();
        let is_charged = |outcome: &&_| matches!(outcome, Ok(ChargeOutcome::Charged { .. }));
        let decisive = outcomes.iter().find(is_charged).or_else(|| outcomes.iter().find(|outcome| outcome.is_err()));
        decisive.or(outcomes.first()).cloned().unwrap_or_else(|| Err(not_found()))
    }
}

fn not_found() -> GatewayError {
    GatewayError::NoAnswer(
        "the search does not find the key, and lags behind; repeating the charge with its key settles it".to_owned(),
    )
}

impl StripeError {
    /// A failure that leaves open whether the key took effect.
    pub(super) fn into_failure(self, status: StatusCode) -> GatewayError {
        let code = self.code.map(|code| format!(", {code}")).unwrap_or_default();
        GatewayError::Failed(format!("{} ({}{code}): {}", status.as_u16(), self.kind, self.message))
    }
}

/// The search for the intents of a key.
pub(super) fn search_for(key: &str) -> String {
    let quoted = key.replace('\\', "\\\\").replace('\'', "\\'");
    format!("metadata['callout_key']:'{quoted}'")
}

/// Reads the body of a success. When it cannot be read, the request took effect all the same.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, GatewayError> {
    serde_json::from_slice(body)
        .map_err(|error| GatewayError::NoAnswer(format!("its answer cannot be understood: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statuses: &[&str]) -> Result<ChargeOutcome, GatewayError> {
        let intent =
            |status: &&str| Intent { id: "pi".to_owned(), status: (*status).to_owned(), last_payment_error: None };
        SearchResult { data: statuses.iter().map(intent).collect() }.outcome()
    }

    #[test]
    fn a_search_never_overlooks_money_taken_or_still_moving() {
        for statuses in [&["succeeded"][..], &["canceled", "succeeded"], &["succeeded", "canceled", "processing"]] {
            assert!(matches!(found(statuses), Ok(ChargeOutcome::Charged { .. })), "{statuses:?}");
        }
        for statuses in [&[][..], &["processing"], &["processing", "canceled"], &["canceled", "requires_action"]] {
            assert!(matches!(found(statuses), Err(GatewayError::NoAnswer(_))), "{statuses:?}");
        }
        assert!(matches!(found(&["requires_payment_method"]), Ok(ChargeOutcome::Declined { .. })));
    }

    #[test]
    fn a_key_cannot_break_out_of_the_search() {
        assert_eq!(search_for(r"a'b\c"), r"metadata['callout_key']:'a\'b\\c'");
    }
}
