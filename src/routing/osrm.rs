//! A routing engine that speaks OSRM's HTTP protocol. Whatever it does, there is a route in time: when it is slow, away,
//! broken or busy, that is the great-circle estimate, and it is counted.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter};
use reqwest::{Client, StatusCode, Url, redirect};
use rustls::crypto::{CryptoProvider, ring};
use serde::Deserialize;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    great_circle::GreatCircle,
    settings::{OpenError, RoutingSettings},
};
use crate::{
    actors::ports::{BoxFuture, routing::Router},
    domain::{
        LatLng,
        geo::{Route, Travel},
    },
};

/// How often the estimate had to stand in, by reason.
const FALLBACKS: &str = "callout_routing_fallbacks_total";
/// Routes asked for and not answered, at most; who comes then gets the estimate at once.
const IN_FLIGHT_MAX: usize = 256;
/// Answers are below 2 kB; longer ones are not read, in bytes.
const BODY_MAX: usize = 64 << 10;
/// No road is longer than once around the earth, in metres, and none takes longer than 30 days, in seconds.
const DISTANCE_MAX_M: f64 = 40_100_000.0;
const DURATION_MAX_S: f64 = 2_592_000.0;

/// A router that asks an OSRM server.
pub struct Osrm {
    http: Client,
    /// Up to the coordinates.
    prefix: String,
    response_timeout: Duration,
    slots: Semaphore,
    is_failing: AtomicBool,
}

/// Shows the metrics, at zero.
pub(super) fn describe_metrics() {
    describe_counter!(FALLBACKS, Unit::Count, "Routes that were estimated because the engine gave none, by reason");
    for reason in REASONS {
        counter!(FALLBACKS, "reason" => reason).increment(0);
    }
}

/// Why there is no route.
#[derive(Debug, thiserror::Error)]
enum NoRoute {
    #[error("too many routes are being asked for")]
    Busy,
    #[error("it did not answer in time")]
    Timeout,
    #[error("it cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer cannot be used: {0}")]
    Unreadable(String),
}

#[derive(Deserialize)]
struct Answer {
    routes: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    distance: f64,
    duration: f64,
}

impl Router for Osrm {
    fn estimate(&self, from: LatLng, to: LatLng, travel: Travel) -> Route {
        GreatCircle.estimate(from, to, travel)
    }

    fn route(&self, from: LatLng, to: LatLng, travel: Travel) -> BoxFuture<'_, Route> {
        Box::pin(async move {
            let asked = timeout(self.response_timeout, self.ask(from, to)).await;
            let answer = asked.unwrap_or(Err(NoRoute::Timeout));
            self.note(answer.as_ref().err());
            answer.unwrap_or_else(|_| self.estimate(from, to, travel))
        })
    }

    fn asks(&self) -> bool {
        true
    }
}

impl Osrm {
    /// The engine at `settings.url`. No connection is made yet.
    ///
    /// # Errors
    /// When the URL is not one of an OSRM server, or no TLS is to be had.
    pub fn open(settings: &RoutingSettings) -> Result<Self, OpenError> {
        let base = base_of(&settings.url).ok_or_else(|| OpenError::no_router(&settings.url))?;
        if CryptoProvider::get_default().is_none() {
            // Losing a race against another installer is as good.
            drop(ring::default_provider().install_default());
        }
        let builder = Client::builder().redirect(redirect::Policy::none());
        // Without TLS no certificate is needed, and a machine without any must do.
        let builder =
            if base.scheme() == "https" { builder.https_only(true) } else { builder.tls_certs_only(Vec::new()) };
        Ok(Self {
            http: builder.build()?,
            prefix: format!("{base}route/v1/driving/"),
            response_timeout: settings.response_timeout,
            slots: Semaphore::new(IN_FLIGHT_MAX),
            is_failing: AtomicBool::new(false),
        })
    }

    async fn ask(&self, from: LatLng, to: LatLng) -> Result<Route, NoRoute> {
        let _slot = self.slots.try_acquire().map_err(|_| NoRoute::Busy)?;
        let prefix = &self.prefix;
        let (from_lng, from_lat, to_lng, to_lat) = (from.lng(), from.lat(), to.lng(), to.lat());
        let url = format!("{prefix}{from_lng:.6},{from_lat:.6};{to_lng:.6},{to_lat:.6}?overview=false");
        let mut response = self.http.get(url).send().await.map_err(NoRoute::Unreachable)?;
        if !response.status().is_success() {
            return Err(NoRoute::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(NoRoute::Unreachable)? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_MAX {
                return Err(NoRoute::Unreadable(format!("it is longer than {BODY_MAX} bytes")));
            }
        }
        read(&body)
    }

    /// Counts a fallback, and logs when the engine begins to fail and when it is back.
    fn note(&self, failure: Option<&NoRoute>) {
        let Some(failure) = failure else {
            if self.is_failing.swap(false, Ordering::Relaxed) {
                tracing::info!("the routing engine answers again");
            }
            return;
        };
        counter!(FALLBACKS, "reason" => failure.reason()).increment(1);
        if !failure.is_about_the_route() && !self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = %failure, "the routing engine gives no route; ways are estimated until it does");
        }
    }
}

/// The values of the label `reason`.
const REASONS: [&str; 5] = ["busy", "timeout", "unreachable", "status", "unreadable"];

impl NoRoute {
    fn reason(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "status",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether the engine works, and there is no way (an island, the sea).
    fn is_about_the_route(&self) -> bool {
        matches!(self, Self::Status(StatusCode::BAD_REQUEST))
    }
}

fn read(body: &[u8]) -> Result<Route, NoRoute> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| NoRoute::Unreadable(error.to_string()))?;
    let found = answer.routes.first().ok_or_else(|| NoRoute::Unreadable("it has no route".to_owned()))?;
    let is_sane = (0.0..=DISTANCE_MAX_M).contains(&found.distance) && (0.0..=DURATION_MAX_S).contains(&found.duration);
    if !is_sane {
        let Found { distance, duration } = found;
        return Err(NoRoute::Unreadable(format!("{distance} m in {duration} s is no way on this earth")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds above")]
    let duration_s = found.duration.ceil() as u64;
    Ok(Route { distance_m: found.distance, duration_s })
}

/// The part of the URL that HTTP needs, when it has no more than a scheme, a host and a port.
fn base_of(url: &str) -> Option<Url> {
    let base = Url::parse(url.strip_prefix("osrm+")?).ok()?;
    let is_bare = base.has_host()
        && base.path() == "/"
        && base.query().is_none()
        && base.fragment().is_none()
        && base.username().is_empty()
        && base.password().is_none();
    is_bare.then_some(base)
}
