//! What the server answers, read as far as a load test looks at it.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

/// An answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Bytes,
}

/// Why there is no answer. What the request was for may have happened or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made: certainly nothing happened.
    Connect,
    Broken,
    /// Nothing came in time.
    Timeout,
}

/// A call, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct CallSeen<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    /// How many things happened to it.
    pub version: u64,
    pub fare: Money,
    /// Where its payment stands.
    #[serde(borrow)]
    pub payment: PaymentSeen<'a>,
    /// Who has or had it.
    #[serde(borrow)]
    pub driver: Option<DriverSeen<'a>>,
    /// When something last happened to it.
    pub updated_at: jiff::Timestamp,
}

/// An amount in the currency's minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Money {
    pub amount: u64,
}

/// The payment of a call.
#[derive(Debug, Deserialize)]
pub struct PaymentSeen<'a> {
    #[serde(borrow)]
    pub status: Cow<'a, str>,
}

/// The driver of a call.
#[derive(Debug, Deserialize)]
pub struct DriverSeen<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ProblemSeen<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow, default)]
    call: Option<CallSeen<'a>>,
}

impl Answer {
    /// Whether it says yes.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The call in the body of a good answer.
    #[must_use]
    pub fn call(&self) -> Option<CallSeen<'_>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The call that a refusal is about.
    #[must_use]
    pub fn refused_call(&self) -> Option<CallSeen<'_>> {
        serde_json::from_slice::<ProblemSeen<'_>>(&self.body).ok()?.call
    }

    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> String {
        match serde_json::from_slice::<ProblemSeen<'_>>(&self.body) {
            Ok(problem) => problem.code.into_owned(),
            Err(_) => format!("status_{}", self.status),
        }
    }

    /// Whether what was asked for may have happened although the answer is no yes. A payment that is held back has not.
    #[must_use]
    pub fn is_unclear(&self) -> bool {
        self.status >= 500 && self.code() != "payment_unavailable"
    }

    /// Whether it is a refusal that says all there is to say: what is wrong, or when to come back.
    #[must_use]
    pub fn is_orderly(&self) -> bool {
        matches!(self.status, 402 | 409 | 422) || matches!(self.status, 429 | 503) && self.retry_after.is_some()
    }
}

impl Failure {
    /// Its name in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Connect => "no_connection",
            Self::Broken => "connection_broken",
            Self::Timeout => "no_answer",
        }
    }
}
