//! The API that the edge makes of localstripe: which request is which operation.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::{
    answer::Refusal, faults::Faults, keys::Keys, localstripe::LocalstripeClient, log::Log, methods::Methods,
    refunds::RefundNotes, request::Asked, search::Search, shown::IntentNotes, webhooks::Webhooks,
};

/// Everything that the edge knows.
pub struct Api {
    pub localstripe: LocalstripeClient,
    /// The secret key that it accepts.
    pub key: Mutex<String>,
    /// Where the edge is: `http://127.0.0.1:4242`.
    pub url: Mutex<String>,
    pub keys: Keys,
    pub faults: Faults,
    pub log: Log,
    pub methods: Methods,
    pub intents: IntentNotes,
    pub refunds: RefundNotes,
    pub search: Search,
    pub webhooks: Arc<Webhooks>,
    /// What of localstripe the edge did not understand: faults of the rig.
    pub broken: Mutex<Vec<String>>,
    /// Held while an object is changed: what one request checks and then does is not disturbed by another. localstripe
    /// answers one request after the other anyway.
    pub turn: tokio::sync::Mutex<()>,
}

impl Api {
    /// Performs a request.
    pub async fn perform(self: &Arc<Self>, asked: &Asked) -> Result<Value, Refusal> {
        let path: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["v1", "payment_methods"]) => self.create_method(asked).await,
            ("POST", ["v1", "payment_intents"]) => self.create_intent(asked).await,
            ("GET", ["v1", "payment_intents", "search"]) => self.find_intents(asked).await,
            ("GET", ["v1", "payment_intents", id]) => self.intent(id).await,
            ("POST", ["v1", "payment_intents", id]) => self.update_intent(id, asked).await,
            ("POST", ["v1", "payment_intents", id, "confirm"]) => self.confirm(id, asked).await,
            ("POST", ["v1", "payment_intents", id, "cancel"]) => self.cancel(id, asked).await,
            ("POST", ["v1", "payment_intents", id, "_authenticate"]) => {
                self.authenticate(id, asked.required("client_secret")?, asked.field("success") == Some("true")).await
            }
            ("GET", ["v1", "charges", id]) => self.charge(id).await,
            ("POST", ["v1", "refunds"]) => self.create_refund(asked).await,
            ("GET", ["v1", "refunds", id]) => self.refund(id).await,
            ("GET", ["v1", kind @ ("charges" | "payment_intents" | "refunds")]) => self.list(kind, asked).await,
            (method, _) => Err(Refusal::new(
                404,
                "invalid_request_error",
                format!("Unrecognized request URL ({method}: {}).", asked.path),
            )),
        }
    }

    /// Refuses a request without the right key. A payer's browser has none.
    pub fn authorize(&self, asked: &Asked) -> Result<(), Refusal> {
        if asked.path.ends_with("/_authenticate") || asked.authorization == format!("Bearer {}", self.key.lock()) {
            return Ok(());
        }
        Err(Refusal::new(401, "invalid_request_error", "Invalid API Key provided."))
    }
}

/// The text of a JSON value; empty when it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
