//! What may happen to a call, and what that causes.

use jiff::Timestamp;

use super::{Call, Command, DenyReason, Effect, Event, Phase, Request, Requested, dispatch, evolve};
use crate::domain::{
    Decision, DriverId, Machine, Party, Rejection, Role,
    payment::{Method, News, PaymentStatus},
    policy::{Policies, Policy},
};

/// The call as a state machine.
pub enum CallMachine {}

type Decided = Result<Decision<Event, Effect>, Rejection>;

impl Machine for CallMachine {
    type State = Call;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(state: Option<&Call>, command: &Command, policies: &Policies, now: Timestamp) -> Decided {
        let service = match (state, command) {
            (Some(call), _) => &call.service,
            (None, Command::Request(request)) => &request.service,
            (None, _) => return Err(Rejection::NotFound),
        };
        let policy =
            policies.get(service).ok_or_else(|| Rejection::Invalid(format!("there is no service {service}")))?;
        match (state, command) {
            (None, Command::Request(new)) => request(new, policy, now),
            (Some(_), Command::Request(_)) => Err(Rejection::Exists),
            (Some(call), command) => decide_existing(call, command, policy, now),
            (None, _) => Err(Rejection::NotFound),
        }
    }

    fn evolve(state: Option<Call>, event: &Event, at: Timestamp) -> Option<Call> {
        evolve::evolve(state, event, at)
    }

    fn due_at(call: &Call) -> Option<Timestamp> {
        match &call.phase {
            // While a charge is in flight its outcome decides, not the clock.
            Phase::Requested { unpaid_until } => (!call.payment.status.in_flight()).then_some(*unpaid_until),
            Phase::Dispatching(search) => Some(dispatch::due_at(search)),
            Phase::Assigned { .. }
            | Phase::Started { .. }
            | Phase::Completed { .. }
            | Phase::Cancelled { .. }
            | Phase::Denied { .. } => None,
        }
    }

    fn wake() -> Command {
        Command::Wake
    }

    fn is_terminal(call: &Call) -> bool {
        call.phase.is_terminal()
    }
}

fn decide_existing(call: &Call, command: &Command, policy: &Policy, now: Timestamp) -> Decided {
    match command {
        Command::Request(_) => Err(Rejection::Exists),
        Command::Pay { method } => pay(call, method, policy),
        Command::PaymentNews { news, candidates } => Ok(payment_news(call, news, candidates, policy, now)),
        Command::Offer { round, reached, drivers } => Ok(dispatch::offer(call, *round, *reached, drivers, policy, now)),
        Command::Accept { driver, service } => dispatch::accept(call, driver, service),
        Command::Decline { driver } => dispatch::decline(call, driver),
        Command::Start { by } => start(call, by, policy),
        Command::Complete { by } => complete(call, by, policy),
        Command::Cancel { by, reason } => cancel(call, by, reason.as_deref()),
        Command::Wake => Ok(wake(call, now)),
    }
}

fn request(new: &Request, policy: &Policy, now: Timestamp) -> Decided {
    check_minimum(new.fare.amount, policy)?;
    let requested = Decision::event(Event::Requested(Box::new(Requested {
        id: new.id.clone(),
        service: new.service.clone(),
        customer_id: new.customer_id.clone(),
        pickup: new.pickup.clone(),
        dropoff: new.dropoff.clone(),
        note: new.note.clone(),
        fare: new.fare,
        request_fingerprint: new.request_fingerprint.clone(),
        unpaid_until: now + policy.unpaid_time(),
    })));
    if !policy.serves(new.pickup.position(), new.dropoff.as_ref().map(crate::domain::Place::position)) {
        return Ok(requested.and(Event::Denied { reason: DenyReason::OutOfArea }));
    }
    Ok(match &new.method {
        Some(method) => requested.and(Event::PaymentStarted { attempt: 1 }).then(Effect::Charge {
            attempt: 1,
            amount: new.fare,
            method: method.clone(),
        }),
        None => requested,
    })
}

fn check_minimum(amount: u64, policy: &Policy) -> Result<(), Rejection> {
    let minimum = policy.file.payment.minimum;
    if amount < minimum { Err(Rejection::BelowMinimum { amount, minimum }) } else { Ok(()) }
}

fn pay(call: &Call, method: &Method, policy: &Policy) -> Decided {
    match &call.phase {
        Phase::Requested { .. } => {}
        Phase::Dispatching(_) | Phase::Assigned { .. } | Phase::Started { .. } => return Ok(Decision::nothing()),
        Phase::Completed { .. } | Phase::Cancelled { .. } | Phase::Denied { .. } => return Err(illegal(call, "pay")),
    }
    // A repetition while the first attempt is in flight waits for that one's outcome.
    if call.payment.status.in_flight() {
        return Ok(Decision::nothing());
    }
    check_minimum(call.fare.amount, policy)?;
    let attempt = call.payment.attempt + 1;
    Ok(Decision::event(Event::PaymentStarted { attempt }).then(Effect::Charge {
        attempt,
        amount: call.fare,
        method: method.clone(),
    }))
}

