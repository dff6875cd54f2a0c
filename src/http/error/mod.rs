//! Refusals as clients see them: RFC 9457 problem documents. The only place that knows which refusal has which status.
//!
//! Handlers answer `Result<_, Problem>`; how the actors' and the domain's refusals become problems is in `from`.

mod code;
mod from;
mod guide;
mod message;
pub(super) mod refusals;

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::value::RawValue;

pub use code::Code;
pub(super) use refusals::Refusals;

use crate::domain::policy::{Lang, Text};

/// A refusal as RFC 9457 has it: a code for programs, a title and a detail for developers, and a message for people.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    call: Option<Box<RawValue>>,
    allow: Option<Cow<'static, str>>,
    /// What the person is told, when that is not what the code alone says.
    message: Option<Text>,
}

/// A problem as it is written: `application/problem+json`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    /// Names the kind of problem: `urn:callout:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:callout:problem:illegal_transition")]
    kind: String,
    /// The kind of problem, for developers.
    #[schema(value_type = String)]
    title: &'a str,
    /// The HTTP status, as in the response's first line.
    #[schema(example = 409)]
    status: u16,
    /// The mistake, its place, and the values that are allowed: for developers.
    #[schema(value_type = String)]
    detail: &'a str,
    /// The kind of problem, for programs; never changes.
    code: Code,
    /// What to show the person at the phone, in the language that `Accept-Language` asks for (else that of the customer's
    /// profile, else Korean). Without it the refusal is for whoever wrote the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<&'a str>,
    /// The call that the refusal is about, when it exists and may be seen; `id`, `service`, `status`, `label` and
    /// `version` of it for a driver who was too late. Its `id` alone when it was being requested and nobody can say yet
    /// whether it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<super::views::CallInProblem>)]
    call: Option<&'a RawValue>,
}

impl<'a> Document<'a> {
    fn of(code: Code, detail: &'a str) -> Self {
        let kind = format!("urn:callout:problem:{}", code.as_str());
        Self { kind, title: code.title(), status: code.status().as_u16(), detail, code, message: None, call: None }
    }
}

impl Problem {
    /// A refusal of that kind. `detail` names the mistake, its place, and the values that are allowed.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let retry_after = code.retry_after();
        Self(Box::new(Inner { code, detail: detail.into(), retry_after, call: None, allow: None, message: None }))
    }

    /// A refusal of an invalid request; `detail` names the mistake and the values that are allowed.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// A refusal of one value: `place` names it, by its JSON pointer in a body (`/pickup/lat`) or as the query parameter, path
    /// or header that it is.
    pub fn at(place: &str, wrong: impl fmt::Display) -> Self {
        Self::invalid(format!("{place}: {wrong}"))
    }

    /// A refusal of the value of a query parameter.
    pub fn at_parameter(name: &str, wrong: impl fmt::Display) -> Self {
        Self::invalid(format!("the query parameter {name}: {wrong}"))
    }

    /// The resource does not exist, or this client may not know of it.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// The same problem with another detail.
    #[must_use]
    pub fn saying(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// The same problem with other words for the person at the phone than those of its code.
    #[must_use]
    pub fn telling(mut self, message: Option<Text>) -> Self {
        self.0.message = message.or(self.0.message);
        self
    }

    /// When it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The call that the refusal concerns.
    #[must_use]
    pub fn about(mut self, call: Option<Box<RawValue>>) -> Self {
        self.0.call = call;
        self
    }

    /// The methods that a path has.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<Cow<'static, str>>) -> Self {
        self.0.allow = Some(methods.into());
        self
    }

    /// When it is worth trying again, in whole seconds.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        self.0.retry_after.map(whole_seconds)
    }

    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The words for the person at the phone; `None` when the refusal is for whoever wrote the client.
    #[must_use]
    pub fn message(&self, lang: Lang) -> Option<&str> {
        let own = self.0.message.as_ref().map(|text| text.in_lang(lang));
        own.or_else(|| self.0.code.message().map(|words| words.in_lang(lang)))
    }

    /// The document, with or without a message.
    pub(super) fn document(&self, message: Option<&str>) -> Vec<u8> {
        let inner = &*self.0;
        let document = Document { call: inner.call.as_deref(), message, ..Document::of(inner.code, &inner.detail) };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let inner = &*self.0;
        let status = inner.code.status();
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        if let Some(after) = inner.retry_after {
            response.insert_header((header::RETRY_AFTER, whole_seconds(after)));
        }
        if let Some(methods) = &inner.allow {
            response.insert_header((header::ALLOW, methods.as_ref()));
        }
        if inner.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"callout\""));
        }
        if inner.code.ends_the_connection() {
            response.force_close();
        }
        // The message depends on the request, which is not known here: the outermost layer adds it.
        response.body(self.document(None))
    }
}

/// Rounded up, and at least one: a client that waits that long is not too early.
fn whole_seconds(after: Duration) -> u64 {
    (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn a_problem_is_a_complete_document() -> Result<(), Box<dyn std::error::Error>> {
        let call = RawValue::from_string("{\"id\":\"call_1\"}".to_owned())?;
        let problem = Problem::new(Code::PaymentUnavailable, "the gateway is down")
            .retry_after(Duration::from_millis(1_200))
            .about(Some(call));
        let response = problem.error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").and_then(|value| value.to_str().ok()), Some("2"));
        let body = to_bytes(response.into_body()).await.map_err(|error| error.to_string())?;
        let document: serde_json::Value = serde_json::from_slice(&body)?;
        assert_eq!(document["type"], "urn:callout:problem:payment_unavailable");
        assert_eq!((&document["status"], &document["code"]), (&503.into(), &"payment_unavailable".into()));
        assert_eq!(document["call"]["id"], "call_1");
        Ok(())
    }

    #[test]
    fn every_429_and_503_says_when_to_come_back() {
        for code in Code::ALL {
            let headers = Problem::new(code, "x").error_response();
            let must = matches!(code.status().as_u16(), 429 | 503);
            assert!(!must || headers.headers().contains_key("retry-after"), "{code:?}");
        }
    }

    #[test]
    fn a_refused_token_says_how_to_authenticate() {
        let response = Problem::new(Code::Unauthorized, "no token").error_response();
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
    }
}
