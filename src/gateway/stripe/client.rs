//! The HTTP of the Stripe protocol. It sends one request, and says how much is known when no answer comes.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::crypto::{CryptoProvider, ring};
use secrecy::{ExposeSecret, SecretString};

use super::{
    super::settings::{GatewaySettings, OpenError},
    wire::{StripeError, StripeErrorBody},
};
use crate::actors::ports::gateway::GatewayError;

/// The version of the protocol that is spoken here.
const VERSION: &str = "2024-06-20";
/// Answers are a few kB; longer ones are not read, in bytes.
const BODY_MAX: usize = 1 << 20;

/// The client of one host.
pub(super) struct StripeClient {
    http: Client,
    base: Url,
    api_key: SecretString,
}

/// What came back.
pub(super) enum Answer {
    /// 2xx, with this body.
    Ok(Vec<u8>),
    /// 4xx that concerns the request.
    Refused(StatusCode, StripeError),
}

impl StripeClient {
    pub(super) fn new(settings: &GatewaySettings) -> Result<Self, OpenError> {
        let base = base_of(&settings.url).ok_or_else(|| OpenError::no_gateway(&settings.url))?;
        let api_key = settings.api_key.clone().ok_or(OpenError::NoApiKey)?;
        if CryptoProvider::get_default().is_none() {
            // Losing a race against another installer is as good.
            drop(ring::default_provider().install_default());
        }
        let builder = Client::builder()
            .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
            .timeout(Duration::from_millis(settings.response_timeout_ms))
            .redirect(redirect::Policy::none());
        // Without TLS no certificate is needed, and a machine without any must do.
        let builder =
            if base.scheme() == "https" { builder.https_only(true) } else { builder.tls_certs_only(Vec::new()) };
        Ok(Self { http: builder.build()?, base, api_key })
    }

    pub(super) async fn post(
        &self,
        path: &str,
        key: &Arc<str>,
        form: &[(&str, String)],
    ) -> Result<Answer, GatewayError> {
        let path: Vec<&str> = path.split('/').collect();
        let request = self.http.post(self.url(&path)).header("Idempotency-Key", &**key).form(form);
        self.send(request).await
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, GatewayError> {
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

    async fn send(&self, request: RequestBuilder) -> Result<Answer, GatewayError> {
        let request = request.bearer_auth(self.api_key.expose_secret()).header("Stripe-Version", VERSION);
        let response = request.send().await.map_err(|error| unanswered(&error))?;
        let status = response.status();
        if !status.is_success() && !status.is_client_error() {
            return Err(GatewayError::Failed(format!("it answered {status}")));
        }
        let body = read(response).await?;
        if status.is_success() {
            return Ok(Answer::Ok(body));
        }
        let error = serde_json::from_slice::<StripeErrorBody>(&body).map(|body| body.error).unwrap_or_default();
        let concerns_request = !matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS);
        if concerns_request { Ok(Answer::Refused(status, error)) } else { Err(error.into_failure(status)) }
    }
}

/// The part of the URL that HTTP needs, when it has no more than a scheme, a host and a port.
fn base_of(url: &str) -> Option<Url> {
    let base = Url::parse(url.strip_prefix("stripe+")?).ok()?;
    let is_bare = base.has_host()
        && base.path() == "/"
        && base.query().is_none()
        && base.fragment().is_none()
        && base.username().is_empty()
        && base.password().is_none();
    is_bare.then_some(base)
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
