//! Where a driver was seen, and by whose clock.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::LatLng;

/// Where a driver was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    pub position: LatLng,
    /// When it was there: by the device's clock if that said so, and never later than the server heard of it.
    pub at: Timestamp,
    /// When the server heard of it.
    #[serde(default)]
    pub heard_at: Timestamp,
    /// Whether `at` is of the device's clock. Times of two clocks say nothing about which came first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_device: bool,
    /// Where it was heading, in degrees from north, 0 to 360.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<f64>,
    /// How fast it was, in metres per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
}

impl Fix {
    /// At a place now, as the server sees it.
    #[must_use]
    pub fn now(position: LatLng, now: Timestamp) -> Self {
        Self { position, at: now, heard_at: now, by_device: false, heading: None, speed_mps: None }
    }

    /// Whether this one, which came after `known`, is older all the same: by the device's own clock.
    #[must_use]
    pub fn is_older_than(&self, known: &Self) -> bool {
        self.by_device && known.by_device && self.at < known.at
    }
}
