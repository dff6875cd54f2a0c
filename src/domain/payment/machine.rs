//! Decides on the commands of a payment, and applies its events.

use jiff::Timestamp;

use super::{
    Awaited, Command, Effect, Event, Payment, Phase, Settlement, Verdict, charging, charging::Given, settling,
};
use crate::domain::{CallId, Decision, Machine, Money, Rejection, Undecided, policy::Policies};

/// The payment as a state machine.
pub enum PaymentMachine {}

pub(super) type Decided = Result<Decision<Event, Effect>, Rejection>;

/// Why a charge failed that was given up.
const WITHDRAWN: &str = "the payment was not confirmed in time";

impl Machine for PaymentMachine {
    type State = Payment;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(
        state: Option<&Payment>,
        command: &Command,
        _: &Policies,
        now: Timestamp,
    ) -> Result<Decision<Event, Effect>, Undecided> {
        let known = || state.ok_or(Rejection::NotFound);
        let decided = match command {
            Command::Charge { id, attempt, amount, method, number, gateway } => {
                let wanted = Awaited { attempt: *attempt, amount: *amount, number: *number };
                charging::charge(state, id, wanted, &Given { method: method.as_ref(), gateway })
            }
            Command::KeepMethod { id, amount, method, number, gateway } => {
                Ok(charging::keep_method(state, id, *amount, (method, *number), gateway))
            }
            Command::NoteIntent { attempt, intent } => Ok(charging::note_intent(known()?, *attempt, intent)),
            Command::Settle { attempt, outcome } => Ok(charging::settle(known()?, *attempt, outcome, now)),
            Command::Cancel { id, amount } => Ok(cancel(state, id, *amount)),
            Command::EndUnpaid { id, amount, how } => end_unpaid(state, id, *amount, *how),
            Command::ConfirmRefund => confirm_refund(known()?),
            Command::FailRefund { reason } => Ok(fail_refund(known()?, reason)),
            Command::SettleByHand(word) => settling::settle_by_hand(known()?, word),
            Command::Wake => Ok(state.map_or_else(Decision::nothing, |payment| charging::wake(payment, now))),
        }?;
        Ok(tell_the_call(state, decided, now))
    }

    fn evolve(state: Option<Payment>, event: &Event, at: Timestamp) -> Option<Payment> {
        let Some(mut payment) = state else { return opened(event) };
        payment.version += 1;
        take_note(&mut payment, event);
        let phase = next_phase(payment.phase.clone(), event, &payment);
        // A repetition, or another word about the same, does not make it younger.
        let is_same = std::mem::discriminant(&phase) == std::mem::discriminant(&payment.phase);
        payment.since = phase.needs_a_look().then(|| payment.since.filter(|_| is_same).unwrap_or(at));
        payment.phase = phase;
        Some(payment)
    }

    fn due_at(payment: &Payment) -> Option<Timestamp> {
        match &payment.phase {
            Phase::ActionRequired { action, .. } => Some(action.expires_at),
            _ => None,
        }
    }

    fn wake() -> Command {
        Command::Wake
    }

    fn is_terminal(payment: &Payment) -> bool {
        match &payment.phase {
            Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. } => payment.closed,
            // It keeps its call in the store, which is the way to pay it.
            Phase::Debt { .. } => false,
            Phase::Charging { .. } | Phase::Unknown { .. } | Phase::ActionRequired { .. } | Phase::Refunding { .. } => {
                false
            }
            // It stays where operators find it until one of them has taken note of it.
            Phase::RefundFailed { noted, .. } => *noted,
            // A charged payment waits for its call: nothing of its own is ahead of it.
            Phase::Charged { .. } | Phase::Refunded { .. } | Phase::Waived => true,
        }
    }
}

