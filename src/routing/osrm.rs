//! A routing engine that speaks OSRM's HTTP protocol. Whatever it does, there is a route in time: when it is slow,
//! away, broken or busy, or says what cannot be, that is the great-circle estimate, and it is counted.
//!
//! An engine answers for its own map: a place outside it is moved to the nearest road that it knows, and the way there
//! may be far shorter than the one that was asked for. Fares follow the way, so such an answer is not believed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use metrics::{Unit, counter, describe_counter};
use reqwest::{Client, StatusCode};
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
        geo::{Route, Travel, distance_m},
    },
    outbound,
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
/// A place may lie this far from the nearest road, in metres; one that lies further is off the engine's map.
const SNAP_MAX_M: f64 = 1_000.0;
/// No road is shorter than the great circle, but for this share and this many metres: engines round coordinates to
/// centimetres, begin at the road instead of the door, and have another radius of the earth.
const ROUNDING_SHARE: f64 = 0.01;
const ROUNDING_M: f64 = 50.0;
/// No way by road is faster on average, in metres per second: 360 km/h.
const SPEED_MAX_M_S: f64 = 100.0;

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
    #[error("the engine did not answer in time")]
    Timeout,
    #[error("the engine cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("the engine answered {0}")]
    Status(StatusCode),
    #[error("the engine's answer cannot be used: {0}")]
    Unreadable(String),
    #[error(
        "the engine's way of {distance_m:.0} m in {duration_s:.0} s is too short for a straight line of {flight_m:.0} m"
    )]
    TooShort { distance_m: f64, duration_s: f64, flight_m: f64 },
    #[error("the nearest road on the engine's map is {0:.0} m away")]
    OffMap(f64),
}

#[derive(Deserialize)]
struct RouteAnswer {
    routes: Vec<Found>,
    /// The places that were asked for, as the engine understood them.
    #[serde(default)]
    waypoints: Vec<Waypoint>,
}

#[derive(Deserialize)]
struct Waypoint {
    /// How far the road at which the way begins or ends is from the place, in metres.
    #[serde(default)]
    distance: f64,
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
        let base =
            outbound::base_of(settings.url.as_str(), "osrm+").ok_or_else(|| OpenError::no_router(&settings.url))?;
        Ok(Self {
            http: outbound::client_for(&base).build()?,
            prefix: format!("{base}route/v1/driving/"),
            response_timeout: settings.response_timeout(),
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
        read(&body, distance_m(from, to))
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
const REASONS: [&str; 7] = ["busy", "timeout", "unreachable", "status", "unreadable", "too_short", "off_map"];

impl NoRoute {
    fn reason(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "status",
            Self::Unreadable(_) => "unreadable",
            Self::TooShort { .. } => "too_short",
            Self::OffMap(_) => "off_map",
        }
    }

    /// Whether the engine works, and there is no way (an island, the sea), or none on its map.
    fn is_about_the_route(&self) -> bool {
        matches!(self, Self::Status(StatusCode::BAD_REQUEST) | Self::TooShort { .. } | Self::OffMap(_))
    }
}

/// The route in the engine's answer, for a straight line of `flight_m`; an impossible one is refused.
fn read(body: &[u8], flight_m: f64) -> Result<Route, NoRoute> {
    let answer: RouteAnswer = serde_json::from_slice(body).map_err(|error| NoRoute::Unreadable(error.to_string()))?;
    let found = answer.routes.first().ok_or_else(|| NoRoute::Unreadable("it has no route".to_owned()))?;
    let &Found { distance: distance_m, duration } = found;
    let is_sane = (0.0..=DISTANCE_MAX_M).contains(&distance_m) && (0.0..=DURATION_MAX_S).contains(&duration);
    if !is_sane {
        return Err(NoRoute::Unreadable(format!("{distance_m} m in {duration} s is no way on this earth")));
    }
    let off = answer.waypoints.iter().map(|place| place.distance).find(|off| !(0.0..=SNAP_MAX_M).contains(off));
    if let Some(off) = off {
        return Err(NoRoute::OffMap(off));
    }
    let shortest_m = flight_m * (1.0 - ROUNDING_SHARE) - ROUNDING_M;
    if distance_m < shortest_m || duration < shortest_m / SPEED_MAX_M_S {
        return Err(NoRoute::TooShort { distance_m, duration_s: duration, flight_m });
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds above")]
    let duration_s = duration.ceil() as u64;
    Ok(Route { distance_m, duration_s })
}
