//! A service as the server describes it (`GET /v1/services`): what a call of it goes through follows from that, so a new
//! service needs no code here.

use serde::Deserialize;

use super::Role;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Service {
    pub id: String,
    pub policy: Policy,
}

/// How a service works, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Policy {
    /// How a driver is found.
    pub found_by: FoundBy,
    /// Who confirms that a driver answers: `driver`, `operator` or `nobody`.
    pub confirmed_by: String,
    /// Whether it is booked for a period: `none`, `optional` or `required`.
    pub period: String,
    /// When it is paid.
    pub payment_due: PaymentDue,
    /// How the fare is computed.
    #[serde(default)]
    pub fare: Fare,
    /// Who may start a call.
    pub start: Vec<Role>,
    /// Who may complete a call.
    pub complete: Vec<Role>,
}

/// How a fare is computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Fare {
    /// By period: its unit, seconds.
    pub unit_s: Option<i64>,
}

/// How a driver is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// Offered to the nearest; the first to accept has it.
    Offer,
    /// The server picks one.
    Assign,
    /// The customer names one.
    Choose,
}

/// When a call is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentDue {
    /// Before anybody sees it.
    WithRequest,
    OnCompletion,
    /// In the background, once an operator has approved.
    AfterApproval,
}

impl Service {
    /// Whether it is booked from when to when.
    #[must_use]
    pub fn has_period(&self) -> bool {
        self.policy.period != "none"
    }

    /// Whether an operator has to approve a call.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.policy.confirmed_by == "operator"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_goes_through_is_read_from_the_policy() -> Result<(), serde_json::Error> {
        let text = r#"{"id":"rental","name":{"en":"Car rental"},"policy":{"found_by":"choose","confirmed_by":"nobody",
            "period":"required","payment_due":"with_request","fare":{"kind":"period","unit_s":86400,"amount":50000},
            "start":["operator"],"complete":["operator"],"offer_s":15}}"#;
        let rental: Service = serde_json::from_str(text)?;
        assert!(rental.has_period() && !rental.is_approved());
        assert_eq!((rental.policy.found_by, rental.policy.fare.unit_s), (FoundBy::Choose, Some(86_400)));
        Ok(())
    }
}