fn opened(event: &Event) -> Option<Payment> {
    match event {
        Event::PaymentOpened { id, amount } => Some(Payment {
            id: id.clone(),
            amount: *amount,
            attempt: 0,
            closed: false,
            owed: false,
            method: None,
            method_number: 0,
            awaited: None,
            gateway: None,
            intent: None,
            since: None,
            word: None,
            phase: Phase::Created { retry_after_s: None },
            version: 1,
        }),
        _ => None,
    }
}

/// What an event changes beside the phase.
fn take_note(payment: &mut Payment, event: &Event) {
    match event {
        Event::ChargeStarted { attempt, amount, number, gateway, .. } => {
            if payment.amount != *amount || payment.gateway != *gateway {
                payment.intent = None;
            }
            payment.attempt = *attempt;
            payment.amount = *amount;
            payment.method_number = payment.method_number.max(*number);
            payment.awaited = None;
            payment.gateway.clone_from(gateway);
        }
        Event::IntentOpened { intent } => payment.intent = Some(intent.clone()),
        Event::ChargeDeclined { unsent, .. } => {
            payment.attempt = unsent.unwrap_or(payment.attempt);
            drop_refused_method(payment);
        }
        Event::ChargeRejected { .. } => drop_refused_method(payment),
        Event::ChargeWithdrawn { .. } => {
            drop_refused_method(payment);
            payment.intent = None;
        }
        // An attempt that could not be made can be made again with the same method.
        Event::ChargeFailed { .. } => {
            if payment.method.is_none() {
                payment.method = payment.charging().cloned();
            }
        }
        Event::MethodKept { method, number } => {
            payment.method = Some(method.clone());
            payment.method_number = payment.method_number.max(*number);
        }
        Event::MethodAwaited(wanted) => payment.awaited = Some(wanted.clone()),
        Event::PaymentClosed => {
            payment.closed = true;
            payment.method = None;
            payment.awaited = None;
        }
        Event::Charged { .. } => {
            payment.method = None;
            payment.intent = None;
        }
        // Whoever pays a debt says anew how.
        Event::PaymentWaived | Event::PaymentOwed => {
            payment.owed = matches!(event, Event::PaymentOwed);
            payment.method = None;
            payment.awaited = None;
        }
        Event::SettledByHand(word) => payment.word = Some(Box::new(word.clone())),
        Event::PaymentOpened { .. }
        | Event::ActionRequired { .. }
        | Event::ChargeRepeated
        | Event::WithdrawalStarted
        | Event::OutcomeUnknown
        | Event::RefundStarted
        | Event::Refunded
        | Event::RefundFailed { .. } => {}
    }
}

/// A refused method is forgotten; one that was given meanwhile is still to be tried.
fn drop_refused_method(payment: &mut Payment) {
    if payment.charging().is_none_or(|refused| payment.method.as_ref() == Some(refused)) {
        payment.method = None;
    }
    payment.awaited = None;
}

