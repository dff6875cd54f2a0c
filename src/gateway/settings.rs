//! The section `gateway`: which payment gateway, and how long to wait for it. How much it may be asked,
//! the guard's settings say.

use std::{path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    address::{self, Address, InvalidUrl},
    stripe::terms,
};
use crate::{
    actors::guard::Pace,
    settings::{Findings, Hidden, Section, Url, secret, secrets},
    vault::{NoKey, SealKey, Vault},
};

/// The payment gateway, and the time that the server waits for it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// `simulated://`, `stripe+https://host[:port]`, or `stripe+http://host[:port]` for a gateway on this machine.
    #[schema(value_type = String)]
    pub url: Url,
    /// Whether `simulated://` may be used while others can connect: nothing is charged then, although calls count as paid.
    pub allow_simulated: bool,
    /// Time to connect. A request that could not connect in time was not sent.
    #[schema(minimum = 1, maximum = 600_000)]
    pub connect_timeout_ms: u64,
    /// Time for the gateway to answer, connecting included; some issuers of cards take more than 10 s. The outcome of a
    /// charge without an answer is unknown, and is looked up. A customer waits no longer than `http.payment_wait_ms`.
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
    /// Keys that seal the payment methods which the store keeps until they are charged: 32 random bytes each, as base64 or
    /// hexadecimal. The first seals, all open; see docs/operations.md for a change of keys. None: a key is derived from
    /// `auth.secret`, which also opens what was sealed before there were any here. Better set as
    /// `CALLOUT_GATEWAY__SEAL_KEYS`.
    #[serde(with = "secrets")]
    #[schema(value_type = Vec<Hidden>, default = json!([]))]
    pub seal_keys: Vec<SecretString>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            url: Url::new("simulated://"),
            allow_simulated: false,
            connect_timeout_ms: 1_000,
            response_timeout_ms: 20_000,
            action_timeout_s: 900,
            overdue_s: 300,
            remind_s: 3_600,
            api_key: None,
            webhook_secret: None,
            seal_keys: Vec::new(),
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
        match address::of(&self.url) {
            Err(wrong) => findings.problem("url", wrong.to_string()),
            Ok(Address::Stripe(_)) if self.api_key.is_none() => {
                findings.contradiction(&["url", "api_key"], OpenError::NoApiKey.to_string());
            }
            Ok(Address::Stripe(_) | Address::Simulated) => {}
        }
        for (place, key) in self.seal_keys.iter().enumerate() {
            if let Err(wrong) = SealKey::parse(key.expose_secret()) {
                findings.problem("seal_keys", format!("key {} {wrong}", place + 1));
            }
        }
    }
}

impl GatewaySettings {
    /// The keys that seal payment methods: the configured ones, and behind them the one that belongs to the secret that
    /// signs tokens.
    ///
    /// # Errors
    /// When a configured key is none.
    pub fn vault(&self, secret: &SecretString) -> Result<Vault, NoKey> {
        let configured = self.seal_keys.iter().map(|key| SealKey::parse(key.expose_secret()));
        let mut keys = configured.collect::<Result<Vec<_>, _>>()?;
        keys.push(SealKey::derived_from(secret));
        let first = keys.remove(0);
        Ok(Vault::new(first, keys))
    }

    /// The requests that a contract with the gateway allows.
    #[must_use]
    pub fn pace(&self) -> Pace {
        if self.is_simulated() { Pace::default() } else { terms::PACE }
    }

    /// The address of a gateway that speaks the Stripe protocol, and the key for it.
    pub(super) fn stripe(&self) -> Result<(reqwest::Url, SecretString), OpenError> {
        match address::of(&self.url)? {
            Address::Stripe(base) => Ok((base, self.api_key.clone().ok_or(OpenError::NoApiKey)?)),
            Address::Simulated => Err(OpenError::NotStripe),
        }
    }

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
    #[error("gateway.url {0}")]
    Url(#[from] InvalidUrl),
    /// The Stripe protocol has no key.
    #[error("needs a secret key: set gateway.api_key (CALLOUT_GATEWAY__API_KEY)")]
    NoApiKey,
    /// The URL names another gateway.
    #[error("gateway.url names the simulated gateway, which does not speak the Stripe protocol")]
    NotStripe,
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
