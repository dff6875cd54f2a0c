//! The rules: what may be read back, given what was acknowledged.

use crate::{
    scenario::Transport,
    wire::CallSeen,
    work::{Driven, Stage, State},
};

/// A call that was read back.
pub(super) enum Seen {
    Is { state: Option<State>, status: String, version: u64, payment: String, driver: Option<String> },
    Missing,
    Unreadable,
}

/// The money that moved.
pub(super) enum Movements {
    Are { charges: Vec<u64>, refunds: Vec<u64> },
    Unreadable,
    NotAsked,
}

/// What is wrong with a call.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub wrong_state: bool,
    pub lost: bool,
    pub double_charge: bool,
    pub wrong_money: bool,
    pub unreadable: bool,
    pub with_ledger: bool,
    pub words: String,
}

impl Seen {
    pub(super) fn of(call: &CallSeen<'_>) -> Self {
        Self::Is {
            state: State::read(&call.status),
            status: call.status.to_string(),
            version: call.version,
            payment: call.payment.status.to_string(),
            driver: call.driver.as_ref().map(|driver| driver.id.to_string()),
        }
    }
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        !(self.wrong_state || self.lost || self.double_charge || self.wrong_money || self.unreadable)
    }

    /// Whether time may make it good: refunds are owed, reads are refused under load.
    pub(super) fn may_settle(&self) -> bool {
        (self.wrong_money || self.unreadable) && !(self.wrong_state || self.lost || self.double_charge)
    }
}

pub(super) fn judge(stage: &Stage, driven: &Driven, seen: &Seen, movements: &Movements) -> Verdict {
    let mut verdict = Verdict::default();
    match seen {
        Seen::Missing => {
            verdict.lost = true;
            verdict.words = format!("{}: acknowledged as {:?}, but there is no such call", driven.id, driven.acked);
        }
        Seen::Unreadable => {
            verdict.unreadable = true;
            verdict.words = format!("{}: acknowledged as {:?}, cannot be read", driven.id, driven.acked);
        }
        Seen::Is { state, status, version, payment, driver } => {
            let drivers = driven.driver.map(|number| stage.crowd.driver(number).id.as_str());
            let goes_on = driven.open || stage.scenario.drivers.transport == Transport::Websocket;
            verdict.lost = *version < driven.version;
            verdict.wrong_state = !may_be(driven, *state, goes_on)
                || !(driven.open || right_driver(driven.acked, drivers, driver.as_deref()));
            judge_money(&mut verdict, driven, *state, payment, movements);
            verdict.words = format!(
                "{}: acknowledged as {:?} (version {}), reads back as {status} (version {version}), payment {payment}{}",
                driven.id,
                driven.acked,
                driven.version,
                in_words(movements)
            );
        }
    }
    verdict
}

/// Whether a call names the driver that it should. One that was cancelled may never have had the driver that asked for it.
fn right_driver(acked: State, expected: Option<&str>, named: Option<&str>) -> bool {
    match (expected, named) {
        (Some(expected), Some(named)) => acked <= State::Dispatching || expected == named,
        (Some(_), None) => !(State::Assigned..=State::Completed).contains(&acked),
        (None, _) => true,
    }
}

/// Whether a call may be in this state.
pub(super) fn may_be(driven: &Driven, state: Option<State>, goes_on: bool) -> bool {
    let Some(state) = state else { return false };
    let may_come = |from: State| state == from || by_itself(from, goes_on).contains(&state);
    may_come(driven.acked) || driven.maybe.is_some_and(may_come)
}

/// Where a call may go from a state without being asked to. An acknowledged assignment may stand when its cancel went
/// unheard; everything else has to be asked for.
fn by_itself(from: State, goes_on: bool) -> &'static [State] {
    match from {
        State::Requested if goes_on => &[State::Dispatching, State::Assigned, State::Cancelled],
        State::Dispatching if goes_on => &[State::Assigned, State::Cancelled],
        State::AwaitingPayment => &[State::Dispatching, State::Assigned],
        State::Requested
        | State::AwaitingApproval
        | State::Dispatching
        | State::Assigned
        | State::Started
        | State::Completed
        | State::Cancelled
        | State::Denied => &[],
    }
}

