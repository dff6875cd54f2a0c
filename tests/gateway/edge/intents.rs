//! Payment intents: made, confirmed (again after a decline, with another method), cancelled, read.
//!
//! localstripe confirms an intent only once, and not with a method. But an update may set any member of an object, in
//! JSON also to `null`: the edge gives the method to the intent and takes its failed charge from it, then confirms it. The
//! failed charge stays in the list of charges.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};

use super::{
    answer::Refusal,
    api::{Api, text},
    request::Asked,
};

/// The statuses in which an intent can be given a method, confirmed and cancelled.
const OPEN: [&str; 3] = ["requires_payment_method", "requires_confirmation", "requires_action"];

const OF_CREATE: [&str; 11] = [
    "amount",
    "currency",
    "payment_method",
    "payment_method_types",
    "automatic_payment_methods",
    "metadata",
    "description",
    "capture_method",
    "confirm",
    "return_url",
    "expand",
];
const OF_UPDATE: [&str; 4] = ["payment_method", "metadata", "description", "expand"];
const OF_CONFIRM: [&str; 4] = ["payment_method", "return_url", "use_stripe_sdk", "expand"];

impl Api {
    /// `POST /v1/payment_intents`.
    pub async fn create_intent(self: &Arc<Self>, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&OF_CREATE)?;
        let amount = asked.amount("amount")?;
        let currency = asked.required("currency")?.to_ascii_lowercase();
        if currency.len() != 3 {
            return Err(Refusal::invalid(format!("Invalid currency: {currency}.")).param("currency"));
        }
        let _turn = self.turn.lock().await;
        let method = match asked.field("payment_method") {
            Some(name) => Some(self.method_named(name).await?),
            None => None,
        };
        let body = json!({
            "amount": amount, "currency": currency, "payment_method": method, "metadata": asked.metadata(),
        });
        let (status, made) = self.localstripe.post("/v1/payment_intents", &body).await?;
        if status != 200 {
            return Err(Refusal::broken(&made.to_string()));
        }
        self.intents.change(text(&made["id"]), |note| {
            (note.made, note.redirects) = (Some(Instant::now()), redirects(asked));
        });
        let intent = self.dressed_intent(made);
        if asked.field("confirm") == Some("true") { self.confirm_open(&intent, asked).await } else { Ok(intent) }
    }

    /// `GET /v1/payment_intents/{id}`.
    pub async fn intent(&self, id: &str) -> Result<Value, Refusal> {
        let (status, intent) = self.localstripe.get(&format!("/v1/payment_intents/{id}")).await?;
        if status == 404 {
            return Err(Refusal::missing("payment_intent", "intent", id));
        }
        Ok(self.dressed_intent(intent))
    }

    /// `POST /v1/payment_intents/{id}`: another method, more metadata.
    pub async fn update_intent(&self, id: &str, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&OF_UPDATE)?;
        let _turn = self.turn.lock().await;
        let intent = self.intent(id).await?;
        if let Some(name) = asked.field("payment_method") {
            self.open(&intent, "updated")?;
            let method = self.method_named(name).await?;
            self.give_method(id, &method).await?;
        }
        if asked.metadata() != json!({}) {
            let body = json!({ "metadata": asked.metadata() });
            self.localstripe.post(&format!("/v1/payment_intents/{id}"), &body).await?;
        }
        self.intent(id).await
    }

    /// `POST /v1/payment_intents/{id}/confirm`.
    pub async fn confirm(self: &Arc<Self>, id: &str, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&OF_CONFIRM)?;
        let _turn = self.turn.lock().await;
        self.confirm_open(&self.intent(id).await?, asked).await
    }

    async fn confirm_open(self: &Arc<Self>, intent: &Value, asked: &Asked) -> Result<Value, Refusal> {
        self.open(intent, "confirmed")?;
        let id = text(&intent["id"]);
        if self.intents.of(id).redirects && asked.field("return_url").is_none() {
            let message = "This PaymentIntent takes methods that redirect the payer: give a `return_url`.";
            return Err(Refusal::invalid(message).with("payment_intent", intent.clone()));
        }
        let method = match (asked.field("payment_method"), intent["payment_method"].as_str()) {
            (Some(name), _) => self.method_named(name).await?,
            (None, Some(own)) => own.to_owned(),
            (None, None) => return Err(unexpected_state(intent, "cannot be confirmed: it has no payment method")),
        };
        self.methods.use_for(id, &method)?;
        self.give_method(id, &method).await?;
        let return_url = asked.field("return_url").map(str::to_owned);
        let is_processing = self.methods.course(&method).processes;
        self.intents.change(id, |note| {
            (note.error, note.return_url, note.is_processing) = (None, return_url, is_processing);
        });
        if is_processing { self.intent(id).await } else { self.attempt(id).await }
    }

    /// `POST /v1/payment_intents/{id}/cancel`.
    pub async fn cancel(&self, id: &str, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&["cancellation_reason", "expand"])?;
        let _turn = self.turn.lock().await;
        self.open(&self.intent(id).await?, "canceled")?;
        let (status, body) = self.localstripe.post(&format!("/v1/payment_intents/{id}/cancel"), &json!({})).await?;
        if status != 200 {
            return Err(Refusal::broken(&body.to_string()));
        }
        let reason = asked.field("cancellation_reason").map(str::to_owned);
        self.intents.change(id, |note| note.cancellation_reason = reason);
        let intent = self.dressed_intent(body);
        self.webhooks.tell("payment_intent.canceled", &intent);
        Ok(intent)
    }

    /// Ends the processing of an intent as its method says.
    pub async fn settle(&self, id: &str) -> Result<Value, Refusal> {
        let _turn = self.turn.lock().await;
        let intent = self.intent(id).await?;
        if intent["status"] != "processing" {
            return Err(unexpected_state(&intent, "is not processing"));
        }
        self.intents.change(id, |note| note.is_processing = false);
        match self.attempt(id).await {
            Ok(intent) => Ok(intent),
            // The decline is in the intent, and nobody waits for it.
            Err(_) => self.intent(id).await,
        }
    }

    async fn give_method(&self, id: &str, method: &str) -> Result<(), Refusal> {
        let body = json!({"payment_method": method, "latest_charge": null, "next_action": null});
        match self.localstripe.post(&format!("/v1/payment_intents/{id}"), &body).await? {
            (200, _) => Ok(()),
            (_, body) => Err(Refusal::broken(&body.to_string())),
        }
    }

    fn open(&self, intent: &Value, done: &str) -> Result<(), Refusal> {
        let status = text(&intent["status"]);
        if OPEN.contains(&status) {
            return Ok(());
        }
        Err(unexpected_state(intent, &format!("cannot be {done}: its status is {status}")))
    }
}

fn redirects(asked: &Asked) -> bool {
    asked.field("payment_method_types[]").is_none()
        && asked.field("automatic_payment_methods[enabled]") != Some("false")
        && asked.field("automatic_payment_methods[allow_redirects]") != Some("never")
}

/// 400 `payment_intent_unexpected_state`, with the intent inside.
fn unexpected_state(intent: &Value, why: &str) -> Refusal {
    let refusal = Refusal::invalid(format!("This PaymentIntent {why}."));
    refusal.code("payment_intent_unexpected_state").with("payment_intent", intent.clone())
}
