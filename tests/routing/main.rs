//! The routing port's adapters: an OSRM server as it should be, and in every way it can fail.

#[path = "../support/osrm_server.rs"]
mod osrm_server;

use std::time::{Duration, Instant};

use callout::{
    actors::ports::routing::Router,
    domain::{
        LatLng,
        geo::{Route, Travel},
    },
    routing::{GreatCircle, RoutingSettings, open},
    settings::Url,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use osrm_server::{Manner, OsrmServer};

/// An engine with a map of the south alone: the way leads to the map's edge, 31 km from where it should end.
const SNAPPED_TO_THE_EDGE: &str = r#"{"code":"Ok","routes":[{"legs":[],"distance":12000.0,"duration":1500.0}],
    "waypoints":[{"distance":3.5,"name":""},{"distance":31000.0,"name":""}]}"#;

/// The same way from door to door, the doors not far from the road.
const NEAR_THE_ROAD: &str = r#"{"code":"Ok","routes":[{"legs":[],"distance":12000.0,"duration":1500.0}],
    "waypoints":[{"distance":3.5,"name":""},{"distance":310.0,"name":""}]}"#;

type Tested = Result<(), Box<dyn std::error::Error>>;

/// How long a router waits here.
const PATIENCE: Duration = Duration::from_secs(1);

fn settings(url: &str) -> RoutingSettings {
    RoutingSettings { url: Url::new(url), response_timeout_ms: 1_000 }
}

fn gangnam_to_city_hall() -> Result<(LatLng, LatLng), Box<dyn std::error::Error>> {
    Ok((LatLng::new(37.4979, 127.0276)?, LatLng::new(37.5663, 126.9779)?))
}

/// The route, and whether it is the estimate.
async fn route(url: &str) -> Result<(Route, bool), Box<dyn std::error::Error>> {
    let (from, to) = gangnam_to_city_hall()?;
    let route = open(&settings(url))?.route(from, to, Travel::default()).await;
    Ok((route, route == GreatCircle.estimate(from, to, Travel::default())))
}

fn fallbacks(metrics: &PrometheusHandle, reason: &str) -> u64 {
    let line = format!("callout_routing_fallbacks_total{{reason=\"{reason}\"}} ");
    let text = metrics.render();
    text.lines().find_map(|text| text.strip_prefix(&line)).and_then(|count| count.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn an_engine_is_asked_for_the_way_in_its_own_order_of_coordinates() -> Tested {
    let server = OsrmServer::start(Manner::Route(12_345.6, 1_500.2)).await?;
    let (route, _) = route(&server.url()).await?;
    assert_eq!(route, Route { distance_m: 12_345.6, duration_s: 1_501 });
    let path = "/route/v1/driving/127.027600,37.497900;126.977900,37.566300?overview=false";
    assert_eq!(server.asked(), [path]);
    Ok(())
}

#[tokio::test]
async fn the_estimate_stands_in_for_an_engine_that_gives_no_route_and_is_counted() -> Tested {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let server = OsrmServer::start(Manner::Silent).await?;
    let cases = [
        (Manner::Silent, "timeout"),
        (Manner::Says(503, "{}"), "status"),
        (Manner::Says(400, r#"{"code":"NoRoute","message":"Impossible route between points"}"#), "status"),
        (Manner::Says(301, ""), "status"),
        (Manner::Says(200, "<html>hello</html>"), "unreadable"),
        (Manner::Says(200, r#"{"code":"Ok","routes":[]}"#), "unreadable"),
        (Manner::Says(200, r#"{"code":"Ok","routes":[{"distance":null,"duration":7}]}"#), "unreadable"),
        (Manner::Route(-1.0, 60.0), "unreadable"),
        (Manner::Route(1_000.0, 1e30), "unreadable"),
        (Manner::Endless, "unreadable"),
        (Manner::Route(5_000.0, 900.0), "too_short"),
        (Manner::Route(12_000.0, 60.0), "too_short"),
        (Manner::Says(200, SNAPPED_TO_THE_EDGE), "off_map"),
    ];
    for (manner, reason) in cases {
        server.answer(manner.clone());
        let (before, began) = (fallbacks(&metrics, reason), Instant::now());
        let (found, is_estimate) = route(&server.url()).await?;
        assert!(is_estimate, "{manner:?}: {found:?}");
        assert!(began.elapsed() < PATIENCE * 5, "{manner:?} held up the call for {:?}", began.elapsed());
        assert_eq!(fallbacks(&metrics, reason), before + 1, "{manner:?}\n{}", metrics.render());
    }
    let nobody = format!("osrm+http://{}", std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?);
    assert!(route(&nobody).await?.1);
    assert_eq!(fallbacks(&metrics, "unreachable"), 1);
    Ok(())
}

/// 8.8 km lie between the two as the crow flies.
#[tokio::test]
async fn a_way_is_believed_from_the_length_of_the_flight_on_and_when_its_ends_are_near_the_road() -> Tested {
    let server = OsrmServer::start(Manner::Says(200, NEAR_THE_ROAD)).await?;
    assert_eq!(route(&server.url()).await?.0, Route { distance_m: 12_000.0, duration_s: 1_500 });
    let (from, to) = gangnam_to_city_hall()?;
    let flight_m = callout::domain::geo::distance_m(from, to);
    server.answer(Manner::Route(flight_m - 50.0, 900.0));
    assert!(!route(&server.url()).await?.1, "within what is rounded");
    server.answer(Manner::Route(flight_m * 0.97, 900.0));
    assert!(route(&server.url()).await?.1, "shorter than the flight");
    Ok(())
}

#[tokio::test]
async fn an_engine_that_is_back_is_believed_again() -> Tested {
    let server = OsrmServer::start(Manner::Says(500, "")).await?;
    let router = open(&settings(&server.url()))?;
    let (from, to) = gangnam_to_city_hall()?;
    let estimate = router.estimate(from, to, Travel::default());
    assert_eq!(router.route(from, to, Travel::default()).await, estimate);
    server.answer(Manner::Route(10_000.0, 2_000.0));
    assert_eq!(router.route(from, to, Travel::default()).await, Route { distance_m: 10_000.0, duration_s: 2_000 });
    Ok(())
}

#[tokio::test]
async fn many_who_ask_a_silent_engine_at_once_wait_no_longer_than_one() -> Tested {
    let server = OsrmServer::start(Manner::Silent).await?;
    let router = open(&settings(&server.url()))?;
    let (from, to) = gangnam_to_city_hall()?;
    let began = Instant::now();
    let routes = futures_util::future::join_all((0..1_000).map(|_| router.route(from, to, Travel::default()))).await;
    assert_eq!(routes.len(), 1_000);
    assert!(began.elapsed() < PATIENCE * 10, "{:?}", began.elapsed());
    assert!(server.asked().len() <= 256, "{}", server.asked().len());
    Ok(())
}

#[test]
fn only_a_url_that_names_a_router_is_opened_and_no_password_is_shown() {
    assert!(open(&settings("great-circle://")).is_ok_and(|router| !router.asks()));
    for wrong in ["great-circle://x", "osrm://h", "osrm+http://", "osrm+http://h/path", "osrm+http://u:s3cret@h", "x"] {
        let error = open(&settings(wrong)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("great-circle://, osrm+http") && !error.contains("s3cret"), "{wrong}: {error}");
    }
}
