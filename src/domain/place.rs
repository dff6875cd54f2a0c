//! Where something is: a point on the earth, and a place a person named.

use serde::{Deserialize, Serialize};

/// The longest address, in characters.
pub const MAX_ADDRESS_CHARS: usize = 200;

/// Why a position is refused. Its member is named by a JSON pointer, which those who know where the position is continue.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidPlace {
    #[error("/lat: must be a number from -90 to 90, got {0}")]
    Latitude(f64),
    #[error("/lng: must be a number from -180 to 180, got {0}")]
    Longitude(f64),
    #[error("/address: must be at most {MAX_ADDRESS_CHARS} characters, got {0}")]
    Address(usize),
}

/// A point in WGS 84 degrees, always in range. Reads and writes as `{"lat": …, "lng": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLatLng")]
pub struct LatLng {
    lat: f64,
    lng: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLatLng {
    lat: f64,
    lng: f64,
}

impl TryFrom<RawLatLng> for LatLng {
    type Error = InvalidPlace;

    fn try_from(raw: RawLatLng) -> Result<Self, InvalidPlace> {
        Self::new(raw.lat, raw.lng)
    }
}

impl LatLng {
    /// The point at `lat`, `lng` degrees.
    ///
    /// # Errors
    /// When one is not finite or out of range.
    pub fn new(lat: f64, lng: f64) -> Result<Self, InvalidPlace> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(InvalidPlace::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lng) {
            return Err(InvalidPlace::Longitude(lng));
        }
        Ok(Self { lat, lng })
    }

    #[must_use]
    pub fn lat(self) -> f64 {
        self.lat
    }

    #[must_use]
    pub fn lng(self) -> f64 {
        self.lng
    }
}

/// A point with the name a person gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawPlace")]
pub struct Place {
    lat: f64,
    lng: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlace {
    lat: f64,
    lng: f64,
    #[serde(default)]
    address: Option<String>,
}

impl TryFrom<RawPlace> for Place {
    type Error = InvalidPlace;

    fn try_from(raw: RawPlace) -> Result<Self, InvalidPlace> {
        Self::new(LatLng::new(raw.lat, raw.lng)?, raw.address)
    }
}

impl Place {
    /// The place at `position`.
    ///
    /// # Errors
    /// When the address is too long.
    pub fn new(position: LatLng, address: Option<String>) -> Result<Self, InvalidPlace> {
        let chars = address.as_deref().map_or(0, |text| text.chars().count());
        if chars > MAX_ADDRESS_CHARS {
            return Err(InvalidPlace::Address(chars));
        }
        Ok(Self { lat: position.lat, lng: position.lng, address })
    }

    #[must_use]
    pub fn position(&self) -> LatLng {
        LatLng { lat: self.lat, lng: self.lng }
    }

    /// The same place without what people call it.
    #[must_use]
    pub fn without_address(&self) -> Self {
        Self { address: None, ..self.clone() }
    }

    /// The place's name for people.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_off_the_earth_is_refused() {
        assert!(LatLng::new(90.0, -180.0).is_ok());
        for (lat, lng) in [(90.1, 0.0), (f64::NAN, 0.0), (0.0, f64::INFINITY), (0.0, -180.5)] {
            assert!(LatLng::new(lat, lng).is_err(), "{lat} {lng}");
        }
    }

    #[test]
    fn a_place_reads_as_it_writes() {
        let json = r#"{"lat":37.5,"lng":127.03,"address":"강남역"}"#;
        let place: Place = serde_json::from_str(json).expect("a place");
        assert_eq!(serde_json::to_string(&place).expect("json"), json);
        assert!(serde_json::from_str::<Place>(r#"{"lat":1,"lng":2,"alt":3}"#).is_err());
    }
}
