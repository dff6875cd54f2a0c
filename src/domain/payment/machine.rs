//! The payment's transitions.

use jiff::Timestamp;

use super::{Command, Effect, Event, Method, Outcome, Payment, PaymentStatus, Phase};
use crate::domain::{CallId, Decision, Machine, Money, Rejection, policy::Policies};

/// The payment as a state machine.
pub enum PaymentMachine {}

type Decided = Result<Decision<Event, Effect>, Rejection>;

impl Machine for PaymentMachine {
    type State = Payment;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(state: Option<&Payment>, command: &Command, _: &Policies, now: Timestamp) -> Decided {
        let decided = match command {
            Command::Charge { id, attempt, amount, method } => charge(state, id, *attempt, *amount, method.as_ref()),
            Command::KeepMethod { id, amount, method } => keep_method(state, id, *amount, method),
            Command::Settle { attempt, outcome } => settle(state.ok_or(Rejection::NotFound)?, *attempt, outcome),
            Command::Cancel { id, amount } => Ok(cancel(state, id, *amount)),
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
                    method: None,
                    phase: Phase::Created { retry_after_s: None },
                    version: 1,
                }),
                _ => None,
            };
        };
        payment.version += 1;
        match event {
            Event::ChargeStarted { attempt, amount, .. } => {
                payment.attempt = *attempt;
                payment.amount = *amount;
            }
            Event::ChargeDeclined { unsent, .. } => {
                payment.attempt = unsent.unwrap_or(payment.attempt);
                payment.method = None;
            }
            // An attempt that could not be made can be made again with the same method.
            Event::ChargeFailed { .. } => {
                if let Phase::Charging { method } | Phase::Unknown { method } = &payment.phase {
                    payment.method = Some(method.clone());
                }
            }
            Event::MethodKept { method } => payment.method = Some(method.clone()),
            Event::PaymentClosed => {
                payment.closed = true;
                payment.method = None;
            }
            Event::Charged { .. } => payment.method = None,
            Event::PaymentOpened { .. } | Event::OutcomeUnknown | Event::RefundStarted | Event::Refunded => {}
        }
        payment.phase = next_phase(payment.phase, event);
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
            PaymentStatus::Charging | PaymentStatus::Unknown | PaymentStatus::Refunding => false,
            // A charged payment waits for its call: nothing of its own is ahead of it.
            PaymentStatus::Charged | PaymentStatus::Refunded => true,
        }
    }
}

fn next_phase(phase: Phase, event: &Event) -> Phase {
    match (event, phase) {
        (_, Phase::Refunded) => Phase::Refunded,
        (Event::ChargeStarted { method, .. }, _) => Phase::Charging { method: method.clone() },
        (Event::Charged { reference }, _) => Phase::Charged { reference: reference.clone() },
        (Event::ChargeDeclined { reason, .. }, _) => Phase::Declined { reason: reason.clone() },
        (Event::ChargeFailed { retry_after_s }, _) => Phase::Created { retry_after_s: Some(*retry_after_s) },
        (Event::OutcomeUnknown, Phase::Charging { method }) => Phase::Unknown { method },
        (Event::RefundStarted, Phase::Charged { reference }) => Phase::Refunding { reference },
        (Event::Refunded, Phase::Refunding { .. }) => Phase::Refunded,
        (
            Event::PaymentOpened { .. }
            | Event::MethodKept { .. }
            | Event::PaymentClosed
            | Event::OutcomeUnknown
            | Event::RefundStarted
            | Event::Refunded,
            phase,
        ) => phase,
    }
}

fn keep_method(state: Option<&Payment>, id: &CallId, amount: Money, method: &Method) -> Decided {
    let kept = Event::MethodKept { method: method.clone() };
    let Some(payment) = state else {
        return Ok(Decision::event(Event::PaymentOpened { id: id.clone(), amount }).and(kept));
    };
    let open = !payment.closed && matches!(payment.phase, Phase::Created { .. } | Phase::Declined { .. });
    Ok(if open && payment.method.as_ref() != Some(method) { Decision::event(kept) } else { Decision::nothing() })
}

fn charge(state: Option<&Payment>, id: &CallId, attempt: u32, amount: Money, method: Option<&Method>) -> Decided {
    let mut decision = Decision::nothing();
    if let Some(payment) = state {
        if attempt <= payment.attempt {
            return Ok(decision);
        }
        let open = !payment.closed && matches!(payment.phase, Phase::Created { .. } | Phase::Declined { .. });
        if !open {
            return Err(Rejection::IllegalTransition { state: payment.status().as_str(), command: "charge" });
        }
    } else {
        decision.events.push(Event::PaymentOpened { id: id.clone(), amount });
    }
    let Some(method) = method.or_else(|| state?.method.as_ref()) else {
        let reason = "no payment method was given".to_owned();
        return Ok(decision.and(Event::ChargeDeclined { unsent: Some(attempt), reason }));
    };
    Ok(decision.and(Event::ChargeStarted { attempt, amount, method: method.clone() }).then(Effect::Submit {
        attempt,
        amount,
        method: method.clone(),
    }))
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
        | Phase::Refunded => return Ok(Decision::nothing()),
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
    if payment.closed {
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
        | Phase::Refunded => closed,
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
        | Phase::Charged { .. } => {
            Err(Rejection::IllegalTransition { state: payment.status().as_str(), command: "confirm the refund" })
        }
    }
}

/// Adds the news for the call, when the decision changes what the call can see. The start of an attempt and a method kept
/// are no news: the call asked for them.
fn tell_the_call(
    state: Option<&Payment>,
    decision: Decision<Event, Effect>,
    now: Timestamp,
) -> Decision<Event, Effect> {
    let is_news = |event: &Event| !matches!(event, Event::PaymentOpened { .. } | Event::MethodKept { .. });
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
