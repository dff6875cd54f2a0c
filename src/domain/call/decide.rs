//! What may happen to a call, and what that causes: which command leads where.

use jiff::Timestamp;

use super::{Call, Command, Effect, Event, Phase, approval, dispatch, evolve, paying, steps};
use crate::domain::{
    Decision, Machine, Party, Rejection,
    policy::{Policies, Policy},
};

/// The call as a state machine.
pub enum CallMachine {}

pub(super) type Decided = Result<Decision<Event, Effect>, Rejection>;

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
            (None, Command::Request(new)) => approval::request(new, policy, now),
            (Some(_), Command::Request(_)) => Err(Rejection::Exists),
            (Some(call), command) => decide_existing(call, command, policy, now),
            (None, _) => Err(Rejection::NotFound),
        }
    }

    fn evolve(state: Option<Call>, event: &Event, at: Timestamp) -> Option<Call> {
        evolve::evolve(state, event, at)
    }

    fn due_at(call: &Call) -> Option<Timestamp> {
        let in_flight = call.payment.status.in_flight();
        match &call.phase {
            // While a charge is in flight its outcome decides, not the clock.
            Phase::Requested { unpaid_until } => (!in_flight).then_some(*unpaid_until),
            Phase::AwaitingApproval { until } => Some(*until),
            // What can be charged is charged when the gateway is back, however long that takes.
            Phase::AwaitingPayment { until } => (!in_flight && !call.method_kept).then_some(*until),
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
        Command::Pay { method } => paying::pay(call, method, policy),
        Command::PaymentNews { news, candidates } => Ok(paying::news(call, news, candidates, policy, now)),
        Command::RetryPayment => Ok(paying::retry(call)),
        Command::SettleBooking { booked, method } => {
            Ok(approval::settle_booking(call, booked.as_ref(), method.as_ref(), policy, now))
        }
        Command::Approve { by, reason } => approval::approve(call, by, reason.as_deref(), policy, now),
        Command::Reject { by, reason } => approval::reject(call, by, reason.as_deref()),
        Command::Offer { round, reached, drivers } => Ok(dispatch::offer(call, *round, *reached, drivers, policy, now)),
        Command::Withdraw { drivers } => Ok(dispatch::withdraw(call, drivers)),
        Command::Accept { driver, service } => dispatch::accept(call, driver, service),
        Command::Decline { driver } => dispatch::decline(call, driver),
        Command::Start { by } => steps::start(call, by, policy),
        Command::Complete { by } => steps::complete(call, by, policy),
        Command::Cancel { by, reason } => steps::cancel(call, by, reason.as_deref()),
        Command::Wake => Ok(wake(call, now)),
    }
}

fn wake(call: &Call, now: Timestamp) -> Decision<Event, Effect> {
    let idle = !call.payment.status.in_flight();
    let lapsed = |reason: &str| steps::cancelled(call, Party::System, Some(reason.to_owned()));
    match &call.phase {
        Phase::Requested { unpaid_until } if now >= *unpaid_until && idle => lapsed("unpaid"),
        Phase::AwaitingApproval { until } if now >= *until => lapsed("not_approved"),
        Phase::AwaitingPayment { until } if now >= *until && idle && !call.method_kept => lapsed("unpaid"),
        Phase::Dispatching(search) => dispatch::wake(call, search, now),
        Phase::Requested { .. }
        | Phase::AwaitingApproval { .. }
        | Phase::AwaitingPayment { .. }
        | Phase::Assigned { .. }
        | Phase::Started { .. }
        | Phase::Completed { .. }
        | Phase::Cancelled { .. }
        | Phase::Denied { .. } => Decision::nothing(),
    }
}

/// The refusal of a command that the phase does not allow.
pub(super) fn illegal(call: &Call, command: &'static str) -> Rejection {
    Rejection::IllegalTransition { state: call.phase.status(), command }
}
