//! A small model checker: every order in which two people's wishes and what they cause can meet, with at most one crash.

use std::collections::{BTreeSet, HashSet};

use crate::{
    policies,
    together::{check_always, check_at_rest},
    world::{Act, Luck, World},
};

/// How far an order of events has come.
#[derive(Clone)]
struct Branch {
    world: World,
    /// What people still want to do, in any order, and the answers to what they did.
    wishes: Vec<Act>,
    answers: Vec<(Act, bool)>,
    crashes: usize,
}

/// A way a story can end: the call's status, the money taken and given back, and who was told yes.
pub type Ending = (&'static str, (usize, usize), Vec<&'static str>);

/// Every way a story can end.
pub type Endings = BTreeSet<Ending>;

pub fn explore(world: World, wishes: &[Act]) -> Endings {
    let mut endings = Endings::new();
    let mut open = vec![Branch { world, wishes: wishes.to_vec(), answers: Vec::new(), crashes: 1 }];
    let mut seen = HashSet::new();
    while let Some(branch) = open.pop() {
        if !seen.insert(fingerprint(&branch)) {
            continue;
        }
        check_always(&branch.world);
        let before = open.len();
        extend(&branch, &mut open);
        if open.len() == before {
            check_at_rest(&branch.world);
            endings.insert(ending(&branch));
        }
    }
    endings
}

fn extend(branch: &Branch, open: &mut Vec<Branch>) {
    for wish in 0..branch.wishes.len() {
        let mut next = branch.clone();
        let act = next.wishes.remove(wish);
        let granted = next.world.act(act).is_ok();
        next.answers.push((act, granted));
        open.push(next);
    }
    for owed in 0..branch.world.owes() {
        let mut next = branch.clone();
        next.world.advance(owed, Luck::Fine);
        open.push(next);
    }
    if branch.crashes > 0 && branch.world.owes() > 0 {
        let mut next = branch.clone();
        next.crashes -= 1;
        next.world.crash();
        open.push(next);
    }
}

/// Orders that lead to the same world, with the same still to come, need one look only.
fn fingerprint(branch: &Branch) -> String {
    format!("{} {:?} {:?} {}", branch.world.fingerprint(), branch.wishes, granted(branch), branch.crashes)
}

fn granted(branch: &Branch) -> Vec<&'static str> {
    let mut granted: Vec<_> =
        branch.answers.iter().filter(|(_, granted)| *granted).map(|(act, _)| name(*act)).collect();
    granted.sort_unstable();
    granted
}

fn ending(branch: &Branch) -> Ending {
    let call = branch.world.calls[0].as_ref().expect("the call is there");
    (call.phase.status(), branch.world.ledger(0), granted(branch))
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Request { .. } => "request",
        Act::Pay { .. } => "pay",
        Act::Cancel { .. } => "cancel",
        Act::Claim { .. } => "claim",
        Act::Decline { .. } => "decline",
        Act::Start { .. } => "start",
        Act::Complete { .. } => "complete",
        Act::CompleteForDriver { .. } => "complete for the driver",
        Act::Settle { .. } => "settle",
        Act::Availability { .. } => "availability",
        Act::OutOfPatience => "out of patience",
    }
}

/// A world in which these acts, and all they cause, are past.
fn after(acts: &[Act]) -> World {
    let mut world = World::new(policies());
    for act in acts {
        world.act(*act).expect("nothing stands against it");
        world.drain();
    }
    world
}

const PAID: Act = Act::Request { call: 0, pay: true };
const UNPAID: Act = Act::Request { call: 0, pay: false };
const PAY: Act = Act::Pay { call: 0 };
const CANCEL: Act = Act::Cancel { call: 0 };
const CLAIM: Act = Act::Claim { driver: 0, call: 0 };
const RIVAL: Act = Act::Claim { driver: 1, call: 0 };
const START: Act = Act::Start { driver: 0, call: 0 };

#[test]
fn dc_4_of_two_accepts_one_wins_in_every_order() {
    let endings = explore(after(&[PAID]), &[CLAIM, RIVAL]);
    assert_eq!(endings, [("assigned", (1, 0), vec!["claim", "claim"])].into());
}

#[test]
fn dc_6_a_cancel_that_meets_an_accept_ends_in_a_refund_and_a_free_driver() {
    let endings = explore(after(&[PAID]), &[CANCEL, CLAIM]);
    assert_eq!(endings, [("cancelled", (1, 1), vec!["cancel", "claim"])].into());
}

#[test]
fn dc_6_a_cancel_that_meets_two_accepts_ends_in_a_refund_and_free_drivers() {
    let endings = explore(after(&[PAID]), &[CANCEL, CLAIM, RIVAL]);
    assert_eq!(endings, [("cancelled", (1, 1), vec!["cancel", "claim", "claim"])].into());
}

#[test]
fn dc_6_a_cancel_that_meets_the_start_has_one_winner() {
    let endings = explore(after(&[PAID, CLAIM]), &[CANCEL, START]);
    let expected = [("cancelled", (1, 1), vec!["cancel"]), ("started", (1, 0), vec!["start"])];
    assert_eq!(endings, expected.into());
}

