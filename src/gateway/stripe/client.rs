//! The HTTP of the Stripe protocol. It sends one request, and says how much is known when no answer comes.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Response, Url, header::RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};

use super::{
    super::settings::{GatewaySettings, OpenError},
    refusals::{Refusal, meaning},
    wire::StripeErrorBody,
};
use crate::{actors::ports::gateway::GatewayError, outbound};

/// The version of the protocol that is spoken here.
const VERSION: &str = "2024-06-20";
/// Answers are a few kB, and pages of a list some 100 kB; longer ones are not read, in bytes.
const BODY_MAX: usize = 4 << 20;

/// The client of one host.
pub(super) struct StripeClient {
    http: Client,
    base: Url,
    api_key: SecretString,
    answer_timeout: Duration,
}

/// The gateway's answer to one request.
pub(super) enum StripeAnswer {
    /// 2xx, with this body.
    Ok(Vec<u8>),
    /// The request was refused for this reason: it had no effect.
    Refused(Refusal),
}

impl StripeClient {
    pub(super) fn new(settings: &GatewaySettings) -> Result<Self, OpenError> {
        let (base, api_key) = settings.stripe()?;
        let builder = outbound::client_for(&base)
            .connect_timeout(settings.connect_timeout())
            .timeout(settings.response_timeout());
        let answer_timeout = settings.connect_timeout() + settings.response_timeout();
        Ok(Self { http: builder.build()?, base, api_key, answer_timeout })
    }

    /// How long a request takes at most.
    pub(super) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// The host and port, which name the gateway.
    pub(super) fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) async fn post(
        &self,
        path: &[&str],
        key: Option<&Arc<str>>,
        form: &[(&str, String)],
    ) -> Result<StripeAnswer, GatewayError> {
        let request = self.http.post(self.url(path)).form(form);
        self.send(match key {
            Some(key) => request.header("Idempotency-Key", &**key),
            None => request,
        })
        .await
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<StripeAnswer, GatewayError> {
        self.send(self.http.get(self.url(path)).query(query)).await
    }

    /// Segments are escaped: none can lead out of its place.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<StripeAnswer, GatewayError> {
        let request = request.bearer_auth(self.api_key.expose_secret()).header("Stripe-Version", VERSION);
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        let status = response.status();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let body = read(response).await;
        if status.is_success() {
            return Ok(StripeAnswer::Ok(body?));
        }
        // The status alone says what matters; a body that cannot be read only lacks the reason.
        let error = body.ok().and_then(|body| serde_json::from_slice::<StripeErrorBody>(&body).ok());
        let error = error.map(|body| body.error).unwrap_or_default();
        meaning(status, &error, retry_after.map(Duration::from_secs)).map(StripeAnswer::Refused)
    }
}

/// A body that breaks off or never ends belongs to a request that was performed, as far as anyone knows.
async fn read(mut response: Response) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_MAX {
            return Err(GatewayError::Unknown(format!("its answer is longer than {BODY_MAX} bytes")));
        }
    }
    Ok(body)
}

/// Only what certainly never left is "not sent".
fn unanswered(error: &reqwest::Error) -> GatewayError {
    let why = chain(error);
    if error.is_builder() || error.is_connect() { GatewayError::NotSent(why) } else { GatewayError::Unknown(why) }
}

/// The error with its causes, without the URL: it holds ids.
fn chain(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    let mut causes: Vec<String> =
        std::iter::successors(first.source(), |cause| cause.source()).map(ToString::to_string).collect();
    if causes.is_empty() {
        let kind = if error.is_timeout() { "timed out" } else { "the connection failed" };
        causes.push(kind.to_owned());
    }
    causes.join(": ")
}
