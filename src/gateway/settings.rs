//! The `[gateway]` section of the configuration. It only holds values; `open` decides what they mean.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

/// Which payment gateway to use, and how long to wait for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// `simulated://`, or `stripe+http(s)://host[:port]`.
    pub url: String,
    /// How long an answer may take before the outcome counts as unknown, in ms, 1 to 60000.
    pub response_timeout_ms: u64,
    /// How long connecting may take, in ms, 1 to 60000.
    pub connect_timeout_ms: u64,
    /// The secret key of the Stripe protocol; never shown.
    pub api_key: Option<SecretString>,
    /// The file that keeps the simulated gateway's ledger; without one it is kept in memory only.
    pub ledger: Option<PathBuf>,
    /// The seed of the simulated gateway's faults; without one they differ from run to run.
    pub seed: Option<u64>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            url: "simulated://".to_owned(),
            response_timeout_ms: 3_000,
            connect_timeout_ms: 1_000,
            api_key: None,
            ledger: None,
            seed: None,
        }
    }
}

impl GatewaySettings {
    /// What is wrong with the settings: key, and what would be right.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let timeouts =
            [("response_timeout_ms", self.response_timeout_ms), ("connect_timeout_ms", self.connect_timeout_ms)];
        let mut problems: Vec<_> = timeouts
            .into_iter()
            .filter(|(_, ms)| !(1..=60_000).contains(ms))
            .map(|(key, ms)| (key, format!("is {ms}; it must be between 1 and 60000")))
            .collect();
        let stripe = self.url.starts_with("stripe+http://") || self.url.starts_with("stripe+https://");
        if self.url != "simulated://" && !stripe {
            problems.push(("url", OpenError::no_gateway(&self.url).to_string()));
        }
        if stripe && self.api_key.is_none() {
            problems.push(("api_key", OpenError::NoApiKey.to_string()));
        }
        problems
    }
}

/// Why a gateway cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no gateway.
    #[error("gateway.url is {url:?}; it must be simulated://, stripe+http://host:port or stripe+https://host:port")]
    Url {
        /// The URL, without a user or password.
        url: String,
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
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
}

impl OpenError {
    /// The URL names no gateway. What stands before an `@` may be a password, and is not shown.
    pub(super) fn no_gateway(url: &str) -> Self {
        let shown = url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("…@{rest}"));
        Self::Url { url: shown }
    }
}
