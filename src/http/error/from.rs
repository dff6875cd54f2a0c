//! How refusals of the actors, the domain and the read model become problems.

use std::{sync::Arc, time::Duration};

use super::{Code, Problem};
use crate::{
    actors::{CallError, entity::AskError, ops::OpsError},
    domain::{Rejection, call::Call},
    readmodel::ReadError,
};

/// A policy file that is missing is put back by a person.
const NO_POLICY_AGAIN: Duration = Duration::from_secs(60);

/// When reads that were too slow are worth another try: those that held them up have been answered or given up by then.
const READ_AGAIN: Duration = Duration::from_secs(5);

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match &rejection {
            Rejection::NotFound => Code::NotFound,
            Rejection::Exists => Code::AlreadyExists,
            Rejection::IllegalTransition { .. } => Code::IllegalTransition,
            Rejection::CallTaken => Code::CallTaken,
            Rejection::NotOffered => Code::NotOffered,
            Rejection::DriverUnavailable { .. } => Code::DriverUnavailable,
            Rejection::Forbidden | Rejection::ForOperators { .. } => Code::Forbidden,
            Rejection::PaymentPending => Code::PaymentPending,
            Rejection::ChargeInFlight => Code::ChargeInFlight,
            Rejection::BelowMinimum { .. } => Code::PaymentBelowMinimum,
            Rejection::TooEarly { .. } => Code::TooEarly,
            Rejection::Invalid(_) => Code::InvalidRequest,
        };
        let problem = Self::new(code, rejection.to_string());
        match rejection {
            Rejection::TooEarly { wait_s, .. } => problem.retry_after(Duration::from_secs(wait_s)),
            _ => problem,
        }
    }
}

impl<S> From<AskError<S>> for Problem {
    fn from(error: AskError<S>) -> Self {
        let said = error.to_string();
        match error {
            AskError::Rejected { rejection, .. } => rejection.into(),
            AskError::NoPolicy(_) => Self::new(Code::NotReady, said).retry_after(NO_POLICY_AGAIN),
            AskError::Parked => Self::new(Code::Parked, format!("{said}; an operator can resume it")),
            AskError::Overloaded { retry_after } => Self::new(Code::Overloaded, said).retry_after(retry_after),
            AskError::Unavailable { retry_after } | AskError::Undecided { retry_after } => {
                Self::new(Code::StoreUnavailable, said).retry_after(retry_after)
            }
            AskError::Crashed => Self::new(Code::ActorRestarted, format!("{said}; repeating the request is safe")),
            AskError::Stopping => Self::new(Code::StoreUnavailable, said).retry_after(Duration::from_secs(2)),
        }
    }
}

/// The problem, and the call that it is about when there is one. Who may see that call is for the caller to judge.
impl From<CallError> for (Problem, Option<Arc<Call>>) {
    fn from(error: CallError) -> Self {
        let said = error.to_string();
        match error {
            CallError::Ask(AskError::Rejected { rejection, state }) => (rejection.into(), state),
            CallError::Ask(error) => (error.into(), None),
            CallError::Driver(error) => (error.into(), None),
            CallError::Account(error) => (error.into(), None),
            CallError::DebtOpen { .. } => (Problem::new(Code::DebtOpen, said), None),
            CallError::NoAnswer { call, error } => (error.into(), Some(call)),
            CallError::OutOfArea { call } => (Problem::new(Code::OutOfArea, said), Some(call)),
            CallError::PaymentDeclined { call, .. } => {
                (Problem::new(Code::PaymentDeclined, format!("{said}; pay with another method")), Some(call))
            }
            CallError::PaymentRejected { call, .. } => {
                (Problem::new(Code::PaymentRejected, format!("{said}; pay with another method")), Some(call))
            }
            CallError::PaymentActionRequired { call } => (Problem::new(Code::PaymentActionRequired, said), Some(call)),
            CallError::PaymentUnavailable { call, retry_after } => {
                (Problem::new(Code::PaymentUnavailable, said).retry_after(retry_after), Some(call))
            }
            CallError::PaymentPending { call, retry_after } => {
                (Problem::new(Code::PaymentPending, said).retry_after(retry_after), Some(call))
            }
            CallError::NoDrivers { retry_after, .. } => (
                Problem::new(Code::Overloaded, format!("{said}; please call again later")).retry_after(retry_after),
                None,
            ),
            CallError::TooManyUnpaid { .. } => (Problem::new(Code::TooManyUnpaid, said), None),
            CallError::ClaimGivenUp { call, retry_after } => (
                Problem::new(Code::Overloaded, format!("{said}; accept this call again, or another one"))
                    .retry_after(retry_after),
                Some(call),
            ),
            CallError::DriverUnavailable { call, .. } => (Problem::new(Code::DriverUnavailable, said), call),
        }
    }
}

