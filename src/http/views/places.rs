//! Positions and money as the interface describes them. The domain's own types are what is read and written.

use serde::Serialize;
use utoipa::ToSchema;

use super::Time;
use crate::domain::{Currency, driver::Fix};

/// A point in WGS 84 degrees.
#[derive(ToSchema)]
#[schema(as = LatLng)]
#[expect(dead_code, reason = "describes the domain's type in the OpenAPI document")]
pub(in crate::http) struct LatLngSchema {
    /// Degrees north, -90 to 90.
    #[schema(example = 37.4979, minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east, -180 to 180.
    #[schema(example = 127.0276, minimum = -180, maximum = 180)]
    lng: f64,
}

/// A point with the name a person gave it.
#[derive(ToSchema)]
#[schema(as = Place)]
#[expect(dead_code, reason = "describes the domain's type in the OpenAPI document")]
pub(in crate::http) struct PlaceSchema {
    /// Degrees north, -90 to 90.
    #[schema(example = 37.4979, minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east, -180 to 180.
    #[schema(example = 127.0276, minimum = -180, maximum = 180)]
    lng: f64,
    /// The place's name for people.
    #[schema(max_length = 200, example = "강남역 11번 출구")]
    address: Option<String>,
}

/// An amount of money in the currency's minor unit.
#[derive(ToSchema)]
#[schema(as = Money)]
#[expect(dead_code, reason = "describes the domain's type in the OpenAPI document")]
pub(in crate::http) struct MoneySchema {
    /// The amount in the currency's smallest unit: won, yen, cents.
    #[schema(example = 20000)]
    amount: u64,
    /// Of what (ISO 4217).
    currency: Currency,
}

/// Where a driver was seen last.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(in crate::http) struct SeenAt {
    /// The latitude in degrees, north is positive.
    pub lat: f64,
    /// The longitude in degrees, east is positive.
    pub lng: f64,
    /// Where it was heading, in degrees from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<f64>,
    /// How fast it was, in metres per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// When the device measured it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
}

impl From<Fix> for SeenAt {
    fn from(fix: Fix) -> Self {
        let Fix { position, at, heading, speed_mps, .. } = fix;
        Self { lat: position.lat(), lng: position.lng(), heading, speed_mps, at: at.into() }
    }
}
