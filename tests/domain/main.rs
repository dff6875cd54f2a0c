//! What must hold of the domain whatever happens: laws of each state machine, and of the machines put together.
//!
//! Uses the public interface and the shipped driver-call policy; no actors, no store, no network.

mod accounts;
mod acts;
mod areas;
mod bank;
mod bookings;
mod companies;
mod debts;
mod driver_call;
mod interleavings;
mod laws;
mod machines;
mod methods;
mod no_policy;
mod over;
mod requests;
mod terms;
mod together;
mod world;

use std::sync::{Arc, LazyLock};

use callout::domain::{
    CallId, CustomerId, DriverId, LatLng, Place, ServiceId,
    geo::ServiceArea,
    policy::{Policies, Policy, PolicyFile},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The name of the gateway that charges.
fn gateway() -> Arc<str> {
    Arc::from("bank")
}

fn read(path: &str) -> String {
    let path = format!("{ROOT}/{path}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("this test reads {path}: {error}"))
}

/// The driver-call policy as it is shipped.
fn driver_call() -> Policy {
    let file: PolicyFile = toml::from_str(&read("config/services/driver-call.toml")).expect("a policy file");
    let rule = file.area.clone().expect("driver-call is limited to an area");
    let area = ServiceArea::from_geojson(&read(&format!("config/{}", rule.file)), &rule.districts).expect("an area");
    Policy::new(service(), file, area)
}

/// Driver-call alone.
fn policies() -> &'static Policies {
    static POLICIES: LazyLock<Policies> = LazyLock::new(|| Policies::new([driver_call()]));
    &POLICIES
}

fn service() -> ServiceId {
    ServiceId::new("driver-call").expect("an id")
}

fn call_id(n: usize) -> CallId {
    CallId::new(format!("call_{n}")).expect("an id")
}

fn driver_id(n: usize) -> DriverId {
    DriverId::new(format!("driver_{n}")).expect("an id")
}

fn customer_id(n: usize) -> CustomerId {
    CustomerId::new(format!("customer_{n}")).expect("an id")
}

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).expect("a point on the earth")
}

/// Gangnam station.
fn in_seoul() -> Place {
    Place::new(at(37.4979, 127.0276), Some("강남역".to_owned())).expect("a place")
}

/// Incheon's city hall, outside the area.
fn in_incheon() -> Place {
    Place::new(at(37.4563, 126.7052), None).expect("a place")
}