impl From<OpsError> for Problem {
    fn from(error: OpsError) -> Self {
        let code = match &error {
            OpsError::NoSuchKind { .. } | OpsError::NoSuchActor { .. } => Code::NotFound,
            OpsError::Parked { .. } => Code::Parked,
            OpsError::NoAnswer(_) => Code::ActorRestarted,
            OpsError::Store(_) => Code::StoreUnavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::BadCursor => {
                Self::at_parameter("cursor", "is not from this list; leave it out to begin at the start")
            }
            ReadError::TooSlow => {
                tracing::warn!(%error, "a read of the read model took too long and was given up");
                let detail = "the list or history took too long to read; try again later, or ask for less with limit, service or status";
                Self::new(Code::Overloaded, detail).retry_after(READ_AGAIN)
            }
            ReadError::Unavailable(_) | ReadError::Unreadable(_) => {
                tracing::error!(%error, "the read model does not answer");
                Self::new(
                    Code::StoreUnavailable,
                    "lists and histories cannot be read now; requests and commands for calls still work",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ServiceId, policy::NoPolicy};

    #[test]
    fn every_rejection_has_its_status() {
        for (rejection, status) in [
            (Rejection::NotFound, 404),
            (Rejection::Exists, 409),
            (Rejection::IllegalTransition { state: "started", command: "cancel" }, 409),
            (Rejection::CallTaken, 409),
            (Rejection::NotOffered, 409),
            (Rejection::DriverUnavailable { status: "engaged" }, 409),
            (Rejection::Forbidden, 403),
            (Rejection::TooEarly { at: jiff::Timestamp::UNIX_EPOCH, wait_s: 60 }, 409),
            (Rejection::PaymentPending, 503),
            (Rejection::ChargeInFlight, 409),
            (Rejection::BelowMinimum { amount: 4_999, minimum: 5_000 }, 422),
            (Rejection::Invalid("x".to_owned()), 400),
        ] {
            let problem = Problem::from(rejection.clone());
            assert_eq!(problem.code().status(), status, "{rejection:?}");
            assert_eq!(problem.detail(), rejection.to_string());
        }
    }

    #[test]
    fn a_read_that_takes_too_long_is_503_with_a_time_to_come_back() {
        let problem = Problem::from(ReadError::TooSlow);
        assert_eq!((problem.code(), problem.code().status().as_u16()), (Code::Overloaded, 503));
        assert_eq!(problem.retry_after_s(), Some(5));
    }

    #[test]
    fn an_actor_without_an_answer_is_503_with_a_time_to_come_back() {
        for (error, code) in [
            (AskError::<Call>::Parked, Code::Parked),
            (AskError::NoPolicy(NoPolicy::Service(ServiceId::new("taxi").expect("an id"))), Code::NotReady),
            (AskError::Overloaded { retry_after: Duration::from_secs(3) }, Code::Overloaded),
            (AskError::Unavailable { retry_after: Duration::from_secs(3) }, Code::StoreUnavailable),
            (AskError::Undecided { retry_after: Duration::from_secs(3) }, Code::StoreUnavailable),
            (AskError::Crashed, Code::ActorRestarted),
            (AskError::Stopping, Code::StoreUnavailable),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.code(), problem.code().status().as_u16()), (code, 503));
        }
    }
}
