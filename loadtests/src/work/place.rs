//! Places on the map.

use crate::scenario::Area;

/// A place, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub lat: f64,
    pub lng: f64,
}

impl Place {
    /// The `number`th of places that fill an area evenly, however many there are: a low-discrepancy sequence (R2).
    #[must_use]
    pub fn spread(area: Area, number: u32) -> Self {
        let number = f64::from(number) + 0.5;
        let across = (number * 0.754_877_666_246_692_7).fract();
        let up = (number * 0.569_840_290_998_053_2).fract();
        Self { lat: area.south + up * (area.north - area.south), lng: area.west + across * (area.east - area.west) }
    }

    /// Any place in an area.
    #[must_use]
    pub fn any(area: Area, rng: &mut fastrand::Rng) -> Self {
        let (up, across) = (rng.f64(), rng.f64());
        Self { lat: area.south + up * (area.north - area.south), lng: area.west + across * (area.east - area.west) }
    }

    /// A place at most some ten metres away.
    #[must_use]
    pub fn beside(self, rng: &mut fastrand::Rng) -> Self {
        Self { lat: self.lat + (rng.f64() - 0.5) * 2e-4, lng: self.lng + (rng.f64() - 0.5) * 2e-4 }
    }

    /// As JSON.
    #[must_use]
    pub fn json(self) -> String {
        format!(r#"{{"lat":{:.6},"lng":{:.6}}}"#, self.lat, self.lng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_places_are_inside_and_keep_their_distance() {
        let area = Area::default();
        let places: Vec<Place> = (0..400).map(|number| Place::spread(area, number)).collect();
        let inside = |place: &Place| {
            (area.south..area.north).contains(&place.lat) && (area.west..area.east).contains(&place.lng)
        };
        assert!(places.iter().all(inside));
        for (index, one) in places.iter().enumerate() {
            for other in &places[index + 1..] {
                let (up, across) = (one.lat - other.lat, (one.lng - other.lng) * 0.79);
                assert!(up.hypot(across) > 1e-3, "{one:?} and {other:?} are less than 110 m apart");
            }
        }
    }
}
