//! The end of a ride whose payment cannot be had: an operator lets the customer off, or records the fare as a debt.
//!
//! The call tells its payment and the customer's account, each until it has answered. A debt is paid only once the payment
//! has confirmed it, and cleared in the account only once the account has noted it, so that no message of the one can
//! overtake a message of the other.

use serde::{Deserialize, Serialize};

use super::{
    Call, Effect, Event, Phase,
    refused::{Decided, illegal},
    steps::{completed, operator_only},
};
use crate::domain::{
    Decision, Party, Rejection,
    payment::{PaymentStatus, Settlement},
};

/// How an operator ended a ride without its fare, and who knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    #[serde(rename = "as")]
    pub how: Settlement,
    /// Whether the payment has confirmed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    #[serde(default)]
    pub entry: DebtEntry,
}

/// The entry of the debt in the customer's account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebtEntry {
    /// The account has not answered that there is one.
    #[default]
    None,
    Open,
    Cleared,
}

impl Call {
    /// Whether the fare is recorded as a debt, also if it is paid by now.
    #[must_use]
    pub fn ended_in_debt(&self) -> bool {
        self.settled.is_some_and(|settled| settled.how == Settlement::Debt)
    }

    /// Whether the customer owes the fare.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.ended_in_debt() && self.payment.status != PaymentStatus::Charged
    }

    /// Whether the payment or the customer's account is still to answer that it knows of the settlement, or that the debt is
    /// paid.
    #[must_use]
    pub fn is_being_settled(&self) -> bool {
        let Some(Settled { how, confirmed, entry }) = self.settled else { return false };
        let wanted = match how {
            Settlement::Waived => DebtEntry::None,
            Settlement::Debt if self.is_owed() => DebtEntry::Open,
            Settlement::Debt => DebtEntry::Cleared,
        };
        !confirmed || entry != wanted
    }
}

/// An operator ends a ride under way whose payment cannot be had. The driver is free in the same commit.
pub(super) fn settle(call: &Call, by: &Party, how: Settlement, reason: &str) -> Decided {
    operator_only(by)?;
    match &call.phase {
        Phase::Started { .. } if call.payment.status.in_flight() => Err(Rejection::ChargeInFlight),
        Phase::Started { .. } if call.payment.status.was_charged() => {
            Err(Rejection::IllegalTransition { state: "the call is paid", command: "settle; complete it" })
        }
        Phase::Started { .. } => Ok(ended(call, by, how, reason)),
        Phase::Completed { .. } if call.settled.is_some_and(|settled| settled.how == how) => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Dispatching(_)
        | Phase::Assigned { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "settle")),
    }
}

fn ended(call: &Call, by: &Party, how: Settlement, reason: &str) -> Decision<Event, Effect> {
    let settled = Event::Settled { by: by.clone(), how, reason: reason.to_owned() };
    let ended = Decision::event(settled)
        .and_all(completed(call, by.clone()))
        .then(Effect::SettlePayment { amount: call.fare, how });
    match how {
        Settlement::Waived => ended,
        Settlement::Debt => ended.then(Effect::NoteDebt {
            customer: call.customer_id.clone(),
            service: call.service.clone(),
            amount: call.fare,
        }),
    }
}

/// The customer's account has noted the debt, or cleared it.
pub(super) fn account_told(call: &Call, owes: bool) -> Decision<Event, Effect> {
    let entry = call.settled.map(|settled| settled.entry).filter(|_| call.ended_in_debt());
    match (owes, entry) {
        (true, Some(DebtEntry::None)) if call.is_owed() => Decision::event(Event::DebtNoted),
        // It was paid before the account had answered.
        (true, Some(DebtEntry::None)) => Decision::event(Event::DebtNoted).then(clear(call)),
        (false, Some(DebtEntry::Open)) => Decision::event(Event::DebtCleared),
        _ => Decision::nothing(),
    }
}

/// What a call whose debt was paid just now owes the account: nothing as long as the account has not noted the debt.
pub(super) fn debt_paid(call: &Call) -> Option<Effect> {
    let is_open = call.settled.is_some_and(|settled| settled.entry == DebtEntry::Open);
    (call.is_owed() && is_open).then(|| clear(call))
}

fn clear(call: &Call) -> Effect {
    Effect::ClearDebt { customer: call.customer_id.clone() }
}
