//! What a status that is no success means, and an error's type and code: one table, each row with a test.
//!
//! Sources: <https://docs.stripe.com/api/errors>, <https://docs.stripe.com/error-codes>,
//! <https://docs.stripe.com/api/idempotent_requests>, <https://docs.stripe.com/rate-limits>.

use std::time::Duration;

use reqwest::StatusCode;

use super::wire::StripeError;
use crate::actors::ports::gateway::GatewayError;

/// How long the gateway is left alone after a 429 that does not say for how long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a request had no effect.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The card or its bank refused.
    Declined(String),
    /// The object is in a state that does not allow the request: it was charged, confirmed or withdrawn before.
    WrongState(String),
    /// The refund was made before.
    Refunded,
    /// The gateway does not have the object. `is_method`: the payment method, otherwise the intent or charge.
    Missing { reason: String, is_method: bool },
    /// The request is refused as it is.
    Rejected(String),
}

/// What a status that is no success means for the request.
///
/// # Errors
/// When the gateway has not refused it for a reason of its own: whether it took effect, the error says.
pub(super) fn meaning(
    status: StatusCode,
    error: &StripeError,
    retry_after: Option<Duration>,
) -> Result<Refusal, GatewayError> {
    let said = error.in_words(status);
    match (status.as_u16(), error.kind.as_str(), error.code.as_deref()) {
        (401 | 403, _, _) => Err(GatewayError::Unauthorized(said)),
        (429, _, _) => Err(GatewayError::Busy { retry_after: retry_after.unwrap_or(PATIENCE), why: said }),
        // A request with the same key is being performed, or was performed with other parameters.
        (409, _, _) | (_, "idempotency_error", _) => Err(GatewayError::Unknown(said)),
        (402, "card_error", _) => Ok(Refusal::Declined(error.reason())),
        (400, _, Some("charge_already_refunded")) => Ok(Refusal::Refunded),
        (400, _, Some("payment_intent_unexpected_state" | "payment_intent_incompatible_payment_method")) => {
            Ok(Refusal::WrongState(said))
        }
        (404, _, _) | (_, _, Some("resource_missing")) => {
            let is_method = error.param.as_deref().is_some_and(|param| param.starts_with("payment_method"));
            Ok(Refusal::Missing { reason: error.reason(), is_method })
        }
        // It has a reason, so it comes from the gateway.
        (400..=499, kind, _) if !kind.is_empty() => Ok(Refusal::Rejected(error.reason())),
        // The gateway's own failure, after which it looks the request up.
        (500, "api_error", _) => Err(GatewayError::Failed(said)),
        // From something in between, which may have passed the request on.
        _ => Err(GatewayError::Unknown(said)),
    }
}

impl StripeError {
    /// The reason, for people.
    pub(super) fn reason(&self) -> String {
        if self.message.is_empty() { "the payment was refused".to_owned() } else { self.message.clone() }
    }

    /// The whole error, for operators.
    fn in_words(&self, status: StatusCode) -> String {
        let details: Vec<&str> = [self.kind.as_str()]
            .into_iter()
            .chain(self.code.as_deref())
            .chain(self.decline_code.as_deref())
            .filter(|detail| !detail.is_empty())
            .collect();
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
        format!("it answered {}{details}: {}", status.as_u16(), self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: &str, code: Option<&str>, param: Option<&str>) -> StripeError {
        StripeError {
            kind: kind.to_owned(),
            code: code.map(ToOwned::to_owned),
            param: param.map(ToOwned::to_owned),
            message: "why".to_owned(),
            ..StripeError::default()
        }
    }

    fn of(status: u16, kind: &str, code: Option<&str>, param: Option<&str>) -> Result<Refusal, GatewayError> {
        let status = StatusCode::from_u16(status).expect("a status");
        meaning(status, &error(kind, code, param), None)
    }

    #[test]
    fn a_refused_card_is_a_decline() {
        for code in ["card_declined", "expired_card", "incorrect_cvc", "insufficient_funds", "authentication_required"]
        {
            assert_eq!(of(402, "card_error", Some(code), None), Ok(Refusal::Declined("why".to_owned())), "{code}");
        }
    }

    #[test]
    fn a_wrong_request_is_rejected_with_the_gateways_reason() {
        let rejected = Ok(Refusal::Rejected("why".to_owned()));
        for (status, code, param) in [
            (400, None, None),
            (400, Some("parameter_invalid_integer"), Some("amount")),
            (400, Some("amount_too_small"), None),
            (400, Some("currency_not_supported"), None),
            (402, None, None),
            (405, None, None),
            (422, None, None),
        ] {
            assert_eq!(of(status, "invalid_request_error", code, param), rejected, "{status} {code:?}");
        }
    }

    #[test]
    fn what_is_missing_is_the_method_or_the_intent() {
        let missing = |is_method| Ok(Refusal::Missing { reason: "why".to_owned(), is_method });
        for status in [400, 404] {
            let of = |param| of(status, "invalid_request_error", Some("resource_missing"), Some(param));
            assert_eq!(of("payment_method"), missing(true));
            assert_eq!(of("intent"), missing(false));
        }
    }

    #[test]
    fn an_object_in_another_state_is_to_be_read() {
        let state = of(400, "invalid_request_error", Some("payment_intent_unexpected_state"), None);
        assert!(matches!(state, Ok(Refusal::WrongState(_))), "{state:?}");
        assert_eq!(of(400, "invalid_request_error", Some("charge_already_refunded"), None), Ok(Refusal::Refunded));
    }

    #[test]
    fn a_key_that_is_not_accepted_says_nothing_about_the_payment() {
        for status in [401, 403] {
            let answer = of(status, "invalid_request_error", None, None);
            assert!(matches!(answer, Err(GatewayError::Unauthorized(_))), "{answer:?}");
        }
    }

    #[test]
    fn a_busy_gateway_says_for_how_long() {
        let busy = |retry_after| meaning(StatusCode::TOO_MANY_REQUESTS, &StripeError::default(), retry_after);
        let patience = |answer| match answer {
            Err(GatewayError::Busy { retry_after, .. }) => Some(retry_after),
            _ => None,
        };
        assert_eq!(patience(busy(Some(Duration::from_secs(7)))), Some(Duration::from_secs(7)));
        assert_eq!(patience(busy(None)), Some(PATIENCE));
    }

    #[test]
    fn a_key_in_use_or_used_for_something_else_leaves_the_outcome_open() {
        for (status, kind) in [(409, "idempotency_error"), (400, "idempotency_error"), (409, "invalid_request_error")] {
            let answer = of(status, kind, None, None);
            assert!(matches!(answer, Err(GatewayError::Unknown(_))), "{status} {kind}: {answer:?}");
        }
    }

    #[test]
    fn only_the_gateways_own_500_is_an_answer() {
        assert!(matches!(of(500, "api_error", None, None), Err(GatewayError::Failed(_))));
        for (status, kind) in
            [(500, ""), (502, ""), (503, ""), (504, ""), (502, "api_error"), (520, ""), (302, ""), (400, "")]
        {
            let answer = of(status, kind, None, None);
            assert!(matches!(answer, Err(GatewayError::Unknown(_))), "{status} {kind:?}: {answer:?}");
        }
    }
}
