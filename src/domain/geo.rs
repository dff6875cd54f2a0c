//! Distance on the earth, ways by road, and service areas. Who finds a way is a port's business, not the domain's.

use geo::{BoundingRect, CoordsIter, Intersects, LinesIter, MultiPolygon, Point, Rect};
use geojson::{FeatureCollection, GeoJson};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LatLng;

/// The meridian that is east and west at once, in degrees.
const ANTIMERIDIAN: f64 = 180.0;

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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Travel {
    /// Road distance over great-circle distance; at least 1.
    #[schema(minimum = 1.0, maximum = 10.0)]
    pub road_factor: f64,
    /// Mean speed door to door, in km/h; more than 0.
    #[schema(minimum = 1.0, maximum = 1000.0)]
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
    #[default]
    Everywhere,
    /// Inside one of the polygons.
    Within(Vec<District>),
}

/// One polygon of a service area.
#[derive(Debug, Clone)]
pub struct District {
    pub name: String,
    shape: MultiPolygon<f64>,
    bounds: Rect<f64>,
}

/// Why a GeoJSON text is not a service area.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// A coordinate that is no place on the earth.
    #[error(
        "the feature {name:?} has the position [{lng}, {lat}]; longitudes are -180 to 180, latitudes -90 to 90, in this order"
    )]
    NoPlace { name: String, lng: f64, lat: f64 },
    /// An edge that runs most of the way around the earth: it was meant to cross the antimeridian.
    #[error(
        "the feature {name:?} has an edge from longitude {from} to {to}; cut it at 180 into two polygons (RFC 7946, 3.1.9)"
    )]
    Uncut { name: String, from: f64, to: f64 },
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
        if let Some(wrong) = shape.coords_iter().find(|at| LatLng::new(at.y, at.x).is_err()) {
            return Err(InvalidArea::NoPlace { name, lng: wrong.x, lat: wrong.y });
        }
        if let Some(edge) = shape.lines_iter().find(|edge| is_uncut(edge.start.x, edge.end.x)) {
            return Err(InvalidArea::Uncut { name, from: edge.start.x, to: edge.end.x });
        }
        Ok(Self { name, shape, bounds })
    }

    /// Whether a place is inside, or on an edge. The meridians 180 and -180 are the same.
    fn contains(&self, position: LatLng) -> bool {
        let covers = |lng: f64| {
            let point = Point::new(lng, position.lat());
            self.bounds.intersects(&point) && self.shape.intersects(&point)
        };
        covers(position.lng()) || (is_antimeridian(position.lng()) && covers(-position.lng()))
    }
}

fn is_antimeridian(lng: f64) -> bool {
    lng.abs() >= ANTIMERIDIAN
}

/// Whether an edge between these longitudes was meant to go the other way round. One from -180 to 180 goes around the earth.
fn is_uncut(from: f64, to: f64) -> bool {
    (to - from).abs() > ANTIMERIDIAN && !(is_antimeridian(from) && is_antimeridian(to))
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

    /// An area of rectangles, each from a south-western to a north-eastern corner.
    fn rectangles(corners: &[[f64; 4]]) -> Result<ServiceArea, InvalidArea> {
        let feature = |[west, south, east, north]: &[f64; 4]| {
            format!(
                r#"{{"type":"Feature","properties":{{"name":"x"}},"geometry":{{"type":"Polygon","coordinates":
                [[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]}}}}"#
            )
        };
        let features: Vec<String> = corners.iter().map(feature).collect();
        ServiceArea::from_geojson(
            &format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",")),
            &[],
        )
    }

    #[test]
    fn edges_and_corners_are_inside() -> Result<(), InvalidArea> {
        let two = rectangles(&[[126.0, 37.0, 127.0, 38.0], [127.0, 37.0, 128.0, 38.0]])?;
        for (lat, lng) in [(37.5, 127.0), (37.0, 126.0), (38.0, 128.0), (37.5, 126.0), (37.0, 127.5)] {
            assert!(two.contains(at(lat, lng)), "{lat}, {lng}");
        }
        assert!(!two.contains(at(37.5, 125.999_999)) && !two.contains(at(38.000_001, 127.0)));
        Ok(())
    }

    #[test]
    fn the_antimeridian_is_one_line_from_both_sides() -> Result<(), InvalidArea> {
        let cut = rectangles(&[[170.0, -20.0, 180.0, -10.0], [-180.0, -20.0, -175.0, -10.0]])?;
        let east_only = rectangles(&[[170.0, -20.0, 180.0, -10.0]])?;
        for lng in [180.0, -180.0] {
            assert!(cut.contains(at(-15.0, lng)) && east_only.contains(at(-15.0, lng)), "{lng}");
        }
        assert!(cut.contains(at(-15.0, -178.0)) && !east_only.contains(at(-15.0, -178.0)));
        assert!(rectangles(&[[-180.0, -90.0, 180.0, 90.0]])?.contains(at(0.0, 0.0)), "all the world");
        Ok(())
    }

    #[test]
    fn a_ring_that_is_not_cut_at_the_antimeridian_is_refused() {
        let uncut = rectangles(&[[175.0, -20.0, -175.0, -10.0]]).expect_err("an edge of 350 degrees");
        assert_eq!(uncut, InvalidArea::Uncut { name: "x".to_owned(), from: 175.0, to: -175.0 });
        let beyond = rectangles(&[[175.0, -20.0, 185.0, -10.0]]).expect_err("no such longitude");
        assert_eq!(beyond, InvalidArea::NoPlace { name: "x".to_owned(), lng: 185.0, lat: -20.0 });
    }
}
