//! The way as the crow flies, stretched to a road by the service's road factor, at its mean speed. It asks nobody.

use crate::{
    actors::ports::routing::Router,
    domain::{
        LatLng,
        geo::{Route, Travel, distance_m},
    },
};

/// Distances as the crow flies, times at a fixed speed.
#[derive(Debug, Clone, Copy, Default)]
pub struct GreatCircle;

impl Router for GreatCircle {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative; saturates by definition of `as`"
    )]
    fn estimate(&self, from: LatLng, to: LatLng, travel: Travel) -> Route {
        let distance_m = distance_m(from, to) * travel.road_factor;
        Route { distance_m, duration_s: (distance_m / (travel.speed_kmh / 3.6)).ceil() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_road_is_longer_than_the_flight_and_takes_its_time() -> Result<(), Box<dyn std::error::Error>> {
        // One degree of a meridian is 111.195 km: 144.553 km of road, at 60 km/h 2 h 24 min 34 s.
        let travel = Travel { road_factor: 1.3, speed_kmh: 60.0 };
        let route = GreatCircle.estimate(LatLng::new(0.0, 0.0)?, LatLng::new(1.0, 0.0)?, travel);
        assert!((route.distance_m - 144_553.0).abs() < 10.0, "{route:?}");
        assert!((8_673..=8_675).contains(&route.duration_s), "{route:?}");
        Ok(())
    }

    #[tokio::test]
    async fn the_route_is_the_estimate() -> Result<(), Box<dyn std::error::Error>> {
        let (from, to) = (LatLng::new(37.5, 127.0)?, LatLng::new(37.6, 127.1)?);
        let travel = Travel::default();
        assert_eq!(GreatCircle.route(from, to, travel).await, GreatCircle.estimate(from, to, travel));
        assert!(!GreatCircle.asks());
        Ok(())
    }
}
