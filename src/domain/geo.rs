//! Distance on the earth, ways by road, and service areas. Who finds a way is a port's business, not the domain's.

use geo::{BoundingRect, Contains, MultiPolygon, Point, Rect};
use geojson::{FeatureCollection, GeoJson};
use serde::{Deserialize, Serialize};

use super::LatLng;

/// Mean earth radius in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Great-circle distance in metres (haversine formula).
#[must_use]
pub fn distance_m(from: LatLng, to: LatLng) -> f64 {
    let (lat1, lat2) = (from.lat().to_radians(), to.lat().to_radians());
    let half_dlat = (lat2 - lat1) / 2.0;
    let half_dlng = (to.lng() - from.lng()).to_radians() / 2.0;
    let a = half_dlat.sin().powi(2) + lat1.cos() * lat2.cos() * half_dlng.sin().powi(2);
    2.0 * EARTH_RADIUS_M * a.sqrt().min(1.0).asin()
}

/// A place on the unit sphere: which of two is nearer is told without trigonometry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpherePoint([f64; 3]);

impl From<LatLng> for SpherePoint {
    fn from(place: LatLng) -> Self {
        let (lat, lng) = (place.lat().to_radians(), place.lng().to_radians());
        Self([lat.cos() * lng.cos(), lat.cos() * lng.sin(), lat.sin()])
    }
}

impl SpherePoint {
    /// The square of the straight line to another place through the sphere, 0 to 4: it grows with the distance.
    #[must_use]
    pub fn chord2(self, to: Self) -> f64 {
        self.0.iter().zip(to.0).map(|(from, to)| (from - to).powi(2)).sum()
    }

    /// The square of the line between places that are so many metres apart: 4 sin² (d / 2R); 0 for less than nothing.
    #[must_use]
    pub fn chord2_of(distance_m: f64) -> f64 {
        let half = (distance_m / (2.0 * EARTH_RADIUS_M)).clamp(0.0, std::f64::consts::FRAC_PI_2);
        4.0 * half.sin().powi(2)
    }
}

/// How a service's drivers get about, for estimates: turns great-circle distances into road distances and travel times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Travel {
    /// Road distance over great-circle distance; at least 1.
    pub road_factor: f64,
    /// Mean speed door to door, in km/h; more than 0.
    pub speed_kmh: f64,
}

impl Default for Travel {
    fn default() -> Self {
        Self { road_factor: 1.3, speed_kmh: 25.0 }
    }
}

/// A way by road.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Route {
    /// How long it is, in metres; finite, not negative.
    pub distance_m: f64,
    /// How long it takes, in whole seconds, rounded up.
    pub duration_s: u64,
}

/// Where a service is offered.
#[derive(Debug, Clone, Default)]
pub enum ServiceArea {
    /// No limits.
    #[default]
    Everywhere,
    /// Inside one of the polygons.
    Within(Vec<District>),
}

/// One polygon of a service area.
#[derive(Debug, Clone)]
pub struct District {
    /// The feature's `name`.
    pub name: String,
    shape: MultiPolygon<f64>,
    bounds: Rect<f64>,
}

/// Why a GeoJSON text is not a service area.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArea {
    /// Not GeoJSON, or not a feature collection.
    #[error("is not a GeoJSON feature collection: {0}")]
    NotGeoJson(String),
    /// A district that is asked for is not there.
    #[error("has no feature whose `name` is {0:?}")]
    NoSuchDistrict(String),
    /// A district without a polygon.
    #[error("the feature {0:?} is no polygon with an area")]
    NoPolygon(String),
}

impl ServiceArea {
    /// The area that the named districts of a GeoJSON feature collection cover; all of its districts when `names` is
    /// empty. A district is named by its property `name`.
    ///
    /// # Errors
    /// When the text is no feature collection, a name is missing from it, or a feature is not a polygon.
    pub fn from_geojson(text: &str, names: &[String]) -> Result<Self, InvalidArea> {
        let geojson: GeoJson =
            text.parse().map_err(|error: geojson::Error| InvalidArea::NotGeoJson(error.to_string()))?;
        let collection =
            FeatureCollection::try_from(geojson).map_err(|error| InvalidArea::NotGeoJson(error.to_string()))?;
        let districts =
            collection.features.iter().map(District::from_feature).collect::<Result<Vec<_>, InvalidArea>>()?;
        if let Some(missing) = names.iter().find(|name| districts.iter().all(|district| district.name != **name)) {
            return Err(InvalidArea::NoSuchDistrict(missing.clone()));
        }
        let wanted = |district: &District| names.is_empty() || names.contains(&district.name);
        Ok(Self::Within(districts.into_iter().filter(wanted).collect()))
    }

    /// Whether the service is offered at `position`.
    #[must_use]
    pub fn contains(&self, position: LatLng) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Within(districts) => districts.iter().any(|district| district.contains(position)),
        }
    }
}

impl District {
    fn from_feature(feature: &geojson::Feature) -> Result<Self, InvalidArea> {
        let name = feature.property("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        let no_polygon = || InvalidArea::NoPolygon(name.clone());
        let geometry: geo::Geometry<f64> =
            feature.geometry.clone().and_then(|geometry| geometry.try_into().ok()).ok_or_else(no_polygon)?;
        let shape = match geometry {
            geo::Geometry::Polygon(polygon) => MultiPolygon(vec![polygon]),
            geo::Geometry::MultiPolygon(polygons) => polygons,
            _ => return Err(no_polygon()),
        };
        let bounds = shape.bounding_rect().ok_or_else(no_polygon)?;
        Ok(Self { name, shape, bounds })
    }

    fn contains(&self, position: LatLng) -> bool {
        let point = Point::new(position.lng(), position.lat());
        self.bounds.contains(&point) && self.shape.contains(&point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lng: f64) -> LatLng {
        LatLng::new(lat, lng).expect("in range")
    }

    #[test]
    fn seoul_to_busan_is_325_km() {
        let distance = distance_m(at(37.5665, 126.9780), at(35.1796, 129.0756));
        assert!((distance - 325_000.0).abs() < 1_000.0, "{distance}");
    }

    #[test]
    fn antipodes_are_half_the_circumference_apart() {
        let distance = distance_m(at(0.0, 0.0), at(0.0, 180.0));
        assert!((distance - std::f64::consts::PI * EARTH_RADIUS_M).abs() < 1.0, "{distance}");
    }

    #[test]
    fn a_district_that_is_not_in_the_file_is_named() {
        let text = r#"{"type":"FeatureCollection","features":[]}"#;
        let error = ServiceArea::from_geojson(text, &["종로구".to_owned()]).expect_err("no such district");
        assert_eq!(error, InvalidArea::NoSuchDistrict("종로구".to_owned()));
    }
}
