//! How a payment is charged: its attempts, their outcomes, and how one is given up.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    Attempt, Awaited, Effect, Event, Method, Outcome, Payment, PendingAction, Phase, machine::Decided, settling::refund,
};
use crate::domain::{CallId, Decision, Money, Rejection};

/// Why a charge failed whose payer did not do its part.
const NOT_CONFIRMED: &str = "the payment was not confirmed by its payer";

/// A method that is given, and the gateway that is to charge it.
pub(super) struct Given<'a> {
    pub(super) method: Option<&'a Method>,
    pub(super) gateway: &'a Arc<str>,
}

/// Keeps a method, unless a newer one is known, and makes the charge that waited for it.
pub(super) fn keep_method(
    state: Option<&Payment>,
    id: &CallId,
    amount: Money,
    (method, number): (&Method, u32),
    gateway: &Arc<str>,
) -> Decision<Event, Effect> {
    let kept = Event::MethodKept { method: method.clone(), number };
    let Some(payment) = state else {
        return Decision::event(Event::PaymentOpened { id: id.clone(), amount }).and(kept);
    };
    let is_new = match number {
        0 => payment.method_number == 0 && payment.method.as_ref() != Some(method),
        number => number > payment.method_number,
    };
    // While another one is being charged it is kept for later.
    if !is_new || !(payment.is_open() || payment.charging().is_some() && !payment.closed) {
        return Decision::nothing();
    }
    match payment.awaited.clone() {
        Some(wanted) if wanted.number <= number => {
            Decision::event(kept).and_all(started(state, &Awaited { number, ..wanted }, method, gateway))
        }
        Some(_) | None => Decision::event(kept),
    }
}

/// Begins an attempt, unless it is known.
pub(super) fn charge(state: Option<&Payment>, id: &CallId, wanted: Awaited, given: &Given<'_>) -> Decided {
    let mut decision = Decision::nothing();
    if let Some(payment) = state {
        let awaited = payment.awaited.as_ref().map_or(0, |awaited| awaited.attempt);
        if wanted.attempt <= payment.attempt.max(awaited) {
            return Ok(decision);
        }
        if !payment.is_open() {
            return Err(Rejection::IllegalTransition { state: payment.status().as_str(), command: "charge" });
        }
    } else {
        decision.events.push(Event::PaymentOpened { id: id.clone(), amount: wanted.amount });
    }
    let newest = state.map_or(0, |payment| payment.method_number);
    let kept = state.and_then(|payment| payment.method.as_ref()).filter(|_| wanted.number <= newest);
    Ok(match given.method.or(kept) {
        Some(method) => decision.and_all(started(state, &wanted, method, given.gateway)),
        // It was overtaken by its charge.
        None if wanted.number > newest => decision.and(Event::MethodAwaited(wanted)),
        None => {
            let reason = "no payment method was given".to_owned();
            decision.and(Event::ChargeDeclined { unsent: Some(wanted.attempt), reason })
        }
    })
}

/// An attempt begins: with the intent of the one before, if it was the same gateway's and for the same amount.
fn started(state: Option<&Payment>, wanted: &Awaited, method: &Method, gateway: &Arc<str>) -> Decision<Event, Effect> {
    let Awaited { attempt, amount, number } = *wanted;
    let intent = state.and_then(|payment| payment.intent_for(amount, gateway).cloned());
    let gateway = Some(Arc::clone(gateway));
    let begun = Attempt { attempt, amount, method: method.clone(), gateway: gateway.clone(), intent, repeats: 0 };
    Decision::event(Event::ChargeStarted { attempt, amount, method: method.clone(), number, gateway }).then(send(begun))
}

fn send(attempt: Attempt) -> Effect {
    if attempt.intent.is_some() { Effect::Confirm(attempt) } else { Effect::Begin(attempt) }
}

/// The gateway has opened an intent: it is confirmed, or given up when the call is over by now.
pub(super) fn note_intent(payment: &Payment, attempt: u32, intent: &Arc<str>) -> Decision<Event, Effect> {
    let Phase::Charging { method } = &payment.phase else { return Decision::nothing() };
    if attempt != payment.attempt || payment.intent.is_some() {
        return Decision::nothing();
    }
    let opened = Decision::event(Event::IntentOpened { intent: Arc::clone(intent) });
    let with_intent = Payment { intent: Some(Arc::clone(intent)), ..payment.clone() };
    if payment.closed { opened.and_all(give_up(&with_intent)) } else { opened.then(send(with_intent.again(method, 0))) }
}

