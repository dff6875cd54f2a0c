//! Decides on the commands of a call: the events and effects of each command in each phase.

use jiff::Timestamp;

use super::{
    Call, Command, Effect, Event, Phase, approval, dispatch, evolve, paying, request, settling,
    steps::{self, PERIOD_OVER, lapsed},
    terms,
};
use crate::domain::{Decision, Machine, Party, Rejection, Undecided, policy::Policies};

/// The call as a state machine.
pub enum CallMachine {}

impl Machine for CallMachine {
    type State = Call;
    type Command = Command;
    type Event = Event;
    type Effect = Effect;
    type Policy = Policies;

    fn decide(
        state: Option<&Call>,
        command: &Command,
        policies: &Policies,
        now: Timestamp,
    ) -> Result<Decision<Event, Effect>, Undecided> {
        match (state, command) {
            (Some(call), command) => decide_existing(call, command, policies, now),
            (None, Command::Request(new)) => {
                let unknown = || Rejection::Invalid(format!("/service: there is no service {}", new.service));
                Ok(request::request(new, policies.get(&new.service).ok_or_else(unknown)?, now)?)
            }
            (None, _) => Err(Rejection::NotFound.into()),
        }
    }

    fn evolve(state: Option<Call>, event: &Event, at: Timestamp) -> Option<Call> {
        evolve::evolve(state, event, at)
    }

    fn due_at(call: &Call) -> Option<Timestamp> {
        let in_flight = call.payment.status.in_flight();
        let over = call.period.map(|period| period.to);
        match &call.phase {
            // While a charge is in flight its outcome decides, not the clock, unless what it is for is over.
            Phase::Requested { .. } if in_flight => over,
            Phase::Requested { unpaid_until } => Some(*unpaid_until),
            Phase::AwaitingApproval { until } => Some(*until),
            // What can be charged is charged when the gateway is back, however long that takes, unless it is over by then.
            Phase::AwaitingPayment { .. } if in_flight || call.method_kept => over,
            Phase::AwaitingPayment { until } => Some(*until),
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

/// The terms are asked for only where they are needed: a call whose terms are not known can still be taken, called off
/// and told of its money, and one that is over needs none.
fn decide_existing(
    call: &Call,
    command: &Command,
    policies: &Policies,
    now: Timestamp,
) -> Result<Decision<Event, Effect>, Undecided> {
    let policy = || call.policy(policies);
    if call.phase.is_terminal()
        && policy().is_err()
        && let Some(decided) = terms::without(call, command)
    {
        return Ok(decided?);
    }
    Ok(match command {
        Command::Request(_) => Err(Rejection::Exists),
        Command::Pay { method } if call.phase.is_terminal() => paying::pay_debt(call, method),
        Command::Pay { method } => paying::pay(call, method, policy()?, now),
        Command::PaymentNews { news, candidates } => Ok(paying::news(call, news, candidates, policies, now)?),
        Command::RetryPayment => Ok(paying::retry(call, now)),
        Command::SettleBooking { booked, method } => {
            Ok(request::settle_booking(call, booked.as_ref(), method.as_ref(), policies, now)?)
        }
        Command::Approve { by, reason } => approval::approve(call, by, reason.as_deref(), policy()?, now),
        Command::Reject { by, reason } => approval::reject(call, by, reason.as_deref()),
        Command::Offer { round, reached, drivers } => {
            Ok(dispatch::offer(call, *round, *reached, drivers, policy()?, now))
        }
        Command::Withdraw { drivers } => Ok(dispatch::withdraw(call, drivers)),
        Command::Accept { driver, service } => dispatch::accept(call, driver, service, now),
        Command::GiveBack { driver } => Ok(dispatch::give_back(call, driver, policy()?, now)),
        Command::Decline { driver } => dispatch::decline(call, driver),
        Command::Start { by } => steps::start(call, by, policy()?, now),
        Command::Complete { by } => paying::complete(call, by, policy()?),
        // Where drivers are found for the customer, one who cannot come does not end the customer's call.
        Command::Cancel { by: by @ Party::Driver(driver), reason } if dispatch::is_released_by(call, driver) => {
            dispatch::release(call, by, reason.as_deref(), policy()?, now)
        }
        Command::Cancel { by, reason } => steps::cancel(call, by, reason.as_deref()),
        Command::Release { by, reason } => dispatch::release(call, by, reason.as_deref(), policy()?, now),
        Command::Settle { by, how, reason } => settling::settle(call, by, *how, reason),
        Command::AccountTold { owes } => Ok(settling::account_told(call, *owes)),
        Command::Wake => Ok(wake(call, now)),
    }?)
}

fn wake(call: &Call, now: Timestamp) -> Decision<Event, Effect> {
    let idle = !call.payment.status.in_flight();
    match &call.phase {
        Phase::Requested { unpaid_until } if now >= *unpaid_until && idle => lapsed(call, "unpaid"),
        Phase::AwaitingApproval { until } if now >= *until => lapsed(call, "not_approved"),
        Phase::AwaitingPayment { until } if now >= *until && idle && !call.method_kept => lapsed(call, "unpaid"),
        Phase::Requested { .. } | Phase::AwaitingPayment { .. } if call.is_over(now) => lapsed(call, PERIOD_OVER),
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
