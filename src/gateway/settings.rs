//! The section `gateway`: which payment gateway, and how long to wait for it. How much it may be asked,
//! the guard's settings say.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::settings::{Findings, Section, Url, secret};

/// The payment gateway, and the time that the server waits for it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// `simulated://`, `stripe+http://host[:port]` or `stripe+https://host[:port]`.
    #[schema(value_type = String)]
    pub url: Url,
    /// Time to connect. A request that could not connect in time was not sent.
    #[schema(minimum = 1, maximum = 600_000)]
    pub connect_timeout_ms: u64,
    /// Time for the gateway to answer. The outcome of a charge without an answer is unknown.
    #[schema(minimum = 1, maximum = 600_000)]
    pub response_timeout_ms: u64,
    /// Time for a payer to do what a charge waits for, such as 3-D Secure. Afterwards the charge is given up, and another
    /// method may be given.
    #[schema(minimum = 1, maximum = 86_400)]
    pub action_timeout_s: u32,
    /// Time after which operators are told of a refund that is not done, or of a charge whose outcome is still unknown.
    #[schema(minimum = 1, maximum = 604_800)]
    pub overdue_s: u32,
    /// Time after which operators are told of it again, until somebody has settled it.
    #[schema(minimum = 60, maximum = 604_800)]
    pub remind_s: u32,
    /// Secret key of a `stripe+…` gateway, required there. Better set as `CALLOUT_GATEWAY__API_KEY`.
    #[serde(with = "secret", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, write_only, default = json!(null))]
    pub api_key: Option<SecretString>,
    /// Secret of the gateway's webhooks, which it signs them with (`whsec_…`). Without one `POST
    /// /v1/gateway/webhooks/stripe` is not there, and everything settles by asking. Better set as
    /// `CALLOUT_GATEWAY__WEBHOOK_SECRET`.
    #[serde(with = "secret", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, write_only, default = json!(null))]
    pub webhook_secret: Option<SecretString>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            url: Url::new("simulated://"),
            connect_timeout_ms: 1_000,
            response_timeout_ms: 3_000,
            action_timeout_s: 900,
            overdue_s: 300,
            remind_s: 3_600,
            api_key: None,
            webhook_secret: None,
        }
    }
}

impl GatewaySettings {
    /// Whether the gateway is one that moves no money.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.url.scheme() == "simulated"
    }
}

impl Section for GatewaySettings {
    fn contradictions(&self, findings: &mut Findings) {
        let is_stripe = matches!(self.url.scheme(), "stripe+http" | "stripe+https") && !self.url.rest().is_empty();
        if !is_stripe && self.url.as_str() != "simulated://" {
            let message = "must be simulated://, stripe+http://<host>[:port] or stripe+https://…";
            findings.problem("url", format!("{message}, got {:?}", self.url));
        }
        if is_stripe && self.api_key.is_none() {
            findings.contradiction(
                &["url", "api_key"],
                "needs a secret key: set gateway.api_key (CALLOUT_GATEWAY__API_KEY)",
            );
        }
    }
}

impl GatewaySettings {
    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.response_timeout_ms)
    }
}

/// The faults and the ledger, which only a simulated gateway has.
#[derive(Debug, Clone, Default)]
pub struct Simulation {
    /// The file that keeps its ledger; without one it is kept in memory only.
    pub ledger: Option<PathBuf>,
    /// The seed of its faults; without one they differ from run to run.
    pub seed: Option<u64>,
}

/// Why a gateway cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no gateway.
    #[error("gateway.url is {url:?}; it must be simulated://, stripe+http://host:port or stripe+https://host:port")]
    Url {
        /// The URL, which shows no user or password.
        url: Url,
    },
    /// The Stripe protocol has no key.
    #[error("gateway.api_key is missing; the Stripe protocol needs a secret key")]
    NoApiKey,
    /// The HTTP client cannot be built.
    #[error("the gateway's HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
    /// The ledger file cannot be opened or read.
    #[error("the simulated gateway's ledger {path}: {source}")]
    Ledger {
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl OpenError {
    /// The URL names no gateway.
    pub(super) fn no_gateway(url: &Url) -> Self {
        Self::Url { url: url.clone() }
    }
}
