//! Intents as the real API shows them: what localstripe says of them, and what only the edge knows.

use std::{collections::HashMap, time::Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::api::{Api, text};

/// What localstripe does not know of an intent.
#[derive(Default)]
pub struct IntentNotes(Mutex<HashMap<String, Note>>);

/// The notes on one intent.
#[derive(Default, Clone)]
pub struct Note {
    pub made: Option<Instant>,
    /// `last_payment_error`.
    pub error: Option<Value>,
    /// It is confirmed here, and in localstripe when it is settled.
    pub is_processing: bool,
    /// Whether it takes methods that redirect the payer, and so is not confirmed without a `return_url`: so it is since the
    /// API's version 2023-08-16, unless the making says which methods it takes.
    pub redirects: bool,
    pub return_url: Option<String>,
    pub cancellation_reason: Option<String>,
}

impl IntentNotes {
    pub fn of(&self, id: &str) -> Note {
        self.0.lock().get(id).cloned().unwrap_or_default()
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Note)) {
        change(self.0.lock().entry(id.to_owned()).or_default());
    }
}

impl Api {
    /// An intent as the real API shows it.
    pub fn dressed_intent(&self, mut intent: Value) -> Value {
        let note = self.intents.of(text(&intent["id"]));
        if note.is_processing {
            intent["status"] = "processing".into();
        }
        let status = text(&intent["status"]).to_owned();
        if status == "requires_payment_method" {
            intent["payment_method"] = Value::Null;
        }
        let received = if status == "succeeded" { intent["amount"].clone() } else { 0.into() };
        if let (Some(return_url), "requires_action") = (note.return_url, status.as_str()) {
            let page = format!("{}/authenticate/{}", self.url.lock(), text(&intent["client_secret"]));
            let redirect = json!({"url": page, "return_url": return_url});
            intent["next_action"] = json!({"type": "redirect_to_url", "redirect_to_url": redirect});
        }
        if let Some(members) = intent.as_object_mut() {
            let charge = members.get_mut("latest_charge").map(|charge| charge["id"].take()).unwrap_or_default();
            members.remove("charges");
            members.insert("latest_charge".into(), charge);
            members.insert("amount_received".into(), received);
            members.insert("last_payment_error".into(), note.error.into());
            members.insert("cancellation_reason".into(), note.cancellation_reason.into());
        }
        intent
    }
}
