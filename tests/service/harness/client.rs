//! One principal's HTTP client, and what it gets back.

use std::sync::Arc;

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use super::Contract;

/// Speaks to one server as one principal (or as nobody).
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    token: Option<Arc<str>>,
    /// The token's `sub`; empty for nobody.
    pub id: Arc<str>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as JSON; null when it is not JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Client {
    pub fn new(http: reqwest::Client, base: &str, token: Option<String>, id: &str) -> Self {
        Self { http, base: base.into(), token: token.map(Into::into), id: id.into() }
    }

    /// The server's address: `http://127.0.0.1:PORT`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The bearer token, if any.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A request with this principal's token, to be completed and given to [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        Self::send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        Self::send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        Self::send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Self::send(self.request(Method::DELETE, path)).await
    }

    /// `POST /v1/calls/{call}/{command}`.
    pub async fn command(&self, call: &str, command: &str) -> Reply {
        self.post(&format!("/v1/calls/{call}/{command}"), json!({})).await
    }

    /// Sends a request; the server must answer it.
    pub async fn send(request: RequestBuilder) -> Reply {
        Self::try_send(request).await.unwrap_or_else(|error| panic!("the server gave no answer: {error:?}"))
    }

    /// Sends a request to a server that may be gone before it answers.
    pub async fn try_send(request: RequestBuilder) -> Result<Reply, reqwest::Error> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, url) = (request.method().clone(), request.url().clone());
        let given = request.body().and_then(|body| body.as_bytes()).and_then(|body| serde_json::from_slice(body).ok());
        let response = client.execute(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8_lossy(&response.bytes().await?).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Reply { status, headers, body, text };
        Contract::published().await.hold(&method, &url, given.as_ref(), &reply);
        Ok(reply)
    }
}

impl Reply {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The body of an answer that must be 2xx.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.body
    }

    /// The problem document of an answer that must have this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        self.any_problem()
    }

    /// The problem document of a refusal, which must be complete (RFC 9457).
    #[track_caller]
    pub fn any_problem(self) -> Value {
        assert!(self.status >= 400, "a refusal was expected: {} {}", self.status, self.text);
        let content_type = self.header("content-type").unwrap_or_default();
        assert!(content_type.starts_with("application/problem+json"), "{content_type:?} {}", self.text);
        assert_eq!(self.body["status"], self.status, "{}", self.text);
        for member in ["type", "title", "detail", "code"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "no {member}: {}", self.text);
        }
        if matches!(self.status, 429 | 503) {
            assert!(self.retry_after().is_some(), "no Retry-After: {:?}", self.headers);
        }
        self.body
    }

    /// A refusal of the request itself: 4xx, a problem document.
    #[track_caller]
    pub fn client_error(self) -> Value {
        assert!((400..500).contains(&self.status), "a 4xx was expected: {} {}", self.status, self.text);
        self.any_problem()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After`, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.parse().ok()
    }
}
