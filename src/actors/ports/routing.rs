//! The routing port: how far it is by road from here to there, and how long it takes.

use std::future::ready;

use super::BoxFuture;
use crate::domain::{
    LatLng,
    geo::{Route, Travel},
};

/// Finds the way. It always has an answer: one that asks an engine falls back on its estimate when that does not answer
/// in time.
pub trait Router: Send + Sync {
    /// The way as it is known without asking anybody: computed at once, for every position a driver reports.
    fn estimate(&self, from: LatLng, to: LatLng, travel: Travel) -> Route;

    /// The way as well as it can be known, within the router's own bound of time. Unless the router asks somebody, that
    /// is the estimate.
    fn route(&self, from: LatLng, to: LatLng, travel: Travel) -> BoxFuture<'_, Route> {
        Box::pin(ready(self.estimate(from, to, travel)))
    }

    /// Whether [`Router::route`] asks somebody, and knows better than the estimate.
    fn asks(&self) -> bool {
        false
    }
}
