//! The section `gateway`: which payment gateway, and how long to wait for it. How much it may be asked is in `guard`.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Check, Url, hidden};

/// The payment gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// `simulated://`, or `stripe+http://host[:port]` or `stripe+https://host[:port]`.
    pub url: Url,
    /// How long connecting may take, milliseconds, 1 to 600,000.
    pub connect_timeout_ms: u64,
    /// How long an answer may take before the outcome counts as unknown, milliseconds, 1 to 600,000.
    pub response_timeout_ms: u64,
    /// The key that a `stripe+…` gateway wants. Unset: requests carry none.
    #[serde(
        deserialize_with = "hidden::deserialize",
        serialize_with = "hidden::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub api_key: Option<SecretString>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self { url: Url::new("simulated://"), connect_timeout_ms: 1_000, response_timeout_ms: 3_000, api_key: None }
    }
}

impl Gateway {
    pub(super) fn check(&self, mut check: Check<'_>) {
        let known = match self.url.scheme() {
            "simulated" => true,
            "stripe+http" | "stripe+https" => !self.url.rest().is_empty(),
            _ => false,
        };
        if !known {
            let message = "must be simulated://, stripe+http://<host>[:port] or stripe+https://…";
            check.problem("url", format!("{message}, got {:?}", self.url));
        }
        check.range("connect_timeout_ms", self.connect_timeout_ms, 1..=600_000);
        check.range("response_timeout_ms", self.response_timeout_ms, 1..=600_000);
    }
}
