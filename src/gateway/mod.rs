//! The payment port's adapters, chosen by the scheme of a URL. They know the port and the network, and nothing of
//! calls, drivers or HTTP: limits, queues and retries are the guard's.

mod address;
mod settings;
mod simulated;
mod stripe;
mod terms;

use std::sync::Arc;

use address::Address;
pub use address::InvalidUrl;
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

/// Opens the gateway that `settings.url` names: `simulated://`, `stripe+https://host:port`, or `stripe+http://` on this machine.
/// `simulation` is for a simulated one. No connection is made yet.
///
/// # Errors
/// When the URL names no gateway, a setting it needs is missing, or the simulated ledger cannot be read.
pub fn open(settings: &GatewaySettings, simulation: &Simulation) -> Result<OpenGateway, OpenError> {
    match address::of(&settings.url)? {
        Address::Simulated => {
            let simulated = Arc::new(SimulatedGateway::open(settings, simulation)?);
            Ok(OpenGateway { gateway: Arc::clone(&simulated) as Arc<dyn PaymentGateway>, drill: Some(simulated) })
        }
        Address::Stripe(_) => Ok(OpenGateway { gateway: Arc::new(StripeGateway::open(settings)?), drill: None }),
    }
}
