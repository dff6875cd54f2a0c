//! The laws that every state machine obeys, and one step of a machine that checks them all.
//!
//! The legal transitions are written down here from what the services promise, not from the code.

use std::fmt::Debug;

use callout::domain::{
    Decision, Machine, Rejection, Undecided,
    account::{self, Account, AccountMachine},
    call::{self, Call, CallMachine},
    driver::{self, Driver, DriverMachine},
    payment::{self, Payment, PaymentMachine, Phase},
    policy::Policies,
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// What a test knows about a machine from its description alone.
pub trait Laws: Machine<Policy = Policies> {
    /// Every pair of different statuses that one command may lead from and to. `""`: not there yet.
    const LEGAL: &'static [(&'static str, &'static str)];

    fn status(state: &Self::State) -> &'static str;
    fn version(state: &Self::State) -> u64;
    /// Whether nothing may bring it into another status.
    fn is_over(state: &Self::State) -> bool;
    /// Whether the command, repeated right after it took effect, is refused rather than answered with the same state.
    fn refuses_repetition(command: &Self::Command) -> bool;
    /// Whether the command may still change something (not the status) when all is over.
    fn outlives_the_end(command: &Self::Command) -> bool;
}

impl Laws for CallMachine {
    const LEGAL: &'static [(&'static str, &'static str)] = &[
        ("", "requested"),
        ("", "denied"),
        // Paid on completion, it is searched for at once.
        ("", "dispatching"),
        ("requested", "dispatching"),
        ("requested", "denied"),
        ("requested", "cancelled"),
        ("dispatching", "assigned"),
        ("dispatching", "cancelled"),
        ("assigned", "started"),
        ("assigned", "cancelled"),
        ("started", "completed"),
        // The driver gave it back before the start, or had given its claim up, and takes no part in the call.
        ("assigned", "dispatching"),
        ("started", "dispatching"),
    ];

    fn status(call: &Call) -> &'static str {
        call.phase.status()
    }

    fn version(call: &Call) -> u64 {
        call.version
    }

    fn is_over(call: &Call) -> bool {
        matches!(call.phase.status(), "completed" | "cancelled" | "denied")
    }

    fn refuses_repetition(command: &call::Command) -> bool {
        matches!(command, call::Command::Request(_))
    }

    fn outlives_the_end(command: &call::Command) -> bool {
        // A debt is paid after the end.
        matches!(
            command,
            call::Command::PaymentNews { .. } | call::Command::Pay { .. } | call::Command::AccountTold { .. }
        )
    }
}

impl Laws for PaymentMachine {
    const LEGAL: &'static [(&'static str, &'static str)] = &[
        ("", "created"),
        ("", "charging"),
        // Without a method there is nothing to charge.
        ("", "declined"),
        ("created", "declined"),
        ("created", "charging"),
        ("declined", "charging"),
        ("charging", "charged"),
        ("charging", "declined"),
        ("charging", "created"),
        ("charging", "unknown"),
        ("charging", "refunding"),
        ("unknown", "charged"),
        ("unknown", "declined"),
        ("unknown", "created"),
        ("unknown", "refunding"),
        ("charged", "refunding"),
        ("refunding", "refunded"),
        // The gateway takes nothing and says why.
        ("charging", "rejected"),
        ("unknown", "rejected"),
        ("rejected", "charging"),
        ("rejected", "declined"),
        ("rejected", "waived"),
        ("rejected", "debt"),
        // The payer is asked, and answers or does not.
        ("charging", "action_required"),
        ("unknown", "action_required"),
        ("action_required", "charged"),
        ("action_required", "refunding"),
        ("action_required", "declined"),
        ("action_required", "rejected"),
        ("action_required", "created"),
        ("action_required", "unknown"),
        ("action_required", "debt"),
        // The gateway's books contradict what it answered before.
        ("created", "charged"),
        ("declined", "charged"),
        ("rejected", "charged"),
        ("created", "refunding"),
        ("declined", "refunding"),
        ("rejected", "refunding"),
        // A refund fails, and a person settles it.
        ("refunding", "refund_failed"),
        ("refund_failed", "refunded"),
        // A bank turns the refund away after the gateway has called it done.
        ("refunded", "refund_failed"),
        // The call was served, and its fare cannot be had.
        ("", "waived"),
        ("", "debt"),
        ("created", "waived"),
        ("created", "debt"),
        ("declined", "waived"),
        ("declined", "debt"),
        // A debt is paid, or an attempt to pay it fails.
        ("debt", "charging"),
        ("charging", "debt"),
        ("unknown", "debt"),
    ];

    fn status(payment: &Payment) -> &'static str {
        payment.status().as_str()
    }

    fn version(payment: &Payment) -> u64 {
        payment.version
    }

    fn is_over(payment: &Payment) -> bool {
        // The gateway's word about a refund may change, an operator's may not.
        matches!(payment.phase, Phase::Refunded { reference: None } | Phase::Waived)
    }

    fn refuses_repetition(_: &payment::Command) -> bool {
        false
    }

    fn outlives_the_end(_: &payment::Command) -> bool {
        false
    }
}

