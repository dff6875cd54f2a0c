//! One payment of the contract suite, and its requests.

use std::sync::Arc;

use callout::actors::ports::gateway::{
    ChargeOutcome, ChargeRequest, GatewayError, Lookup, LookupRequest, RefundOutcome, RefundRequest, WithdrawOutcome,
    WithdrawRequest,
};

use super::Subject;
use crate::support::won;

/// A payment of 20,000 won.
pub struct Payment<'a> {
    pub subject: &'a Subject,
    pub id: String,
    pub intent: Option<Arc<str>>,
}

impl Payment<'_> {
    fn key(&self, attempt: u32) -> Arc<str> {
        format!("{}:charge:{attempt}", self.id).into()
    }

    pub async fn charge(&self, attempt: u32, method: &str) -> Result<ChargeOutcome, GatewayError> {
        let request = ChargeRequest {
            key: self.key(attempt),
            payment_id: self.id.as_str().into(),
            amount: won(20_000),
            method: method.to_owned().into(),
            intent: self.intent.clone(),
        };
        self.subject.gateway.charge(request).await
    }

    /// Charges it with the method that pays; the gateway's name for the charge.
    pub async fn charged(&self, attempt: u32) -> Result<Arc<str>, Box<dyn std::error::Error>> {
        match self.charge(attempt, self.subject.pays).await? {
            ChargeOutcome::Charged { reference } => Ok(reference),
            other => Err(format!("{other:?}").into()),
        }
    }

    pub async fn look(&self, attempt: u32) -> Result<Lookup, GatewayError> {
        let request = LookupRequest { key: self.key(attempt), amount: won(20_000), intent: self.intent.clone() };
        self.subject.gateway.lookup(request).await
    }

    pub async fn withdraw(&self, attempt: u32) -> Result<WithdrawOutcome, GatewayError> {
        let (key, payment_id) = (self.key(attempt), self.id.as_str().into());
        let request = WithdrawRequest { key, payment_id, amount: won(20_000), intent: self.intent.clone() };
        self.subject.gateway.withdraw(request).await
    }

    pub async fn refund(&self, charge: &Arc<str>, repeated: bool) -> Result<RefundOutcome, GatewayError> {
        let request = RefundRequest {
            key: format!("{}:refund", self.id).into(),
            payment_id: self.id.as_str().into(),
            charge: Arc::clone(charge),
            amount: won(20_000),
            repeated,
        };
        self.subject.gateway.refund(request).await
    }
}
