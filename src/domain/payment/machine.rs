//! Decides on the commands of a payment, and applies its events.

use jiff::Timestamp;

use super::{Awaited, Command, Effect, Event, Method, Outcome, Payment, PaymentStatus, Phase, Settlement};
use crate::domain::{CallId, Decision, Machine, Money, Rejection, Undecided, policy::Policies};

/// The payment as a state machine.
pub enum PaymentMachine {}

type Decided = Result<Decision<Event, Effect>, Rejection>;

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
        let decided = match command {
            Command::Charge { id, attempt, amount, method, number } => {
                let wanted = Awaited { attempt: *attempt, amount: *amount, number: *number };
                charge(state, id, wanted, method.as_ref())
            }
            Command::KeepMethod { id, amount, method, number } => Ok(keep_method(state, id, *amount, method, *number)),
            Command::Settle { attempt, outcome } => settle(state.ok_or(Rejection::NotFound)?, *attempt, outcome),
            Command::Cancel { id, amount } => Ok(cancel(state, id, *amount)),
            Command::EndUnpaid { id, amount, how } => end_unpaid(state, id, *amount, *how),
            Command::ConfirmRefund => confirm_refund(state.ok_or(Rejection::NotFound)?),
            Command::Wake => Ok(Decision::nothing()),
        }?;
        Ok(tell_the_call(state, decided, now))
    }

    fn evolve(state: Option<Payment>, event: &Event, _: Timestamp) -> Option<Payment> {
        let Some(mut payment) = state else {
            return match event {
                Event::PaymentOpened { id, amount } => Some(Payment {
                    id: id.clone(),
                    amount: *amount,
                    attempt: 0,
                    closed: false,
                    owed: false,
                    method: None,
                    method_number: 0,
                    awaited: None,
                    phase: Phase::Created { retry_after_s: None },
                    version: 1,
                }),
                _ => None,
            };
        };
        payment.version += 1;
        match event {
            Event::ChargeStarted { attempt, amount, number, .. } => {
                payment.attempt = *attempt;
                payment.amount = *amount;
                payment.method_number = payment.method_number.max(*number);
                payment.awaited = None;
            }
            Event::ChargeDeclined { unsent, .. } => {
                payment.attempt = unsent.unwrap_or(payment.attempt);
                // One that was given meanwhile is still to be tried.
                if payment.charging().is_none_or(|refused| payment.method.as_ref() == Some(refused)) {
                    payment.method = None;
                }
                payment.awaited = None;
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
            Event::Charged { .. } => payment.method = None,
            // Whoever pays a debt says anew how.
            Event::PaymentWaived | Event::PaymentOwed => {
                payment.owed = matches!(event, Event::PaymentOwed);
                payment.method = None;
                payment.awaited = None;
            }
            Event::PaymentOpened { .. } | Event::OutcomeUnknown | Event::RefundStarted | Event::Refunded => {}
        }
        payment.phase = next_phase(payment.phase, event, payment.owed);
        Some(payment)
    }

    fn due_at(_: &Payment) -> Option<Timestamp> {
        None
    }

    fn wake() -> Command {
        Command::Wake
    }

    fn is_terminal(payment: &Payment) -> bool {
        match payment.status() {
            PaymentStatus::Created | PaymentStatus::Declined => payment.closed,
            // It keeps its call in the store, which is the way to pay it.
            PaymentStatus::Debt => false,
            PaymentStatus::Charging | PaymentStatus::Unknown | PaymentStatus::Refunding => false,
            // A charged payment waits for its call: nothing of its own is ahead of it.
            PaymentStatus::Charged | PaymentStatus::Refunded | PaymentStatus::Waived => true,
        }
    }
}

fn next_phase(phase: Phase, event: &Event, owed: bool) -> Phase {
    match (event, phase) {
        (_, Phase::Refunded) => Phase::Refunded,
        (_, Phase::Waived) => Phase::Waived,
        (Event::ChargeStarted { method, .. }, _) => Phase::Charging { method: method.clone() },
        (Event::Charged { reference }, _) => Phase::Charged { reference: reference.clone() },
        (Event::ChargeDeclined { reason, .. }, _) if owed => {
            Phase::Debt { reason: Some(reason.clone()), retry_after_s: None }
        }
        (Event::ChargeFailed { retry_after_s }, _) if owed => {
            Phase::Debt { reason: None, retry_after_s: Some(*retry_after_s) }
        }
        (Event::ChargeDeclined { reason, .. }, _) => Phase::Declined { reason: reason.clone() },
        (Event::ChargeFailed { retry_after_s }, _) => Phase::Created { retry_after_s: Some(*retry_after_s) },
        (Event::OutcomeUnknown, Phase::Charging { method }) => Phase::Unknown { method },
        (Event::RefundStarted, Phase::Charged { reference }) => Phase::Refunding { reference },
        (Event::Refunded, Phase::Refunding { .. }) => Phase::Refunded,
        (Event::PaymentWaived, Phase::Created { .. } | Phase::Declined { .. }) => Phase::Waived,
        (Event::PaymentOwed, Phase::Created { .. } | Phase::Declined { .. }) => {
            Phase::Debt { reason: None, retry_after_s: None }
        }
        (
            Event::PaymentOpened { .. }
            | Event::MethodKept { .. }
            | Event::MethodAwaited(_)
            | Event::PaymentClosed
            | Event::OutcomeUnknown
            | Event::RefundStarted
            | Event::Refunded
            | Event::PaymentWaived
            | Event::PaymentOwed,
            phase,
        ) => phase,
    }
}