#[test]
fn dc_7_a_cancel_that_meets_a_payment_in_flight_leaves_no_money_behind() {
    let endings = explore(after(&[UNPAID]), &[PAY, CANCEL]);
    let expected = [
        // The cancel came first: nothing is paid any more.
        ("cancelled", (0, 0), vec!["cancel"]),
        // The payment was stopped before the gateway heard of it, or given back.
        ("cancelled", (0, 0), vec!["cancel", "pay"]),
        ("cancelled", (1, 1), vec!["cancel", "pay"]),
    ];
    assert_eq!(endings, expected.into());
}

#[test]
fn dc_7_a_cancel_that_meets_the_confirmation_of_an_intent_leaves_no_money_and_no_open_intent() {
    let endings = explore(after(&[UNPAID]).with_intents(), &[PAY, CANCEL]);
    let expected = [
        ("cancelled", (0, 0), vec!["cancel"]),
        ("cancelled", (0, 0), vec!["cancel", "pay"]),
        ("cancelled", (1, 1), vec!["cancel", "pay"]),
    ];
    assert_eq!(endings, expected.into());
}

/// A call whose charge was lost on its way or not answered, and which is cancelled before anybody knows.
fn cancelled_while_unknown(world: World, luck: Luck) -> Endings {
    let mut world = world;
    world.act(PAY).expect("it can be paid");
    for _ in 0..1_000 {
        let unknown = world.calls[0].as_ref().is_some_and(|call| call.payment.status.as_str() == "unknown");
        if unknown {
            return explore(world, &[CANCEL]);
        }
        world.advance(0, if world.is_sending() { luck } else { Luck::Fine });
    }
    panic!("its outcome never becomes unknown");
}

#[test]
fn dc_7_a_call_cancelled_while_its_charge_is_unknown_is_charged_and_refunded_once_or_never_charged() {
    for intents in [false, true] {
        let world = || if intents { after(&[UNPAID]).with_intents() } else { after(&[UNPAID]) };
        let endings = cancelled_while_unknown(world(), Luck::Unanswered);
        assert_eq!(endings, [("cancelled", (1, 1), vec!["cancel"])].into(), "performed, intents: {intents}");
        let endings = cancelled_while_unknown(world(), Luck::Lost);
        assert_eq!(
            statuses(&endings),
            [("cancelled", (0, 0)), ("cancelled", (1, 1))].into(),
            "lost, intents: {intents}"
        );
    }
}

#[test]
fn one_driver_who_accepts_two_calls_gets_one() {
    let world = after(&[PAID, Act::Request { call: 1, pay: true }]);
    let endings = explore(world, &[CLAIM, Act::Claim { driver: 0, call: 1 }]);
    let expected = [("assigned", (1, 0), vec!["claim"]), ("dispatching", (1, 0), vec!["claim"])];
    assert_eq!(endings, expected.into());
}

/// Every ending in which the customer's money and the driver's time are where they belong; the acts that were granted do
/// not matter here.
fn statuses(endings: &Endings) -> BTreeSet<(&'static str, (usize, usize))> {
    endings.iter().map(|(status, money, _)| (*status, *money)).collect()
}

#[test]
fn a_claim_that_is_given_up_leaves_call_and_driver_together_or_free_of_each_other() {
    let endings = explore(after(&[PAID]), &[CLAIM, Act::OutOfPatience]);
    assert_eq!(statuses(&endings), [("assigned", (1, 0)), ("dispatching", (1, 0))].into());
}

#[test]
fn a_claim_that_is_given_up_meets_a_rival_and_the_call_has_one_driver_or_none() {
    let endings = explore(after(&[PAID]), &[CLAIM, Act::OutOfPatience, RIVAL]);
    assert_eq!(statuses(&endings), [("assigned", (1, 0)), ("dispatching", (1, 0))].into());
}

#[test]
fn a_driver_who_gave_a_claim_up_and_claims_again_has_one_call_at_most() {
    for again in [CLAIM, Act::Claim { driver: 0, call: 1 }] {
        let world = after(&[PAID, Act::Request { call: 1, pay: true }]);
        let endings = explore(world, &[CLAIM, Act::OutOfPatience, again]);
        assert_eq!(statuses(&endings), [("assigned", (1, 0)), ("dispatching", (1, 0))].into());
    }
}

#[test]
fn a_claim_that_is_given_up_meets_a_cancel_and_the_money_goes_back() {
    let endings = explore(after(&[PAID]), &[CLAIM, Act::OutOfPatience, CANCEL]);
    assert_eq!(statuses(&endings), [("cancelled", (1, 1))].into());
}

#[test]
fn a_call_that_was_started_before_its_driver_gave_it_up_is_searched_for_again_or_goes_on() {
    let endings = explore(after(&[PAID]), &[CLAIM, Act::OutOfPatience, START]);
    let expected = [("assigned", (1, 0)), ("dispatching", (1, 0)), ("started", (1, 0))];
    assert_eq!(statuses(&endings), expected.into());
}
