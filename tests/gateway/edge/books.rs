//! What localstripe has in its books: every charge that succeeded, and every refund that was paid out.

use serde_json::Value;

use super::{
    answer::Refusal,
    api::{Api, text},
};

/// Which way the money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Booked {
    Charge,
    Refund,
}

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Booking {
    /// `metadata[payment_id]` of the intent.
    pub payment_id: String,
    pub booked: Booked,
    pub amount: u64,
    /// `krw`.
    pub currency: String,
}

impl Api {
    /// The books, in the order in which the charges, then the refunds were made.
    pub async fn books(&self) -> Result<Vec<Booking>, Refusal> {
        let intents = self.localstripe.all("payment_intents").await?;
        let charges = self.localstripe.all("charges").await?;
        let refunds = self.localstripe.all("refunds").await?;
        let payment = |charge: &Value| {
            let intent = intents.iter().find(|intent| intent["id"] == charge["payment_intent"]);
            intent.map(|intent| text(&intent["metadata"]["payment_id"]).to_owned()).unwrap_or_default()
        };
        let charge_of = |refund: &Value| charges.iter().find(|charge| charge["id"] == refund["charge"]);
        let has_succeeded = |object: &&Value| object["status"] == "succeeded";
        let charged = charges.iter().filter(has_succeeded).map(|one| booking(payment(one), Booked::Charge, one));
        let refunded = refunds
            .iter()
            .filter(has_succeeded)
            .map(|one| booking(charge_of(one).map(payment).unwrap_or_default(), Booked::Refund, one));
        Ok(charged.chain(refunded).collect())
    }
}

fn booking(payment_id: String, booked: Booked, object: &Value) -> Booking {
    let amount = object["amount"].as_u64().unwrap_or_default();
    Booking { payment_id, booked, amount, currency: text(&object["currency"]).to_owned() }
}