/// Keeps a method, unless a newer one is known, and makes the charge that waited for it.
fn keep_method(
    state: Option<&Payment>,
    id: &CallId,
    amount: Money,
    method: &Method,
    number: u32,
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
            Decision::event(kept).and_all(started(&Awaited { number, ..wanted }, method))
        }
        Some(_) | None => Decision::event(kept),
    }
}

fn charge(state: Option<&Payment>, id: &CallId, wanted: Awaited, method: Option<&Method>) -> Decided {
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
    Ok(match method.or(kept) {
        Some(method) => decision.and_all(started(&wanted, method)),
        // It was overtaken by its charge.
        None if wanted.number > newest => decision.and(Event::MethodAwaited(wanted)),
        None => {
            let reason = "no payment method was given".to_owned();
            decision.and(Event::ChargeDeclined { unsent: Some(wanted.attempt), reason })
        }
    })
}

fn started(wanted: &Awaited, method: &Method) -> Decision<Event, Effect> {
    let Awaited { attempt, amount, number } = *wanted;
    Decision::event(Event::ChargeStarted { attempt, amount, method: method.clone(), number }).then(Effect::Submit {
        attempt,
        amount,
        method: method.clone(),
    })
}

fn settle(payment: &Payment, attempt: u32, outcome: &Outcome) -> Decided {
    let (method, known_unknown) = match &payment.phase {
        Phase::Charging { method } => (method, false),
        Phase::Unknown { method } => (method, true),
        // Settled before: the outcome of a key does not change.
        Phase::Created { .. }
        | Phase::Declined { .. }
        | Phase::Charged { .. }
        | Phase::Refunding { .. }
        | Phase::Refunded
        | Phase::Waived
        | Phase::Debt { .. } => return Ok(Decision::nothing()),
    };
    if attempt != payment.attempt {
        return Ok(Decision::nothing());
    }
    Ok(match outcome {
        Outcome::Charged { reference } => charged(payment, reference),
        Outcome::Declined { reason } => Decision::event(Event::ChargeDeclined { unsent: None, reason: reason.clone() }),
        Outcome::NotCharged { retry_after_s } => Decision::event(Event::ChargeFailed { retry_after_s: *retry_after_s }),
        Outcome::Unknown if known_unknown => Decision::nothing(),
        Outcome::Unknown => Decision::event(Event::OutcomeUnknown).then(Effect::Resolve {
            attempt,
            amount: payment.amount,
            method: method.clone(),
        }),
    })
}

fn charged(payment: &Payment, reference: &std::sync::Arc<str>) -> Decision<Event, Effect> {
    let charged = Decision::event(Event::Charged { reference: reference.clone() });
    if payment.closed {
        charged.and(Event::RefundStarted).then(Effect::Refund { reference: reference.clone(), amount: payment.amount })
    } else {
        charged
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
        Phase::Charged { reference } => closed
            .and(Event::RefundStarted)
            .then(Effect::Refund { reference: reference.clone(), amount: payment.amount }),
        Phase::Created { .. }
        | Phase::Charging { .. }
        | Phase::Unknown { .. }
        | Phase::Declined { .. }
        | Phase::Refunding { .. }
        | Phase::Refunded
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
        Phase::Created { .. } | Phase::Declined { .. } if !payment.closed => Ok(ended),
        // Its call settles nothing while a charge is under way: this one would be charged all the same.
        Phase::Charging { .. } | Phase::Unknown { .. } => Err(Rejection::ChargeInFlight),
        // It is settled, or there is nothing to settle: the money was taken, or the call is called off.
        Phase::Created { .. }
        | Phase::Declined { .. }
        | Phase::Charged { .. }
        | Phase::Refunding { .. }
        | Phase::Refunded
        | Phase::Waived
        | Phase::Debt { .. } => Ok(Decision::nothing()),
    }
}

fn confirm_refund(payment: &Payment) -> Decided {
    match &payment.phase {
        Phase::Refunding { .. } => Ok(Decision::event(Event::Refunded)),
        Phase::Refunded => Ok(Decision::nothing()),
        Phase::Created { .. }
        | Phase::Charging { .. }
        | Phase::Unknown { .. }
        | Phase::Declined { .. }
        | Phase::Charged { .. }
        | Phase::Waived
        | Phase::Debt { .. } => {
            Err(Rejection::IllegalTransition { state: payment.status().as_str(), command: "confirm the refund" })
        }
    }
}

/// Adds the news for the call, when the decision changes what the call can see. The start of an attempt and a method
/// kept are no news: the call asked for them.
fn tell_the_call(
    state: Option<&Payment>,
    decision: Decision<Event, Effect>,
    now: Timestamp,
) -> Decision<Event, Effect> {
    let is_news = |event: &Event| {
        !matches!(event, Event::PaymentOpened { .. } | Event::MethodKept { .. } | Event::MethodAwaited(_))
    };
    let started = decision.events.iter().any(|event| matches!(event, Event::ChargeStarted { .. }));
    if started || !decision.events.iter().any(is_news) {
        return decision;
    }
    let after = decision.events.iter().fold(state.cloned(), |state, event| PaymentMachine::evolve(state, event, now));
    match after {
        Some(payment) => decision.then(Effect::Tell(payment.news())),
        None => decision,
    }
}
