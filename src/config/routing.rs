//! The section `routing`: who says how far it is by road, and how long to wait for it.

use serde::{Deserialize, Serialize};

use super::{Check, Url};

/// The router.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// `great-circle://`, or `osrm+http://host[:port]` or `osrm+https://host[:port]`.
    pub url: Url,
    /// How long an engine may take until the estimate is used instead, milliseconds, 1 to 10,000.
    pub response_timeout_ms: u64,
}

impl Default for Routing {
    fn default() -> Self {
        Self { url: Url::new("great-circle://"), response_timeout_ms: 500 }
    }
}

impl Routing {
    /// Whether an engine is asked.
    #[must_use]
    pub fn has_engine(&self) -> bool {
        self.url.scheme() != "great-circle"
    }

    pub(super) fn check(&self, mut check: Check<'_>) {
        let known = match self.url.scheme() {
            "great-circle" => self.url.rest().is_empty(),
            "osrm+http" | "osrm+https" => {
                let host = self.url.rest().trim_end_matches('/');
                !host.is_empty() && !host.contains(['/', '@', '#']) && !self.url.as_str().contains('?')
            }
            _ => false,
        };
        if !known {
            let message = "must be great-circle://, osrm+http://<host>[:port] or osrm+https://…";
            check.problem("url", format!("{message}, got {:?}", self.url));
        }
        check.range("response_timeout_ms", self.response_timeout_ms, 1..=10_000);
    }
}