fn next_phase(phase: Phase, event: &Event, payment: &Payment) -> Phase {
    match (event, phase) {
        (
            Event::RefundFailed { reason },
            Phase::Refunding { reference } | Phase::Refunded { reference: Some(reference) },
        ) => Phase::RefundFailed { reference, reason: reason.clone(), noted: false },
        (_, refunded @ Phase::Refunded { .. }) => refunded,
        (_, Phase::Waived) => Phase::Waived,
        (Event::ChargeStarted { method, .. }, _) => Phase::Charging { method: method.clone() },
        (Event::Charged { reference }, _) => Phase::Charged { reference: reference.clone() },
        (Event::ChargeDeclined { reason, .. } | Event::ChargeRejected { reason }, _) if payment.owed => {
            Phase::Debt { reason: Some(reason.clone()), retry_after_s: None }
        }
        (Event::ChargeFailed { retry_after_s }, _) if payment.owed => {
            Phase::Debt { reason: None, retry_after_s: Some(*retry_after_s) }
        }
        (Event::ChargeDeclined { reason, .. }, _) => Phase::Declined { reason: reason.clone() },
        (Event::ChargeRejected { reason }, _) => Phase::Rejected { reason: reason.clone() },
        (Event::ChargeFailed { retry_after_s }, _) => Phase::Created { retry_after_s: Some(*retry_after_s) },
        (Event::ChargeWithdrawn { .. }, _) if payment.closed => Phase::Created { retry_after_s: None },
        (Event::ChargeWithdrawn { reason }, _) => {
            let reason = reason.clone().unwrap_or_else(|| WITHDRAWN.to_owned());
            match payment.owed {
                true => Phase::Debt { reason: Some(reason), retry_after_s: None },
                false => Phase::Declined { reason },
            }
        }
        (Event::ActionRequired { action }, Phase::Charging { method } | Phase::Unknown { method, .. }) => {
            Phase::ActionRequired { method, action: action.clone() }
        }
        (
            Event::OutcomeUnknown | Event::WithdrawalStarted,
            Phase::Charging { method } | Phase::ActionRequired { method, .. },
        ) => Phase::Unknown { method, repeats: 0, withdrawing: matches!(event, Event::WithdrawalStarted) },
        (Event::WithdrawalStarted, Phase::Unknown { method, repeats, .. }) => {
            Phase::Unknown { method, repeats, withdrawing: true }
        }
        (Event::ChargeRepeated, Phase::Charging { method }) => {
            Phase::Unknown { method, repeats: 1, withdrawing: false }
        }
        (Event::ChargeRepeated, Phase::Unknown { method, repeats, withdrawing }) => {
            Phase::Unknown { method, repeats: repeats.saturating_add(1), withdrawing }
        }
        (Event::RefundStarted, Phase::Charged { reference }) => Phase::Refunding { reference },
        (Event::SettledByHand(_), Phase::RefundFailed { reference, reason, .. }) => {
            Phase::RefundFailed { reference, reason, noted: true }
        }
        (Event::Refunded, Phase::Refunding { reference } | Phase::RefundFailed { reference, .. }) => {
            let by_hand = payment.word.as_ref().is_some_and(|word| word.outcome == Verdict::Refunded);
            Phase::Refunded { reference: (!by_hand).then_some(reference) }
        }
        (Event::PaymentWaived, Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. }) => {
            Phase::Waived
        }
        (Event::PaymentOwed, Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. }) => {
            Phase::Debt { reason: None, retry_after_s: None }
        }
        (
            Event::PaymentOpened { .. }
            | Event::MethodKept { .. }
            | Event::MethodAwaited(_)
            | Event::IntentOpened { .. }
            | Event::ActionRequired { .. }
            | Event::ChargeRepeated
            | Event::WithdrawalStarted
            | Event::PaymentClosed
            | Event::OutcomeUnknown
            | Event::RefundStarted
            | Event::RefundFailed { .. }
            | Event::Refunded
            | Event::SettledByHand(_)
            | Event::PaymentWaived
            | Event::PaymentOwed,
            phase,
        ) => phase,
    }
}

fn cancel(state: Option<&Payment>, id: &CallId, amount: Money) -> Decision<Event, Effect> {
    let Some(payment) = state else {
        return Decision::event(Event::PaymentOpened { id: id.clone(), amount }).and(Event::PaymentClosed);
    };
    // A call that was served is not called off any more.
    if payment.closed || matches!(payment.phase, Phase::Waived | Phase::Debt { .. }) {
        return Decision::nothing();
    }
    let closed = Decision::event(Event::PaymentClosed);
    match &payment.phase {
        Phase::Charged { reference } => closed.and_all(settling::refund(payment, reference)),
        // It was sent, and nobody waits for the answer: it is given up, unless it has taken the money.
        Phase::Unknown { .. } | Phase::ActionRequired { .. } => closed.and_all(charging::give_up(payment)),
        Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. } if payment.intent.is_some() => {
            closed.then(charging::withdrawal(payment))
        }
        // A charge that is on its way has an outcome soon; what follows then depends on it.
        Phase::Charging { .. }
        | Phase::Created { .. }
        | Phase::Declined { .. }
        | Phase::Rejected { .. }
        | Phase::Refunding { .. }
        | Phase::RefundFailed { .. }
        | Phase::Refunded { .. }
        | Phase::Waived
        | Phase::Debt { .. } => closed,
    }
}

