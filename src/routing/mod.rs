//! The routing port's adapters, chosen by the scheme of a URL. They know the port, the earth and the network, and nothing
//! of calls, drivers or HTTP requests to this server.

mod great_circle;
mod osrm;
mod settings;

use std::sync::Arc;

pub use great_circle::GreatCircle;
pub use osrm::Osrm;
pub use settings::{OpenError, RoutingSettings};

use crate::actors::ports::routing::Router;

/// Opens the router that `settings.url` names: `great-circle://`, `osrm+http://host:port` or `osrm+https://host:port`. No
/// connection is made yet.
///
/// # Errors
/// When the URL names no router, or no TLS is to be had.
pub fn open(settings: &RoutingSettings) -> Result<Arc<dyn Router>, OpenError> {
    osrm::describe_metrics();
    match settings.url.as_str().split_once("://") {
        Some(("great-circle", "")) => Ok(Arc::new(GreatCircle)),
        Some(("osrm+http" | "osrm+https", _)) => Ok(Arc::new(Osrm::open(settings)?)),
        _ => Err(OpenError::no_router(&settings.url)),
    }
}
