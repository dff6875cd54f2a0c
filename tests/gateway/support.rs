//! What the tests of this folder share: requests, and gateways to send them to.

use std::sync::Arc;

use callout::{
    actors::ports::gateway::{ChargeRequest, Faults, GatewayDrill, PaymentGateway, RefundRequest},
    domain::{Currency, Money},
    gateway::{GatewaySettings, OpenGateway, open},
};

/// What a test returns.
pub type Tested = Result<(), Box<dyn std::error::Error>>;

/// A gateway and its drill.
pub struct Simulated {
    pub gateway: Arc<dyn PaymentGateway>,
    pub drill: Arc<dyn GatewayDrill>,
}

pub fn simulated(settings: &GatewaySettings) -> Result<Simulated, Box<dyn std::error::Error>> {
    let OpenGateway { gateway, drill } = open(settings)?;
    Ok(Simulated { gateway, drill: drill.ok_or("the simulated gateway has a drill")? })
}

/// In memory, with a response timeout.
pub fn in_memory(response_timeout_ms: u64) -> Result<Simulated, Box<dyn std::error::Error>> {
    simulated(&GatewaySettings { response_timeout_ms, seed: Some(1), ..GatewaySettings::default() })
}

pub fn won(amount: u64) -> Money {
    Money::new(amount, Currency::KRW)
}

/// A charge of 20,000 won for a payment of its own.
pub fn charge(key: &str, method: &str) -> ChargeRequest {
    ChargeRequest {
        key: key.into(),
        payment_id: format!("pay_{key}").into(),
        amount: won(20_000),
        method: method.to_owned().into(),
    }
}

pub fn refund(key: &str, of: &str, reference: &Arc<str>, amount: u64) -> RefundRequest {
    RefundRequest {
        key: key.into(),
        payment_id: format!("pay_{of}").into(),
        charge: Arc::clone(reference),
        amount: won(amount),
    }
}

pub fn down() -> Faults {
    Faults { down: true, ..Faults::default() }
}
