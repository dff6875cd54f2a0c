//! The payment port's adapters, chosen by the scheme of a URL. They know the port and the network, and nothing of
//! calls, drivers or HTTP: limits, queues and retries are the guard's.

mod settings;
mod simulated;
mod stripe;
mod terms;

use std::sync::Arc;

pub use settings::{GatewaySettings, OpenError, Simulation};
pub use simulated::SimulatedGateway;
pub use stripe::StripeGateway;

use crate::actors::ports::gateway::{GatewayDrill, PaymentGateway};

/// A gateway that is ready for use.
#[derive(Clone)]
pub struct OpenGateway {
    /// Takes and gives back money.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Its drill, when it is simulated.
    pub drill: Option<Arc<dyn GatewayDrill>>,
}

/// Opens the gateway that `settings.url` names: `simulated://`, `stripe+http://host:port` or `stripe+https://host:port`.
/// `simulation` is for a simulated one. No connection is made yet.
///
/// # Errors
/// When the URL names no gateway, a setting it needs is missing, or the simulated ledger cannot be read.
pub fn open(settings: &GatewaySettings, simulation: &Simulation) -> Result<OpenGateway, OpenError> {
    match settings.url.as_str().split_once("://") {
        Some(("simulated", "")) => {
            let simulated = Arc::new(SimulatedGateway::open(settings, simulation)?);
            Ok(OpenGateway { gateway: Arc::clone(&simulated) as Arc<dyn PaymentGateway>, drill: Some(simulated) })
        }
        Some(("stripe+http" | "stripe+https", _)) => {
            Ok(OpenGateway { gateway: Arc::new(StripeGateway::open(settings)?), drill: None })
        }
        _ => Err(OpenError::no_gateway(&settings.url)),
    }
}
