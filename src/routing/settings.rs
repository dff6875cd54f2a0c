//! The section `routing`: who says how far it is by road, and how long to wait for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    outbound,
    settings::{Findings, Section, Url},
};

/// Which router to use, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingSettings {
    /// `great-circle://` estimates by a service's `[travel]`; `osrm+http://host[:port]` or `osrm+https://host[:port]` asks
    /// an engine that speaks OSRM's protocol.
    #[schema(value_type = String)]
    pub url: Url,
    /// Time for an engine to answer, connecting included, until the estimate is used instead; less than
    /// `http.request_timeout_ms`.
    #[schema(minimum = 1, maximum = 10_000)]
    pub response_timeout_ms: u64,
}

impl Default for RoutingSettings {
    fn default() -> Self {
        Self { url: Url::new("great-circle://"), response_timeout_ms: 500 }
    }
}

impl RoutingSettings {
    /// Whether an engine is asked.
    #[must_use]
    pub fn has_engine(&self) -> bool {
        self.url.scheme() != "great-circle"
    }

    pub(super) fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.response_timeout_ms)
    }
}

impl Section for RoutingSettings {
    fn contradictions(&self, findings: &mut Findings) {
        let is_known = match self.url.scheme() {
            "great-circle" => self.url.rest().is_empty(),
            "osrm+http" | "osrm+https" => outbound::base_of(self.url.as_str(), "osrm+").is_some(),
            _ => false,
        };
        if !is_known {
            let message = "must be great-circle://, osrm+http://<host>[:port] or osrm+https://…";
            findings.problem("url", format!("{message}, got {:?}", self.url));
        }
    }
}

/// Why a router cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no router.
    #[error(
        "routing.url is {url:?}; it must be great-circle://, osrm+http://host:port or osrm+https://host:port, with no \
         path, user or password"
    )]
    Url {
        /// The URL, which shows no user or password.
        url: Url,
    },
    /// The HTTP client cannot be built.
    #[error("the routing engine's HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl OpenError {
    /// The URL names no router.
    pub(super) fn no_router(url: &Url) -> Self {
        Self::Url { url: url.clone() }
    }
}
