//! The Stripe protocol, on `stripe+http(s)://host:port`: payment intents that are confirmed as they are made, and refunds.
//!
//! - An idempotency key is Stripe's own `Idempotency-Key`. Stripe keeps keys for at least 24 hours: an outcome that stays
//!   unknown for longer must be settled by looking it up, not by repeating the charge. A key also keeps a server error
//!   that it ran into: then only a lookup tells more.
//! - A lookup searches the intents' metadata for the key. What it finds is certain; but the search index lags behind, so
//!   what it does not find may still exist. A miss is therefore [`GatewayError::NoAnswer`], never "not processed":
//!   repeating the charge with the same key settles it. For the same reason it answers "declined" only of an intent
//!   that can no longer succeed.
//! - It does not retry: when to try again is the guard's and the payment's business.

mod client;
pub(super) mod terms;
mod wire;

use std::{sync::Arc, time::Duration};

use reqwest::StatusCode;
use secrecy::ExposeSecret;

use self::{
    client::{StripeAnswer, StripeClient},
    wire::{Intent, Refund, SearchResult, StripeError},
};
use super::settings::{GatewaySettings, OpenError};
use crate::actors::ports::{
    BoxFuture,
    gateway::{ChargeOutcome, ChargeRequest, GatewayError, PaymentGateway, RefundRequest},
};

/// A gateway that speaks the Stripe protocol.
pub struct StripeGateway {
    client: StripeClient,
}

impl StripeGateway {
    /// The gateway at `settings.url`.
    ///
    /// # Errors
    /// When the URL is not one, `settings.api_key` is missing, or no TLS is to be had.
    pub fn open(settings: &GatewaySettings) -> Result<Self, OpenError> {
        Ok(Self { client: StripeClient::new(settings)? })
    }

    async fn create_intent(&self, request: ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        let form = [
            ("amount", terms::counted(request.amount).to_string()),
            ("currency", request.amount.currency.code().to_ascii_lowercase()),
            ("payment_method", request.method.expose_secret().to_owned()),
            ("payment_method_types[]", "card".to_owned()),
            ("confirm", "true".to_owned()),
            ("error_on_requires_action", "true".to_owned()),
            ("metadata[payment_id]", request.payment_id.to_string()),
            (wire::KEY_IN_FORM, request.key.to_string()),
        ];
        match self.client.post("v1/payment_intents", &request.key, &form).await? {
            StripeAnswer::Ok(body) => wire::read::<Intent>(&body)?.outcome(),
            StripeAnswer::Refused(status, error) => refused_charge(status, error),
        }
    }

    async fn create_refund(&self, request: RefundRequest) -> Result<(), GatewayError> {
        let form = [
            ("payment_intent", request.charge.to_string()),
            ("amount", terms::counted(request.amount).to_string()),
            ("metadata[payment_id]", request.payment_id.to_string()),
            (wire::KEY_IN_FORM, request.key.to_string()),
        ];
        let refund = match self.client.post("v1/refunds", &request.key, &form).await? {
            StripeAnswer::Ok(body) => wire::read::<Refund>(&body)?,
            StripeAnswer::Refused(_, error) if error.code.as_deref() == Some("charge_already_refunded") => {
                return Ok(());
            }
            StripeAnswer::Refused(status, error) => return Err(error.into_failure(status)),
        };
        // A repeated key replays the first answer, so how it stands by now has to be asked for.
        let refund = if refund.is_pending() { self.read_refund(&refund.id).await? } else { refund };
        refund.confirmed()
    }

    async fn read_refund(&self, id: &str) -> Result<Refund, GatewayError> {
        match self.client.get(&["v1", "refunds", id], &[]).await? {
            StripeAnswer::Ok(body) => wire::read(&body),
            StripeAnswer::Refused(status, error) => Err(error.into_failure(status)),
        }
    }

    async fn search(&self, key: Arc<str>) -> Result<Option<ChargeOutcome>, GatewayError> {
        let query = [("query", wire::search_for(&key)), ("limit", "10".to_owned())];
        let found = match self.client.get(&["v1", "payment_intents", "search"], &query).await? {
            StripeAnswer::Ok(body) => wire::read::<SearchResult>(&body)?,
            StripeAnswer::Refused(status, error) => return Err(error.into_failure(status)),
        };
        found.outcome().map(Some)
    }
}

impl PaymentGateway for StripeGateway {
    fn charge(&self, request: ChargeRequest) -> BoxFuture<'_, Result<ChargeOutcome, GatewayError>> {
        Box::pin(self.create_intent(request))
    }

    fn refund(&self, request: RefundRequest) -> BoxFuture<'_, Result<(), GatewayError>> {
        Box::pin(self.create_refund(request))
    }

    fn lookup(&self, key: Arc<str>) -> BoxFuture<'_, Result<Option<ChargeOutcome>, GatewayError>> {
        Box::pin(self.search(key))
    }

    fn answer_timeout(&self) -> Duration {
        self.client.answer_timeout()
    }
}

/// A card that is refused, or a method that does not exist, is an outcome; everything else is a failure.
fn refused_charge(status: StatusCode, error: StripeError) -> Result<ChargeOutcome, GatewayError> {
    let is_card = status == StatusCode::PAYMENT_REQUIRED && error.kind == "card_error";
    let is_method = error.kind == "invalid_request_error" && error.param.as_deref() == Some("payment_method");
    if is_card || is_method {
        return Ok(ChargeOutcome::Declined { reason: error.message });
    }
    Err(error.into_failure(status))
}
