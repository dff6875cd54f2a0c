//! Lists of charges, intents and refunds: newest first, between two times, page by page.
//!
//! localstripe lists the oldest first, and answers `created[gte]` with 400 or 500.

use serde_json::{Value, json};

use super::{
    answer::Refusal,
    api::{Api, text},
    refunds::given_back,
    request::Asked,
};

/// How many objects a page has unless it is said, and at most.
const PAGE: usize = 10;
const PAGE_MAX: usize = 100;

impl Api {
    /// `GET /v1/charges/{id}`.
    pub async fn charge(&self, id: &str) -> Result<Value, Refusal> {
        let (status, charge) = self.localstripe.get(&format!("/v1/charges/{id}")).await?;
        if status == 404 {
            return Err(Refusal::missing("charge", "charge", id));
        }
        let intent = self.intent(text(&charge["payment_intent"])).await?;
        Ok(dressed_charge(charge, &intent, given_back(&self.refunds_of(id).await?)))
    }

    /// `GET /v1/charges`, `GET /v1/payment_intents`, `GET /v1/refunds`.
    pub async fn list(&self, kind: &str, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&["limit", "starting_after", "created", "payment_intent", "expand"])?;
        let mut all = self.localstripe.all(kind).await?;
        all.reverse();
        for (field, keeps) in TIMES {
            if asked.field(field).is_some() {
                let time = asked.amount(field)?;
                all.retain(|one| one["created"].as_u64().is_some_and(|created| keeps(created, time)));
            }
        }
        if let Some(intent) = asked.field("payment_intent") {
            all.retain(|one| one["payment_intent"] == intent);
        }
        let (page, has_more) = page(all, asked)?;
        let data = match kind {
            "charges" => self.dressed_charges(page).await?,
            "refunds" => page.into_iter().map(|one| self.dressed_refund(one)).collect(),
            _ => page.into_iter().map(|one| self.dressed_intent(one)).collect(),
        };
        Ok(json!({"object": "list", "url": format!("/v1/{kind}"), "has_more": has_more, "data": data}))
    }

    async fn dressed_charges(&self, charges: Vec<Value>) -> Result<Vec<Value>, Refusal> {
        let refunds = self.localstripe.all("refunds").await?;
        let mut dressed = Vec::new();
        for charge in charges {
            let intent = self.intent(text(&charge["payment_intent"])).await?;
            let refunds = refunds.iter().filter(|refund| refund["charge"] == charge["id"]);
            let refunded = given_back(refunds);
            dressed.push(dressed_charge(charge, &intent, refunded));
        }
        Ok(dressed)
    }
}

/// Whether an object of the first time is listed with a bound of the second.
type Keeps = fn(u64, u64) -> bool;

const TIMES: [(&str, Keeps); 4] = [
    ("created[gt]", |created, time| created > time),
    ("created[gte]", |created, time| created >= time),
    ("created[lt]", |created, time| created < time),
    ("created[lte]", |created, time| created <= time),
];

fn page(all: Vec<Value>, asked: &Asked) -> Result<(Vec<Value>, bool), Refusal> {
    let limit = match asked.field("limit") {
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| Refusal::invalid(format!("The limit is from 1 to {PAGE_MAX}.")).param("limit"))?,
        None => PAGE,
    };
    let from = match asked.field("starting_after") {
        Some(id) => {
            1 + all.iter().position(|one| one["id"] == id).ok_or_else(|| {
                Refusal::invalid(format!("No such object: '{id}'")).code("resource_missing").param("starting_after")
            })?
        }
        None => 0,
    };
    let has_more = all.len() > from + limit;
    Ok((all.into_iter().skip(from).take(limit).collect(), has_more))
}

/// A charge as the real API shows it: with its intent's metadata, and without the refunds that failed.
fn dressed_charge(mut charge: Value, intent: &Value, refunded: u64) -> Value {
    charge["metadata"] = intent["metadata"].clone();
    charge["amount_refunded"] = refunded.into();
    charge["refunded"] = (charge["amount"].as_u64() == Some(refunded)).into();
    if let Some(members) = charge.as_object_mut() {
        members.remove("refunds");
    }
    charge
}
