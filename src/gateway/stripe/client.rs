//! The HTTP of the Stripe protocol. It sends one request, and says how much is known when no answer comes.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::{
    super::settings::{GatewaySettings, OpenError},
    wire::{StripeError, StripeErrorBody},
};
use crate::{actors::ports::gateway::GatewayError, outbound};

/// The version of the protocol that is spoken here.
const VERSION: &str = "2024-06-20";
/// Answers are a few kB; longer ones are not read, in bytes.
const BODY_MAX: usize = 1 << 20;

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
    /// 4xx that concerns the request.
    Refused(StatusCode, StripeError),
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

    pub(super) async fn post(
        &self,
        path: &str,
        key: &Arc<str>,
        form: &[(&str, String)],
    ) -> Result<StripeAnswer, GatewayError> {
        let path: Vec<&str> = path.split('/').collect();
        let request = self.http.post(self.url(&path)).header("Idempotency-Key", &**key).form(form);
        self.send(request).await
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
        if !status.is_success() && !status.is_client_error() {
            return Err(GatewayError::Failed(format!("it answered {status}")));
        }
        let body = read(response).await?;
        if status.is_success() {
            return Ok(StripeAnswer::Ok(body));
        }
        let error = serde_json::from_slice::<StripeErrorBody>(&body).map(|body| body.error).unwrap_or_default();
        let concerns_request = !matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS);
        if concerns_request { Ok(StripeAnswer::Refused(status, error)) } else { Err(error.into_failure(status)) }
    }
}

/// A body that breaks off or never ends belongs to a request that was performed, as far as anyone knows.
async fn read(mut response: Response) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_MAX {
            return Err(GatewayError::NoAnswer(format!("its answer is longer than {BODY_MAX} bytes")));
        }
    }
    Ok(body)
}

/// Only what certainly never left is "not sent".
fn unanswered(error: &reqwest::Error) -> GatewayError {
    let why = chain(error);
    if error.is_builder() || error.is_connect() { GatewayError::NotSent(why) } else { GatewayError::NoAnswer(why) }
}

/// The error with its causes, without the URL: a search's URL holds a key.
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