impl Laws for DriverMachine {
    const LEGAL: &'static [(&'static str, &'static str)] = &[
        ("", "offline"),
        ("offline", "available"),
        ("offline", "retired"),
        ("available", "offline"),
        ("available", "reserved"),
        ("available", "retired"),
        ("reserved", "engaged"),
        ("reserved", "available"),
        ("reserved", "offline"),
        ("engaged", "available"),
        ("engaged", "offline"),
        ("retired", "offline"),
    ];

    fn status(driver: &Driver) -> &'static str {
        driver.status()
    }

    fn version(driver: &Driver) -> u64 {
        driver.version
    }

    /// A retired driver can be registered again, so none is ever over.
    fn is_over(_: &Driver) -> bool {
        false
    }

    fn refuses_repetition(_: &driver::Command) -> bool {
        false
    }

    fn outlives_the_end(_: &driver::Command) -> bool {
        true
    }
}

impl Laws for AccountMachine {
    const LEGAL: &'static [(&'static str, &'static str)] =
        &[("", "clear"), ("", "in debt"), ("clear", "in debt"), ("in debt", "clear")];

    fn status(account: &Account) -> &'static str {
        if account.debts.is_empty() { "clear" } else { "in debt" }
    }

    fn version(account: &Account) -> u64 {
        account.version
    }

    /// A customer may always come back.
    fn is_over(_: &Account) -> bool {
        false
    }

    fn refuses_repetition(_: &account::Command) -> bool {
        false
    }

    fn outlives_the_end(_: &account::Command) -> bool {
        true
    }
}

/// Events with their times, as a store keeps them.
pub type Log<M> = Vec<(<M as Machine>::Event, Timestamp)>;

/// Decides, applies what happened to `state`, checks every law, and gives the events and effects back.
pub fn step<M: Laws>(
    state: &mut Option<M::State>,
    command: &M::Command,
    policies: &Policies,
    now: Timestamp,
) -> Result<Decision<M::Event, M::Effect>, Rejection> {
    let decision = M::decide(state.as_ref(), command, policies, now).map_err(|undecided| match undecided {
        Undecided::Rejected(rejection) => rejection,
        Undecided::NoPolicy(missing) => panic!("{missing}"),
    })?;
    let before = state.take();
    let after = decision.events.iter().fold(before.clone(), |state, event| M::evolve(state, event, now));
    decision.events.iter().for_each(reads_as_it_writes);
    decision.effects.iter().for_each(reads_as_it_writes);
    after.iter().for_each(reads_as_it_writes);
    if !decision.events.is_empty() {
        let after = after.as_ref().expect("what something happened to is there");
        check_transition::<M>(before.as_ref(), after, command, decision.events.len());
        check_repetition::<M>(after, command, policies, now);
        check_wake::<M>(after, policies);
    } else {
        assert!(decision.effects.is_empty(), "{command:?} owes {:?} but nothing happened", decision.effects);
    }
    *state = after;
    Ok(decision)
}

fn check_transition<M: Laws>(before: Option<&M::State>, after: &M::State, command: &M::Command, events: usize) {
    let (from, to) = (before.map_or("", M::status), M::status(after));
    assert!(from == to || M::LEGAL.contains(&(from, to)), "{command:?} led from {from:?} to {to:?}");
    let version = before.map_or(0, M::version) + u64::try_from(events).expect("a small number");
    assert_eq!(M::version(after), version, "the version counts the events, after {command:?}");
    if before.is_some_and(M::is_over) {
        assert!(from == to && M::outlives_the_end(command), "{command:?} changed what was {from}");
    }
}

fn check_repetition<M: Laws>(after: &M::State, command: &M::Command, policies: &Policies, now: Timestamp) {
    match M::decide(Some(after), command, policies, now) {
        Ok(again) => assert!(again.events.is_empty(), "repeated, {command:?} causes {:?}", again.events),
        Err(refusal) => assert!(M::refuses_repetition(command), "repeated, {command:?} is refused: {refusal}"),
    }
}

/// Woken when it wants to be, it does what is due: it never asks for the same time again.
fn check_wake<M: Laws>(state: &M::State, policies: &Policies) {
    let Some(due) = M::due_at(state) else { return };
    let woken = M::decide(Some(state), &M::wake(), policies, due).expect("a wake is never refused");
    let mut after = Some(state.clone());
    for event in &woken.events {
        after = M::evolve(after, event, due);
    }
    let next = after.as_ref().and_then(M::due_at);
    assert!(next.is_none_or(|next| next > due), "woken at {due}, it wants to be woken at {next:?}");
}

/// The state that the stored log leads to is the state that was decided.
pub fn check_replay<M: Laws>(log: &Log<M>, state: Option<&M::State>) {
    let replayed = log.iter().fold(None, |state, (event, at)| M::evolve(state, event, *at));
    assert_eq!(replayed.as_ref(), state);
}

/// Whatever event comes, what is over stays in its status.
pub fn check_end<M: Laws>(log: &Log<M>, state: Option<&M::State>) {
    let Some(state) = state.filter(|state| M::is_over(state)) else { return };
    for (event, at) in log {
        let after = M::evolve(Some(state.clone()), event, *at).expect("it is still there");
        assert_eq!(M::status(&after), M::status(state), "after {event:?}");
    }
}

fn reads_as_it_writes<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("writes");
    let read: T = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json} does not read: {error}"));
    assert_eq!(read, *value);
}
