//! The messages of the Stripe protocol, and their meaning for the port. No network here.

use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use super::terms;
use crate::{
    actors::ports::gateway::{ChargeOutcome, GatewayError, LedgerKind, Lookup, Movement, RefundOutcome},
    domain::{
        Money,
        payment::{Action, ActionKind},
    },
};

/// The metadata field that holds the payment's id, as a form names it.
pub(super) const PAYMENT_IN_FORM: &str = "metadata[payment_id]";

/// A payment intent, with the fields that are looked at here.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    status: String,
    amount: u64,
    currency: String,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    next_action: Option<NextAction>,
    #[serde(default)]
    last_payment_error: Option<StripeError>,
}

/// What the payer must do.
#[derive(Debug, Deserialize)]
struct NextAction {
    #[serde(default)]
    redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Debug, Deserialize)]
struct RedirectToUrl {
    url: String,
}

/// A refund, with the fields that are looked at here.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    id: String,
    status: String,
    #[serde(default)]
    failure_reason: Option<String>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// A charge or a refund in a list.
#[derive(Debug, Deserialize)]
pub(super) struct Moved {
    pub(super) id: String,
    amount: u64,
    currency: String,
    created: i64,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    payment_id: Option<String>,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
pub(super) struct StripeErrorBody {
    pub(super) error: StripeError,
}

/// Why a request was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StripeError {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) code: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) param: Option<String>,
    pub(super) message: String,
}

impl Intent {
    /// Whether it is about real money, if it says so.
    pub(super) fn livemode(&self) -> Option<bool> {
        self.livemode
    }

    /// Makes sure that it is about the money that was asked for.
    ///
    /// # Errors
    /// The difference: then nothing in it is believed.
    pub(super) fn check(&self, expected: Money) -> Result<(), GatewayError> {
        let asked_for = terms::counted(expected);
        let same = self.amount == asked_for && self.currency.eq_ignore_ascii_case(expected.currency.code());
        if same {
            return Ok(());
        }
        let said = format!("{} {}", self.amount, self.currency.to_ascii_uppercase());
        Err(GatewayError::Unknown(format!(
            "intent {} is about {said} as the gateway counts, and {asked_for} {} was asked for",
            self.id,
            expected.currency.code()
        )))
    }

    /// The outcome of confirming it. `valid_s`: how long a payer has who must do something, in seconds.
    pub(super) fn outcome(self, valid_s: u32) -> Result<ChargeOutcome, GatewayError> {
        match self.status.as_str() {
            "succeeded" => Ok(ChargeOutcome::Charged { reference: self.id.into() }),
            "requires_payment_method" => {
                Ok(ChargeOutcome::Declined { reason: self.refused().unwrap_or_else(declined) })
            }
            "canceled" => Ok(ChargeOutcome::Declined { reason: "the payment was withdrawn".to_owned() }),
            "requires_action" | "requires_source_action" => Ok(self.action(valid_s)),
            other => Err(GatewayError::Unknown(format!("payment intent {} is {other:?}: not settled yet", self.id))),
        }
    }

    /// How it stands, when it is read.
    pub(super) fn lookup(self, valid_s: u32) -> Result<Lookup, GatewayError> {
        match self.status.as_str() {
            "requires_payment_method" | "requires_confirmation" | "requires_source" => {
                Ok(Lookup::Absent { refused: self.refused() })
            }
            "canceled" => Ok(Lookup::Withdrawn),
            _ => self.outcome(valid_s).map(Lookup::Found),
        }
    }

    /// Whether it was withdrawn.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.status == "canceled"
    }

    fn refused(self) -> Option<String> {
        self.last_payment_error.map(|error| error.reason())
    }

    fn action(self, valid_s: u32) -> ChargeOutcome {
        let url = self.next_action.and_then(|next| next.redirect_to_url).map(|redirect| redirect.url);
        let kind = if url.is_some() { ActionKind::Redirect } else { ActionKind::Sdk };
        ChargeOutcome::ActionRequired { action: Action { kind, client_secret: self.client_secret, url }, valid_s }
    }
}

fn declined() -> String {
    "the payment was declined".to_owned()
}

impl Refund {
    /// How it ended.
    ///
    /// # Errors
    /// While it is on its way.
    pub(super) fn outcome(self) -> Result<RefundOutcome, GatewayError> {
        match self.status.as_str() {
            "succeeded" => Ok(RefundOutcome::Refunded),
            "failed" | "canceled" => {
                let reason = self.failure_reason.unwrap_or(self.status);
                Ok(RefundOutcome::Failed { reason: format!("refund {} failed: {reason}", self.id) })
            }
            other => Err(GatewayError::Unknown(format!("refund {} is {other:?}: not done yet", self.id))),
        }
    }

    /// Whether it did not give the money back, and never will.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "canceled")
    }
}

impl Moved {
    /// The intent that it belongs to.
    pub(super) fn intent(&self) -> Option<&str> {
        self.payment_intent.as_deref()
    }

    /// Whether money moved: a charge may also have been declined, a refund may have failed.
    pub(super) fn has_moved(&self) -> bool {
        self.status.as_deref().is_none_or(|status| matches!(status, "succeeded" | "pending"))
    }

