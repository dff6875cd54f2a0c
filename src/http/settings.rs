//! What the HTTP server needs to know about its surroundings: sections of the configuration under the names used here.

pub use crate::config::{Http as HttpSettings, Limits as LimitSettings, Rate};