/// The call was served and its fare could not be had.
fn end_unpaid(state: Option<&Payment>, id: &CallId, amount: Money, how: Settlement) -> Decided {
    let ended = Decision::event(match how {
        Settlement::Waived => Event::PaymentWaived,
        Settlement::Debt => Event::PaymentOwed,
    });
    let Some(payment) = state else {
        return Ok(Decision::event(Event::PaymentOpened { id: id.clone(), amount }).and_all(ended));
    };
    match &payment.phase {
        Phase::Created { .. } | Phase::Declined { .. } | Phase::Rejected { .. } if !payment.closed => {
            Ok(match (how, &payment.intent) {
                (Settlement::Waived, Some(_)) => ended.then(charging::withdrawal(payment)),
                _ => ended,
            })
        }
        // Its call settles nothing while a charge is under way: this one would be charged all the same.
        Phase::Charging { .. } | Phase::Unknown { .. } | Phase::ActionRequired { .. } => Err(Rejection::ChargeInFlight),
        // It is settled, or there is nothing to settle: the money was taken, or the call is called off.
        Phase::Created { .. }
        | Phase::Declined { .. }
        | Phase::Rejected { .. }
        | Phase::Charged { .. }
        | Phase::Refunding { .. }
        | Phase::RefundFailed { .. }
        | Phase::Refunded { .. }
        | Phase::Waived
        | Phase::Debt { .. } => Ok(Decision::nothing()),
    }
}

fn confirm_refund(payment: &Payment) -> Decided {
    match &payment.phase {
        Phase::Refunding { .. } | Phase::RefundFailed { .. } => Ok(Decision::event(Event::Refunded)),
        Phase::Refunded { .. } => Ok(Decision::nothing()),
        _ => Err(Rejection::IllegalTransition { state: payment.status().as_str(), command: "confirm the refund" }),
    }
}

fn fail_refund(payment: &Payment, reason: &str) -> Decision<Event, Effect> {
    match &payment.phase {
        // A bank turns a refund away days after the gateway has called it done.
        Phase::Refunding { .. } | Phase::Refunded { reference: Some(_) } => {
            Decision::event(Event::RefundFailed { reason: reason.to_owned() })
        }
        _ => Decision::nothing(),
    }
}

/// Adds the news for the call, when the decision changes what the call can see. The start of an attempt, its intent, its
/// repetition and a method kept are no news: the call asked for them.
fn tell_the_call(
    state: Option<&Payment>,
    decision: Decision<Event, Effect>,
    now: Timestamp,
) -> Decision<Event, Effect> {
    let is_news = |event: &Event| {
        !matches!(
            event,
            Event::PaymentOpened { .. }
                | Event::MethodKept { .. }
                | Event::MethodAwaited(_)
                | Event::IntentOpened { .. }
                | Event::ChargeRepeated
        )
    };
    let started = decision.events.iter().any(|event| matches!(event, Event::ChargeStarted { .. }));
    if started || !decision.events.iter().any(is_news) {
        return decision;
    }
    let word = decision.events.iter().find_map(|event| match event {
        Event::SettledByHand(word) => Some(word.clone()),
        _ => None,
    });
    let after = decision.events.iter().fold(state.cloned(), |state, event| PaymentMachine::evolve(state, event, now));
    match after {
        Some(payment) => decision.then(Effect::Tell(super::News { word, ..payment.news() })),
        None => decision,
    }
}
