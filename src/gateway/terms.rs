//! What a gateway takes, compared with what a service charges: said by `config check` and at the start, before a customer's
//! payment is refused for it.

use super::{GatewaySettings, stripe::terms};
use crate::{
    domain::{Money, policy::PolicyFile},
    settings::Findings,
};

impl GatewaySettings {
    /// Names the amounts of a service that the gateway would not take.
    pub fn check(&self, service: &PolicyFile, findings: &mut Findings) {
        if self.is_simulated() {
            return;
        }
        let (currency, least) = (service.currency, service.payment.minimum);
        if let Some(minimum) = terms::minimum(currency).filter(|minimum| least < *minimum) {
            let money = Money::new(minimum, currency);
            let message = format!(
                "must be {minimum} or more, got {least}: the gateway (gateway.url) takes no less than {money}, and would refuse \
                 smaller fares"
            );
            findings.problem("payment.minimum", message);
        }
        let step = terms::step(currency);
        for (key, amount) in service.fare.parts().into_iter().filter(|(_, amount)| amount % step != 0) {
            let message = format!(
                "must be a multiple of {step}, got {amount}: the gateway (gateway.url) takes no other amounts in {}",
                currency.code()
            );
            findings.problem(key, message);
        }
    }
}
