//! What the edge answers, and its refusals with the bodies of the real API.

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Map, Value, json};

/// The type of an error of the edge itself.
const BROKEN: &str = "edge_error";

/// An answer before it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: Vec<(&'static str, String)>,
    /// Whether an idempotency key keeps it: only what came after the checks of the request.
    pub is_kept: bool,
}

impl Answer {
    /// What the edge did not understand, if that is the answer.
    pub fn broken(&self) -> Option<&str> {
        let error = &self.body["error"];
        error["message"].as_str().filter(|_| error["type"] == BROKEN)
    }

    pub fn into_response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        for (name, value) in self.headers {
            response.insert_header((name, value));
        }
        // A page of a proxy in between is text.
        match self.body {
            Value::String(text) => response.content_type("text/html").body(text),
            body => response.json(body),
        }
    }
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        match result {
            Ok(body) => Self { status: 200, body, headers: Vec::new(), is_kept: true },
            Err(refusal) => refusal.into(),
        }
    }
}

/// A status with the object `error`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {error:?}")]
pub struct Refusal {
    status: u16,
    error: Map<String, Value>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let refusal = Self { status, error: Map::new(), headers: Vec::new() };
        refusal.with("type", kind).with("message", message.into())
    }

    /// 400 `invalid_request_error`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// What the URL names is not there: 404 with `param`.
    pub fn missing(what: &str, param: &str, id: &str) -> Self {
        let refusal = Self::new(404, "invalid_request_error", format!("No such {what}: '{id}'"));
        refusal.code("resource_missing").param(param)
    }

    /// Too many requests.
    pub fn busy(retry_after_s: u64) -> Self {
        let refusal = Self::new(429, "invalid_request_error", "Too many requests; wait before the next one.");
        refusal.code("rate_limit").header("Retry-After", retry_after_s.to_string())
    }

    /// localstripe did what the edge does not expect: a fault of the rig, which fails the test when the edge is dropped.
    pub fn broken(why: &str) -> Self {
        Self::new(500, BROKEN, format!("the edge does not understand localstripe: {why}"))
    }

    pub fn code(self, code: &str) -> Self {
        self.with("code", code)
    }

    pub fn param(self, param: &str) -> Self {
        self.with("param", param)
    }

    /// With one more member of `error`.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error.insert(name.into(), value.into());
        self
    }

    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The object `error`.
    pub fn error(&self) -> Value {
        self.error.clone().into()
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let is_check = matches!(refusal.status, 401 | 403 | 404 | 409 | 429) || refusal.error.contains_key("param");
        Self {
            status: refusal.status,
            body: json!({ "error": refusal.error }),
            headers: refusal.headers,
            is_kept: !is_check,
        }
    }
}
