//! Payment methods: the real API's test cards, by their test tokens and their numbers, and what becomes of each.
//!
//! - localstripe declines fewer cards when they are charged, and knows three tokens. So each card here is another one there,
//!   and the reason of a decline is the edge's.
//! - A token stands for a new method each time. A method without a customer belongs to the first intent that it is confirmed
//!   with, and is refused by every other: 400 without `code` and `param`.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    answer::Refusal,
    api::{Api, text},
    request::Asked,
};

/// Cards as localstripe knows them.
const PAYS: &str = "4242424242424242";
const DECLINES: &str = "4000000000000341";
const ASKS: &str = "4000002760003184";
const ASKS_THEN_DECLINES: &str = "4000008400001629";

/// Why an issuer declines: the error's `code` and `decline_code`.
pub type Decline = (&'static str, &'static str);

/// What becomes of a charge.
#[derive(Debug, Clone, Copy, Default)]
pub struct Course {
    /// The payer is asked to authenticate first.
    pub asks: bool,
    /// The outcome is known later.
    pub processes: bool,
    pub decline: Option<Decline>,
}

impl Course {
    const fn declined(code: &'static str, decline_code: &'static str) -> Self {
        Self { decline: Some((code, decline_code)), asks: false, processes: false }
    }

    fn card_there(self) -> &'static str {
        match (self.asks, self.decline.is_some()) {
            (false, false) => PAYS,
            (false, true) => DECLINES,
            (true, false) => ASKS,
            (true, true) => ASKS_THEN_DECLINES,
        }
    }
}

const PLAIN: Course = Course { asks: false, processes: false, decline: None };

/// The token, the number, and what becomes of a charge.
const CARDS: [(&str, &str, Course); 12] = [
    ("pm_card_visa", PAYS, PLAIN),
    ("pm_card_visa_chargeDeclined", "4000000000000002", Course::declined("card_declined", "generic_decline")),
    (
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        Course::declined("card_declined", "insufficient_funds"),
    ),
    ("pm_card_visa_chargeDeclinedLostCard", "4000000000009987", Course::declined("card_declined", "lost_card")),
    ("pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", Course::declined("card_declined", "stolen_card")),
    ("pm_card_chargeDeclinedExpiredCard", "4000000000000069", Course::declined("expired_card", "expired_card")),
    (
        "pm_card_chargeDeclinedProcessingError",
        "4000000000000119",
        Course::declined("processing_error", "processing_error"),
    ),
    ("pm_card_chargeCustomerFail", DECLINES, Course::declined("card_declined", "generic_decline")),
    ("pm_card_authenticationRequired", ASKS, Course { asks: true, ..PLAIN }),
    (
        "pm_card_threeDSecureRequiredChargeDeclined",
        ASKS_THEN_DECLINES,
        Course { asks: true, ..Course::declined("card_declined", "generic_decline") },
    ),
    ("pm_usBankAccount_success", "", Course { processes: true, ..PLAIN }),
    (
        "pm_usBankAccount_insufficientFunds",
        "",
        Course { processes: true, ..Course::declined("payment_method_provider_decline", "insufficient_funds") },
    ),
];

/// The methods that were made, by id.
#[derive(Default)]
pub struct Methods(Mutex<HashMap<String, Made>>);

struct Made {
    course: Course,
    /// The intent that it was confirmed with.
    intent: Option<String>,
}

impl Methods {
    pub fn course(&self, id: &str) -> Course {
        self.0.lock().get(id).map(|made| made.course).unwrap_or_default()
    }

    /// Uses a method for an intent, or refuses one that was used for another.
    pub fn use_for(&self, intent: &str, id: &str) -> Result<(), Refusal> {
        let mut all = self.0.lock();
        let Some(made) = all.get_mut(id) else { return Ok(()) };
        if made.intent.get_or_insert_with(|| intent.to_owned()) == intent {
            return Ok(());
        }
        Err(Refusal::invalid("This PaymentMethod was previously used without a Customer. It cannot be used again."))
    }
}

impl Api {
    /// `POST /v1/payment_methods`: a card by its number.
    pub async fn create_method(&self, asked: &Asked) -> Result<Value, Refusal> {
        asked.only(&["type", "card", "billing_details", "metadata"])?;
        let number = asked.required("card[number]")?;
        let Some((.., course)) = CARDS.iter().find(|(_, known, _)| *known == number) else {
            return Err(Refusal::new(402, "card_error", "No test card has this number.").code("incorrect_number"));
        };
        let mut method = self.make_method(*course).await?;
        let last4 = number.get(number.len().saturating_sub(4)..);
        method["card"]["last4"] = last4.into();
        Ok(method)
    }

    /// The id of the method that a request names by its id or by a test token, which makes a new one.
    pub async fn method_named(&self, name: &str) -> Result<String, Refusal> {
        if let Some((.., course)) = CARDS.iter().find(|(token, ..)| *token == name) {
            return Ok(text(&self.make_method(*course).await?["id"]).to_owned());
        }
        if self.methods.0.lock().contains_key(name) {
            return Ok(name.to_owned());
        }
        let refusal = Refusal::invalid(format!("No such PaymentMethod: '{name}'"));
        Err(refusal.code("resource_missing").param("payment_method"))
    }

    async fn make_method(&self, course: Course) -> Result<Value, Refusal> {
        let card = json!({"number": course.card_there(), "exp_month": 12, "exp_year": 2090, "cvc": "123"});
        let (status, method) =
            self.localstripe.post("/v1/payment_methods", &json!({"type": "card", "card": card})).await?;
        if status != 200 {
            return Err(Refusal::broken(&method.to_string()));
        }
        self.methods.0.lock().insert(text(&method["id"]).to_owned(), Made { course, intent: None });
        Ok(method)
    }
}