/// An attempt has an outcome.
pub(super) fn settle(payment: &Payment, attempt: u32, outcome: &Outcome, now: Timestamp) -> Decision<Event, Effect> {
    if attempt != payment.attempt {
        return Decision::nothing();
    }
    let (method, sent_again) = match (&payment.phase, outcome) {
        (Phase::Charging { method } | Phase::ActionRequired { method, .. }, _) => (method, 0),
        (Phase::Unknown { method, repeats, .. }, _) => (method, *repeats),
        // The gateway's books are the truth, also about a charge that was taken for failed.
        (Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. }, Outcome::Charged { reference })
            if payment.attempt > 0 =>
        {
            return charged(payment, reference);
        }
        // Settled before: the outcome of a charge does not change.
        _ => return Decision::nothing(),
    };
    match outcome {
        Outcome::Charged { reference } => charged(payment, reference),
        Outcome::Declined { reason } => failed(payment, Event::ChargeDeclined { unsent: None, reason: reason.clone() }),
        Outcome::Rejected { reason } => failed(payment, Event::ChargeRejected { reason: reason.clone() }),
        Outcome::NotCharged { retry_after_s } => failed(payment, Event::ChargeFailed { retry_after_s: *retry_after_s }),
        Outcome::Withdrawn => Decision::event(Event::ChargeWithdrawn { reason: None }),
        Outcome::ActionRequired { .. } | Outcome::Unperformed { .. } if payment.closed => give_up(payment),
        // What was looked up before it was given up says nothing about what became of that.
        Outcome::ActionRequired { .. } | Outcome::Unperformed { .. }
            if matches!(payment.phase, Phase::Unknown { withdrawing: true, .. }) =>
        {
            Decision::nothing()
        }
        Outcome::ActionRequired { .. } if matches!(payment.phase, Phase::ActionRequired { .. }) => Decision::nothing(),
        Outcome::ActionRequired { action, valid_s } => {
            let valid = SignedDuration::from_secs(i64::from(*valid_s));
            let expires_at = now.saturating_add(valid).unwrap_or(now);
            let action = PendingAction { action: action.clone(), expires_at };
            Decision::event(Event::ActionRequired { action })
                .then(Effect::AwaitPayer(payment.again(method, sent_again)))
        }
        Outcome::Unperformed { refused, .. } if matches!(payment.phase, Phase::ActionRequired { .. }) => {
            let reason = refused.clone().unwrap_or_else(|| NOT_CONFIRMED.to_owned());
            failed(payment, Event::ChargeDeclined { unsent: None, reason })
        }
        // It was found out before, and has been sent again since.
        Outcome::Unperformed { repeats, .. } if *repeats != sent_again => Decision::nothing(),
        Outcome::Unperformed { .. } => {
            Decision::event(Event::ChargeRepeated).then(send(payment.again(method, sent_again.saturating_add(1))))
        }
        Outcome::Unknown if !matches!(payment.phase, Phase::Charging { .. }) => Decision::nothing(),
        Outcome::Unknown if payment.closed => Decision::event(Event::OutcomeUnknown).and_all(give_up(payment)),
        Outcome::Unknown => {
            Decision::event(Event::OutcomeUnknown).then(Effect::Resolve(payment.again(method, sent_again)))
        }
    }
}

/// The time of the payer is over.
pub(super) fn wake(payment: &Payment, now: Timestamp) -> Decision<Event, Effect> {
    match &payment.phase {
        Phase::ActionRequired { action, .. } if action.expires_at <= now => give_up(payment),
        _ => Decision::nothing(),
    }
}

/// The money was taken; it goes back when the call is over by now.
pub(super) fn charged(payment: &Payment, reference: &Arc<str>) -> Decision<Event, Effect> {
    let charged = Decision::event(Event::Charged { reference: Arc::clone(reference) });
    if payment.closed { charged.and_all(refund(payment, reference)) } else { charged }
}

/// Nothing was taken. The intent of a call that is over is not left open.
fn failed(payment: &Payment, event: Event) -> Decision<Event, Effect> {
    let failed = Decision::event(event);
    if payment.closed && payment.intent.is_some() { failed.then(withdrawal(payment)) } else { failed }
}

/// The charge is given up. It may have taken the money a moment ago: the gateway says.
pub(super) fn give_up(payment: &Payment) -> Decision<Event, Effect> {
    if matches!(payment.phase, Phase::Unknown { withdrawing: true, .. }) {
        return Decision::nothing();
    }
    Decision::event(Event::WithdrawalStarted).then(withdrawal(payment))
}

/// The work of giving up the last attempt.
pub(super) fn withdrawal(payment: &Payment) -> Effect {
    Effect::Withdraw {
        attempt: payment.attempt,
        amount: payment.amount,
        gateway: payment.gateway.clone(),
        intent: payment.intent.clone(),
    }
}

impl Payment {
    /// The intent that can take this amount at that gateway.
    fn intent_for(&self, amount: Money, gateway: &Arc<str>) -> Option<&Arc<str>> {
        let fits = self.amount == amount && self.gateway.as_ref() == Some(gateway);
        self.intent.as_ref().filter(|_| fits)
    }

    /// The attempt that is being charged, or whose outcome is not known.
    #[must_use]
    pub fn current_attempt(&self) -> Option<Attempt> {
        let repeats = match &self.phase {
            Phase::Unknown { repeats, .. } => *repeats,
            _ => 0,
        };
        Some(self.again(self.charging()?, repeats))
    }

    /// The present attempt, as the work for it names it.
    fn again(&self, method: &Method, repeats: u32) -> Attempt {
        Attempt {
            attempt: self.attempt,
            amount: self.amount,
            method: method.clone(),
            gateway: self.gateway.clone(),
            intent: self.intent.clone(),
            repeats,
        }
    }
}
