//! What the routing adapters are to be told. It only holds values; `open` decides what they mean.

use std::time::Duration;

/// Which router to use, and how long to wait for it.
#[derive(Debug, Clone)]
pub struct RoutingSettings {
    /// `great-circle://`, or `osrm+http(s)://host[:port]`.
    pub url: String,
    /// How long a route may take, connecting included, until the estimate is used.
    pub response_timeout: Duration,
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
        /// The URL, without a user or password.
        url: String,
    },
    /// The HTTP client cannot be built.
    #[error("the routing engine's HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl OpenError {
    /// The URL names no router. What stands before an `@` may be a password, and is not shown.
    pub(super) fn no_router(url: &str) -> Self {
        let shown = url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("…@{rest}"));
        Self::Url { url: shown }
    }
}