    pub(super) fn movement(self, kind: LedgerKind, payment_id: Option<String>) -> Result<Movement, GatewayError> {
        let at = Timestamp::from_second(self.created).map_err(|error| unreadable(&error))?;
        let currency = self.currency.to_ascii_uppercase();
        Ok(Movement {
            payment_id: self.metadata.payment_id.or(payment_id).map(Into::into),
            kind,
            amount: terms::in_minor_units(self.amount, &currency),
            currency,
            reference: self.payment_intent.unwrap_or(self.id).into(),
            at,
        })
    }

    /// Whether the list itself says which payment it belongs to.
    pub(super) fn names_its_payment(&self) -> bool {
        self.metadata.payment_id.is_some()
    }
}

/// An intent's metadata alone.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    metadata: Metadata,
}

impl Named {
    pub(super) fn payment_id(self) -> Option<String> {
        self.metadata.payment_id
    }
}

/// Reads the body of a success. When it cannot be read, the request took effect all the same.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, GatewayError> {
    serde_json::from_slice(body).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::error::Error) -> GatewayError {
    GatewayError::Unknown(format!("its answer cannot be understood: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Currency;

    const ASKED: Money = Money { amount: 20_000, currency: Currency::KRW };
    const VALID_S: u32 = 60;

    fn intent(status: &str, more: &Value) -> Result<Intent, serde_json::Error> {
        let mut intent = json!({"id": "pi_1", "status": status, "amount": 20_000, "currency": "krw"});
        if let (Some(intent), Some(more)) = (intent.as_object_mut(), more.as_object()) {
            intent.extend(more.clone());
        }
        serde_json::from_value(intent)
    }

    fn confirmed(status: &str) -> Result<ChargeOutcome, GatewayError> {
        intent(status, &json!({})).expect("an intent").outcome(VALID_S)
    }

    fn found(status: &str) -> Result<Lookup, GatewayError> {
        intent(status, &json!({"last_payment_error": {"message": "no funds"}})).expect("an intent").lookup(VALID_S)
    }

    #[test]
    fn each_status_of_an_intent_means_one_outcome_of_confirming_it() {
        assert_eq!(confirmed("succeeded"), Ok(ChargeOutcome::Charged { reference: "pi_1".into() }));
        assert!(matches!(confirmed("requires_payment_method"), Ok(ChargeOutcome::Declined { .. })));
        assert!(matches!(confirmed("canceled"), Ok(ChargeOutcome::Declined { .. })));
        assert!(matches!(confirmed("requires_action"), Ok(ChargeOutcome::ActionRequired { .. })));
        for status in ["processing", "requires_confirmation", "requires_capture", "something_new"] {
            assert!(matches!(confirmed(status), Err(GatewayError::Unknown(_))), "{status}");
        }
    }

    #[test]
    fn each_status_of_an_intent_means_one_answer_to_a_look() {
        assert!(matches!(found("succeeded"), Ok(Lookup::Found(ChargeOutcome::Charged { .. }))));
        assert!(matches!(found("requires_action"), Ok(Lookup::Found(ChargeOutcome::ActionRequired { .. }))));
        assert_eq!(found("canceled"), Ok(Lookup::Withdrawn));
        for status in ["requires_payment_method", "requires_confirmation"] {
            assert_eq!(found(status), Ok(Lookup::Absent { refused: Some("no funds".to_owned()) }), "{status}");
        }
        for status in ["processing", "requires_capture", "something_new"] {
            assert!(matches!(found(status), Err(GatewayError::Unknown(_))), "{status}");
        }
    }

    #[test]
    fn an_action_is_a_page_or_something_for_the_gateways_library() {
        let page = json!({"next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank/3ds"}}});
        let library = json!({"client_secret": "s", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}});
        for (more, kind, url) in
            [(page, ActionKind::Redirect, Some("https://bank/3ds")), (library, ActionKind::Sdk, None)]
        {
            let outcome = intent("requires_action", &more).expect("an intent").outcome(VALID_S);
            let Ok(ChargeOutcome::ActionRequired { action, valid_s: 60 }) = outcome else { panic!("{outcome:?}") };
            assert_eq!((action.kind, action.url.as_deref()), (kind, url));
        }
    }

    #[test]
    fn an_answer_about_other_money_is_not_believed() {
        let good = intent("succeeded", &json!({})).expect("an intent");
        assert_eq!(good.check(ASKED), Ok(()));
        for other in [json!({"amount": 2_000}), json!({"currency": "usd"})] {
            let other = intent("succeeded", &other).expect("an intent");
            assert!(matches!(other.check(ASKED), Err(GatewayError::Unknown(_))));
        }
    }

    #[test]
    fn each_status_of_a_refund_means_one_outcome() {
        let refund = |status: &str| {
            serde_json::from_value::<Refund>(json!({"id": "re_1", "status": status})).expect("a refund").outcome()
        };
        assert_eq!(refund("succeeded"), Ok(RefundOutcome::Refunded));
        for status in ["failed", "canceled"] {
            assert!(matches!(refund(status), Ok(RefundOutcome::Failed { .. })), "{status}");
        }
        for status in ["pending", "requires_action"] {
            assert!(matches!(refund(status), Err(GatewayError::Unknown(_))), "{status}");
        }
    }
}
