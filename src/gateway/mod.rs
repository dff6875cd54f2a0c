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

use self::stripe::StripeEvents;
use crate::actors::ports::gateway::{GatewayDrill, GatewayEvents, PaymentGateway};

/// Counts answers about other money than was asked for.
const MISMATCHES: &str = "callout_gateway_mismatches_total";

/// A gateway that is ready for use.
#[derive(Clone)]
pub struct OpenGateway {
    /// Takes and gives back money.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Its drill, when it is simulated.
    pub drill: Option<Arc<dyn GatewayDrill>>,
    /// How its own messages are read, when it sends some and they are signed with a secret that is known.
    pub events: Option<Arc<dyn GatewayEvents>>,
}

/// Opens the gateway that `settings.url` names: `simulated://`, `stripe+https://host:port`, or `stripe+http://` on this machine.
/// `simulation` is for a simulated one. No connection is made yet.
///
/// # Errors
/// When the URL names no gateway, a setting it needs is missing, or the simulated ledger cannot be read.
pub fn open(settings: &GatewaySettings, simulation: &Simulation) -> Result<OpenGateway, OpenError> {
    let said = "Answers of the payment gateway about another amount, currency or mode than was asked for";
    metrics::describe_counter!(MISMATCHES, metrics::Unit::Count, said);
    metrics::counter!(MISMATCHES).increment(0);
    match address::of(&settings.url)? {
        Address::Simulated => {
            let simulated = Arc::new(SimulatedGateway::open(settings, simulation)?);
            let gateway = Arc::clone(&simulated) as Arc<dyn PaymentGateway>;
            Ok(OpenGateway { gateway, drill: Some(simulated), events: None })
        }
        Address::Stripe(_) => {
            let events = settings.webhook_secret.clone().map(|secret| Arc::new(StripeEvents::new(secret)) as _);
            Ok(OpenGateway { gateway: Arc::new(StripeGateway::open(settings)?), drill: None, events })
        }
    }
}