fn payment_news(
    call: &Call,
    news: &News,
    candidates: &[DriverId],
    policy: &Policy,
    now: Timestamp,
) -> Decision<Event, Effect> {
    if news.version <= call.payment.version {
        return Decision::nothing();
    }
    let changed = Decision::event(Event::PaymentChanged(news.clone()));
    let newly_paid = news.status == PaymentStatus::Charged && matches!(call.phase, Phase::Requested { .. });
    if !newly_paid {
        return changed;
    }
    // The area may have changed between the request and the payment: then the money goes back.
    if !policy.serves(call.pickup.position(), call.dropoff.as_ref().map(crate::domain::Place::position)) {
        return changed
            .and(Event::Denied { reason: DenyReason::OutOfArea })
            .then(Effect::CancelPayment { amount: call.fare });
    }
    let dispatch = changed.and(Event::DispatchStarted { deadline: now + policy.dispatch_time() });
    match dispatch::offer_event(None, 0, candidates, policy, now) {
        Some(offered) => dispatch.and(offered),
        None => dispatch,
    }
}

fn start(call: &Call, by: &Party, policy: &Policy) -> Decided {
    may_step(call, by, &policy.file.steps.start)?;
    match &call.phase {
        Phase::Assigned { .. } => Ok(Decision::event(Event::Started { by: by.clone() })),
        Phase::Started { .. } => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::Dispatching(_)
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "start")),
    }
}

fn complete(call: &Call, by: &Party, policy: &Policy) -> Decided {
    may_step(call, by, &policy.file.steps.complete)?;
    match &call.phase {
        Phase::Started { driver } => Ok(Decision::event(Event::Completed { by: by.clone() })
            .then(Effect::ReleaseDriver { driver: driver.id.clone() })),
        Phase::Completed { .. } => Ok(Decision::nothing()),
        Phase::Requested { .. }
        | Phase::Dispatching(_)
        | Phase::Assigned { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Err(illegal(call, "complete")),
    }
}

/// Whether the policy lets this party take this step. Other people's calls do not exist for customers and drivers.
fn may_step(call: &Call, by: &Party, roles: &[Role]) -> Result<(), Rejection> {
    let (role, own) = match by {
        Party::Customer(customer) => (Role::Customer, *customer == call.customer_id),
        Party::Driver(driver) => (Role::Driver, call.phase.driver().is_some_and(|card| card.id == *driver)),
        Party::Operator(_) => (Role::Operator, true),
        Party::System => return Ok(()),
    };
    match (own, roles.contains(&role)) {
        (false, _) => Err(Rejection::NotFound),
        (true, false) => Err(Rejection::Forbidden),
        (true, true) => Ok(()),
    }
}

fn cancel(call: &Call, by: &Party, reason: Option<&str>) -> Decided {
    may_step(call, by, &[Role::Customer, Role::Driver, Role::Operator])?;
    match &call.phase {
        Phase::Requested { .. } | Phase::Dispatching(_) | Phase::Assigned { .. } => {
            Ok(cancelled(call, by.clone(), reason.map(str::to_owned)))
        }
        Phase::Cancelled { by: before, .. } if before == by => Ok(Decision::nothing()),
        Phase::Started { .. } | Phase::Completed { .. } | Phase::Cancelled { .. } | Phase::Denied { .. } => {
            Err(illegal(call, "cancel"))
        }
    }
}

/// The cancel and what it owes: the money back, the driver free.
pub(super) fn cancelled(call: &Call, by: Party, reason: Option<String>) -> Decision<Event, Effect> {
    let mut decision = Decision::event(Event::Cancelled { by, reason });
    if call.payment.attempt > 0 {
        decision = decision.then(Effect::CancelPayment { amount: call.fare });
    }
    match call.phase.current_driver() {
        Some(driver) => decision.then(Effect::ReleaseDriver { driver: driver.id.clone() }),
        None => decision,
    }
}

fn wake(call: &Call, now: Timestamp) -> Decision<Event, Effect> {
    match &call.phase {
        Phase::Requested { unpaid_until } if now >= *unpaid_until && !call.payment.status.in_flight() => {
            cancelled(call, Party::System, Some("unpaid".to_owned()))
        }
        Phase::Dispatching(search) => dispatch::wake(call, search, now),
        Phase::Requested { .. }
        | Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Decision::nothing(),
    }
}

fn illegal(call: &Call, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: call.phase.status(), command }
}
