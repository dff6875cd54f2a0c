//! Attempts to charge: what localstripe says to a confirmed intent, declines with their reasons, and payers who are asked to
//! authenticate.

use serde_json::{Value, json};

use super::{
    answer::Refusal,
    api::{Api, text},
    localstripe::Told,
};

impl Api {
    /// Confirms an intent that has its method.
    pub async fn attempt(&self, id: &str) -> Result<Value, Refusal> {
        let told = self.localstripe.post(&format!("/v1/payment_intents/{id}/confirm"), &json!({})).await?;
        self.attempted(id, told).await
    }

    /// The payer authenticates, or fails to: localstripe's `POST /v1/payment_intents/{id}/_authenticate`.
    pub async fn authenticate(&self, id: &str, client_secret: &str, success: bool) -> Result<Value, Refusal> {
        let _turn = self.turn.lock().await;
        self.intent(id).await?;
        let body = json!({"client_secret": client_secret, "success": success});
        let told = self.localstripe.post(&format!("/v1/payment_intents/{id}/_authenticate"), &body).await?;
        if told.0 == 200 && !success {
            return self.failed_authentication(told.1);
        }
        self.attempted(id, told).await
    }

    async fn attempted(&self, id: &str, (status, body): Told) -> Result<Value, Refusal> {
        match status {
            200 => Ok(self.taken(body)),
            402 => self.declined(id, &body).await,
            400 | 401 => {
                Err(Refusal::new(status, "invalid_request_error", "This PaymentIntent cannot be authenticated."))
            }
            _ => Err(Refusal::broken(&body.to_string())),
        }
    }

    /// The intent has succeeded, or asks for its payer.
    fn taken(&self, intent: Value) -> Value {
        let intent = self.dressed_intent(intent);
        if intent["status"] == "succeeded" {
            self.webhooks.tell("payment_intent.succeeded", &intent);
        } else {
            self.webhooks.tell("payment_intent.requires_action", &intent);
        }
        intent
    }

    /// 402 `card_error`, with the intent inside.
    async fn declined(&self, id: &str, body: &Value) -> Result<Value, Refusal> {
        // Once it is declined, the intent shows no method any more.
        let (_, intent) = self.localstripe.get(&format!("/v1/payment_intents/{id}")).await?;
        let method = text(&intent["payment_method"]);
        let Some((code, decline_code)) = self.methods.course(method).decline else {
            return Err(Refusal::broken(&body.to_string()));
        };
        let refusal = Refusal::new(402, "card_error", format!("The card was declined: {decline_code}."))
            .code(code)
            .with("decline_code", decline_code)
            .with("charge", body["error"]["charge"].clone())
            .with("payment_method", json!({"id": method, "object": "payment_method"}));
        self.intents.change(id, |note| note.error = Some(refusal.error()));
        let intent = self.dressed_intent(intent);
        self.webhooks.tell("payment_intent.payment_failed", &intent);
        Err(refusal.with("payment_intent", intent))
    }

    fn failed_authentication(&self, intent: Value) -> Result<Value, Refusal> {
        let refusal = Refusal::invalid("The payer did not authenticate.").code("payment_intent_authentication_failure");
        self.intents.change(text(&intent["id"]), |note| note.error = Some(refusal.error()));
        let intent = self.dressed_intent(intent);
        self.webhooks.tell("payment_intent.payment_failed", &intent);
        Ok(intent)
    }
}