fn judge_money(verdict: &mut Verdict, driven: &Driven, state: Option<State>, payment: &str, movements: &Movements) {
    let (charges, refunds) = match movements {
        Movements::Are { charges, refunds } => (charges, refunds),
        Movements::Unreadable => return verdict.unreadable = true,
        Movements::NotAsked => return,
    };
    verdict.with_ledger = true;
    verdict.double_charge = charges.len() > 1 || refunds.len() > 1;
    let right_amounts = charges.iter().chain(refunds).all(|amount| *amount == driven.amount);
    let right = match state {
        Some(state) if state.is_paid(driven.due) => charges.len() == 1 && refunds.is_empty() && payment == "charged",
        // Whatever was taken is given back.
        Some(State::Cancelled | State::Denied) => {
            charges.len() == refunds.len() && (charges.is_empty() || payment == "refunded")
        }
        _ => charges.is_empty() || matches!(payment, "charging" | "unknown"),
    };
    verdict.wrong_money = !(right_amounts && right);
}

fn in_words(movements: &Movements) -> String {
    match movements {
        Movements::Are { charges, refunds } => format!(", charges {charges:?}, refunds {refunds:?}"),
        Movements::Unreadable => ", ledger unreadable".to_owned(),
        Movements::NotAsked => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PaymentDue;

    fn driven(acked: State, maybe: Option<State>) -> Driven {
        let (id, due) = ("call_1".into(), PaymentDue::WithRequest);
        Driven { id, customer: 0, driver: None, acked, maybe, open: false, version: 3, amount: 20_000, due }
    }

    fn money(state: State, payment: &str, charges: &[u64], refunds: &[u64]) -> Verdict {
        let mut verdict = Verdict::default();
        let movements = Movements::Are { charges: charges.to_vec(), refunds: refunds.to_vec() };
        judge_money(&mut verdict, &driven(state, None), Some(state), payment, &movements);
        verdict
    }

    #[test]
    fn a_call_is_in_the_state_it_was_told_or_in_one_whose_answer_was_lost() {
        assert!(may_be(&driven(State::Started, None), Some(State::Started), true));
        assert!(!may_be(&driven(State::Completed, None), Some(State::Started), true));
        assert!(!may_be(&driven(State::Started, None), Some(State::Completed), false));
        assert!(may_be(&driven(State::Started, Some(State::Completed)), Some(State::Completed), false));
        assert!(may_be(&driven(State::Dispatching, None), Some(State::Assigned), true));
        assert!(!may_be(&driven(State::Dispatching, None), Some(State::Assigned), false));
        assert!(may_be(&driven(State::AwaitingApproval, Some(State::AwaitingPayment)), Some(State::Assigned), false));
        assert!(may_be(&driven(State::Denied, None), Some(State::Denied), false));
    }

    #[test]
    fn a_call_names_the_driver_that_has_it_and_no_other() {
        assert!(right_driver(State::Assigned, Some("a"), Some("a")));
        assert!(
            !right_driver(State::Assigned, Some("a"), Some("b")) && !right_driver(State::Completed, Some("a"), None)
        );
        assert!(right_driver(State::Cancelled, Some("a"), None) && right_driver(State::Requested, None, None));
    }

    #[test]
    fn money_is_taken_once_and_given_back_once() {
        assert!(money(State::Completed, "charged", &[20_000], &[]).is_good());
        assert!(money(State::Completed, "charged", &[20_000, 20_000], &[]).double_charge);
        assert!(money(State::Completed, "charged", &[], &[]).wrong_money);
        assert!(money(State::Completed, "charged", &[1], &[]).wrong_money);
        assert!(money(State::Cancelled, "refunded", &[20_000], &[20_000]).is_good());
        assert!(money(State::Cancelled, "refunding", &[20_000], &[]).wrong_money);
        assert!(money(State::Requested, "created", &[], &[]).is_good());
        assert!(money(State::Denied, "created", &[], &[]).is_good());
        assert!(State::Started.is_paid(PaymentDue::WithRequest) && !State::Started.is_paid(PaymentDue::OnCompletion));
    }
}
