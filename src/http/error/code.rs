//! The kinds of refusals: code, status and title of each.

use std::time::Duration;

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The kind of a refusal, for programs. Kinds may be added; go by the status then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ErrorCode)]
pub enum Code {
    /// The request is not valid.
    InvalidRequest,
    /// The token is missing, expired or not valid.
    Unauthorized,
    /// The role may not do that.
    Forbidden,
    /// The resource does not exist, or the client may not know of it.
    NotFound,
    /// The path does not have that method.
    MethodNotAllowed,
    /// The request took too long to arrive.
    RequestTimeout,
    /// The body is too long.
    PayloadTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The service is not offered there.
    OutOfArea,
    /// The payment method was refused.
    PaymentDeclined,
    /// The gateway took nothing and says why.
    PaymentRejected,
    /// The payer must confirm the payment first.
    PaymentActionRequired,
    /// The customer owes an earlier fare.
    DebtOpen,
    /// The payment gateway cannot be used now.
    PaymentUnavailable,
    /// The payment's outcome is not known yet: look again.
    PaymentPending,
    /// A charge is under way, and the command must not be given before its outcome is known.
    ChargeInFlight,
    /// The amount is below what may be charged.
    PaymentBelowMinimum,
    /// Another driver has the call, or it is over.
    CallTaken,
    /// The call is not offered to this driver.
    NotOffered,
    /// The state does not allow the step.
    IllegalTransition,
    /// The driver is not free.
    DriverUnavailable,
    /// The idempotency key belongs to another request.
    IdempotencyConflict,
    /// The quote is too old.
    QuoteExpired,
    /// There is one of that id already.
    AlreadyExists,
    /// The customer has too many open calls that are not paid.
    TooManyUnpaid,
    /// The step comes before its time.
    TooEarly,
    /// Too many requests by this client.
    RateLimited,
    /// Too many requests altogether.
    Overloaded,
    /// Nothing can be committed now.
    StoreUnavailable,
    /// The actor failed too often and waits for an operator.
    Parked,
    /// The actor failed at this request and is being restarted.
    ActorRestarted,
    /// The server is not ready.
    NotReady,
    /// A fault of the server.
    Internal,
}

struct Facts {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

impl Code {
    pub const ALL: [Self; 33] = [
        Self::InvalidRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::OutOfArea,
        Self::PaymentDeclined,
        Self::PaymentRejected,
        Self::PaymentActionRequired,
        Self::DebtOpen,
        Self::PaymentUnavailable,
        Self::PaymentPending,
        Self::ChargeInFlight,
        Self::PaymentBelowMinimum,
        Self::CallTaken,
        Self::NotOffered,
        Self::IllegalTransition,
        Self::DriverUnavailable,
        Self::IdempotencyConflict,
        Self::QuoteExpired,
        Self::AlreadyExists,
        Self::TooManyUnpaid,
        Self::TooEarly,
        Self::RateLimited,
        Self::Overloaded,
        Self::StoreUnavailable,
        Self::Parked,
        Self::ActorRestarted,
        Self::NotReady,
        Self::Internal,
    ];

    /// The code for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.facts().code
    }

    #[must_use]
    pub fn status(self) -> StatusCode {
        self.facts().status
    }

    /// The title for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.facts().title
    }

    /// When to try again, unless something better is known.
    pub(super) fn retry_after(self) -> Option<Duration> {
        matches!(self.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            .then_some(Duration::from_secs(if self == Self::Parked { 30 } else { 1 }))
    }

    /// Whether what the client is still sending is not worth reading.
    pub(super) fn ends_the_connection(self) -> bool {
        matches!(self, Self::RequestTimeout | Self::PayloadTooLarge)
    }

    fn facts(self) -> Facts {
        use StatusCode as S;
        let (status, code, title) = match self {
            Self::InvalidRequest => (S::BAD_REQUEST, "invalid_request", "The request is not valid"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A valid token is needed"),
            Self::PaymentDeclined => (S::PAYMENT_REQUIRED, "payment_declined", "The payment was declined"),
            Self::PaymentRejected => (S::PAYMENT_REQUIRED, "payment_rejected", "The payment was rejected"),
            Self::PaymentActionRequired => {
                (S::CONFLICT, "payment_action_required", "The payer must confirm the payment")
            }
            Self::DebtOpen => (S::PAYMENT_REQUIRED, "debt_open", "An earlier fare is owed"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "The token may not do this"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "The resource does not exist"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The path has no such method"),
            Self::RequestTimeout => (S::REQUEST_TIMEOUT, "request_timeout", "The request took too long to arrive"),
            Self::ChargeInFlight => (S::CONFLICT, "charge_in_flight", "A charge is still under way"),
            Self::CallTaken => (S::CONFLICT, "call_taken", "The call is taken or over"),
            Self::NotOffered => (S::CONFLICT, "not_offered", "The call is not offered to this driver"),
            Self::IllegalTransition => {
                (S::CONFLICT, "illegal_transition", "The current state does not allow this step")
            }
            Self::DriverUnavailable => (S::CONFLICT, "driver_unavailable", "The driver is not free"),
            Self::IdempotencyConflict => {
                (S::CONFLICT, "idempotency_conflict", "The idempotency key belongs to another request")
            }
            Self::AlreadyExists => (S::CONFLICT, "already_exists", "The resource exists already"),
            Self::TooManyUnpaid => (S::CONFLICT, "too_many_unpaid", "Too many open calls are not paid"),
            Self::TooEarly => (S::CONFLICT, "too_early", "It is too early for this step"),
            Self::PayloadTooLarge => (S::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is too long"),
            Self::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body is not JSON"),
            Self::OutOfArea => (S::UNPROCESSABLE_ENTITY, "out_of_area", "The place is outside the service area"),
            Self::PaymentBelowMinimum => {
                (S::UNPROCESSABLE_ENTITY, "payment_below_minimum", "The amount is below the minimum payment")
            }
            Self::QuoteExpired => (S::UNPROCESSABLE_ENTITY, "quote_expired", "The quote is too old"),
            Self::RateLimited => (S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
            Self::PaymentUnavailable => {
                (S::SERVICE_UNAVAILABLE, "payment_unavailable", "The payment gateway cannot be used now")
            }
            Self::PaymentPending => (S::SERVICE_UNAVAILABLE, "payment_pending", "The payment is still under way"),
            Self::Overloaded => (S::SERVICE_UNAVAILABLE, "overloaded", "The server is overloaded"),
            Self::StoreUnavailable => {
                (S::SERVICE_UNAVAILABLE, "store_unavailable", "The store does not take commits now")
            }
            Self::Parked => (S::SERVICE_UNAVAILABLE, "parked", "The actor is parked until an operator resumes it"),
            Self::ActorRestarted => {
                (S::SERVICE_UNAVAILABLE, "actor_restarted", "The actor failed and is being restarted")
            }
            Self::NotReady => (S::SERVICE_UNAVAILABLE, "not_ready", "The server is not ready"),
        };
        Facts { status, code, title }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_by_its_name() -> Result<(), serde_json::Error> {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code)?, code.as_str());
        }
        Ok(())
    }
}
