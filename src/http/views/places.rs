//! Positions and money as the interface describes them. The domain's own types are what is read and written.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::driver::Fix;

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
    /// What people call it.
    #[schema(max_length = 200, example = "강남역 11번 출구")]
    address: Option<String>,
}

/// An amount of money in the currency's minor unit.
#[derive(ToSchema)]
#[schema(as = Money)]
#[expect(dead_code, reason = "describes the domain's type in the OpenAPI document")]
pub(in crate::http) struct MoneySchema {
    /// How much.
    #[schema(example = 20000)]
    amount: u64,
    /// Of what (ISO 4217).
    #[schema(example = "KRW")]
    currency: String,
}

/// Where a driver was seen last.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(in crate::http) struct SeenAt {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lng: f64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<Fix> for SeenAt {
    fn from(fix: Fix) -> Self {
        Self { lat: fix.position.lat(), lng: fix.position.lng(), at: fix.at }
    }
}
