//! Refunds: at most what was charged, and with the end that a test sets: at once, later, or failed.
//!
//! In localstripe every refund succeeds at once, and as often as one asks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    answer::Refusal,
    api::{Api, text},
    request::Asked,
};

/// What becomes of new refunds.
#[derive(Debug, Clone, Copy, Default)]
pub enum RefundCourse {
    #[default]
    Succeeds,
    /// Pending until `Edge::end_refund`.
    Pends,
    /// Pending for so long, then this end.
    Ends(Duration, RefundEnd),
}

/// How a refund ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundEnd {
    Succeeded,
    /// With the `failure_reason`: `expired_or_canceled_card`, `lost_or_stolen_card`, `insufficient_funds`, `unknown`.
    Failed(&'static str),
    Canceled,
}

impl RefundEnd {
    fn status(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// What localstripe does not know of refunds.
#[derive(Default)]
pub struct RefundNotes {
    pub course: Mutex<RefundCourse>,
    /// `failure_reason`, by refund.
    reasons: Mutex<HashMap<String, &'static str>>,
}

/// The amount that refunds have given back, or are about to.
pub fn given_back<'a>(refunds: impl IntoIterator<Item = &'a Value>) -> u64 {
    let counts = |refund: &&Value| !matches!(text(&refund["status"]), "failed" | "canceled");
    refunds.into_iter().filter(counts).filter_map(|refund| refund["amount"].as_u64()).sum()
}

impl Api {
    /// `POST /v1/refunds`, of an intent.
    pub async fn create_refund(self: &Arc<Self>, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&["payment_intent", "amount", "metadata", "reason", "expand"])?;
        let _turn = self.turn.lock().await;
        let id = asked.required("payment_intent")?;
        let charge = self.charge_to_refund(id).await?;
        let amount = amount_to_refund(&charge, asked)?;
        let body = json!({"payment_intent": id, "amount": amount, "metadata": asked.metadata()});
        let (status, refund) = self.localstripe.post("/v1/refunds", &body).await?;
        if status != 200 {
            return Err(Refusal::broken(&refund.to_string()));
        }
        let refund = self.begun(refund).await?;
        self.webhooks.tell("charge.refunded", &self.charge(text(&charge["id"])).await?);
        Ok(refund)
    }

    /// `GET /v1/refunds/{id}`.
    pub async fn refund(&self, id: &str) -> Result<Value, Refusal> {
        match self.localstripe.get(&format!("/v1/refunds/{id}")).await? {
            (200, refund) => Ok(self.dressed_refund(refund)),
            _ => Err(Refusal::missing("refund", "refund", id)),
        }
    }

    /// Ends a refund; one that has succeeded may fail all the same.
    pub async fn end_refund(&self, id: &str, end: RefundEnd) -> Result<Value, Refusal> {
        let _turn = self.turn.lock().await;
        if let RefundEnd::Failed(reason) = end {
            self.refunds.reasons.lock().insert(id.to_owned(), reason);
        }
        let refund = self.set_status(id, end.status()).await?;
        if matches!(end, RefundEnd::Failed(_)) {
            self.webhooks.tell("refund.failed", &refund);
        }
        self.webhooks.tell("refund.updated", &refund);
        Ok(refund)
    }

    async fn charge_to_refund(&self, id: &str) -> Result<Value, Refusal> {
        let intent = match self.intent(id).await {
            Ok(intent) => intent,
            Err(_) => {
                let refusal = Refusal::invalid(format!("No such payment_intent: '{id}'"));
                return Err(refusal.code("resource_missing").param("payment_intent"));
            }
        };
        if intent["status"] != "succeeded" {
            return Err(Refusal::invalid(format!("The PaymentIntent {id} has no successful charge to refund.")));
        }
        self.charge(text(&intent["latest_charge"])).await
    }

    /// The refunds of a charge, as localstripe has them.
    pub async fn refunds_of(&self, charge: &str) -> Result<Vec<Value>, Refusal> {
        let (_, list) = self.localstripe.get(&format!("/v1/refunds?limit=1000&charge={charge}")).await?;
        Ok(list["data"].as_array().cloned().unwrap_or_default())
    }

    /// Sets a new refund on its course.
    async fn begun(self: &Arc<Self>, refund: Value) -> Result<Value, Refusal> {
        let course = *self.refunds.course.lock();
        if matches!(course, RefundCourse::Succeeds) {
            return Ok(self.dressed_refund(refund));
        }
        let pending = self.set_status(text(&refund["id"]), "pending").await?;
        if let RefundCourse::Ends(after, end) = course {
            let (api, id) = (Arc::clone(self), text(&refund["id"]).to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                // It fails only when localstripe has ended.
                drop(api.end_refund(&id, end).await);
            });
        }
        Ok(pending)
    }

    async fn set_status(&self, id: &str, status: &str) -> Result<Value, Refusal> {
        match self.localstripe.post(&format!("/v1/refunds/{id}"), &json!({ "status": status })).await? {
            (200, refund) => Ok(self.dressed_refund(refund)),
            _ => Err(Refusal::missing("refund", "refund", id)),
        }
    }

    /// A refund as the real API shows it.
    pub fn dressed_refund(&self, mut refund: Value) -> Value {
        let reason = self.refunds.reasons.lock().get(text(&refund["id"])).copied();
        if let Some(members) = refund.as_object_mut() {
            members.remove("date");
            if members["status"] == "pending" {
                members.insert("pending_reason".into(), "processing".into());
            }
            if let Some(reason) = reason {
                members.insert("failure_reason".into(), reason.into());
            }
        }
        refund
    }
}

fn amount_to_refund(charge: &Value, asked: &Asked) -> Result<u64, Refusal> {
    let of = |member: &str| charge[member].as_u64().unwrap_or_default();
    let left = of("amount").saturating_sub(of("amount_refunded"));
    if left == 0 {
        let refusal = Refusal::invalid(format!("The charge {} has been refunded already.", text(&charge["id"])));
        return Err(refusal.code("charge_already_refunded"));
    }
    let amount = if asked.field("amount").is_some() { asked.amount("amount")? } else { left };
    if amount > left {
        return Err(Refusal::invalid(format!("{amount} is more than the {left} that is left.")).param("amount"));
    }
    Ok(amount)
}
