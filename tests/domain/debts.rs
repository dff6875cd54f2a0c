//! Rides whose payment cannot be had: an operator ends them, the driver is free, and a debt is paid once.

use std::{collections::BTreeSet, sync::LazyLock};

use callout::domain::{
    Machine as _, Rejection,
    payment::{PaymentMachine, Settlement},
    policy::{GatewayDown, PaymentDue, Policies, Policy},
};

use crate::{
    call_id, driver_call,
    interleavings::{Ending, explore},
    together::check_at_rest,
    world::{Act, Luck, World},
};

/// Driver-call, paid when the ride is over, as taxis are.
pub fn paid_on_completion() -> &'static Policies {
    static POLICIES: LazyLock<Policies> = LazyLock::new(|| Policies::new([driver_call_paid_last()]));
    &POLICIES
}

pub fn driver_call_paid_last() -> Policy {
    let mut policy = driver_call();
    policy.file.payment.due = PaymentDue::OnCompletion;
    policy.file.payment.gateway_down = GatewayDown::Hold;
    Policy::new(policy.service, policy.file, policy.area)
}

const PAY: Act = Act::Pay { call: 0 };
const COMPLETE: Act = Act::Complete { driver: 0, call: 0 };
const WAIVE: Act = Act::Settle { call: 0, how: Settlement::Waived };
const OWE: Act = Act::Settle { call: 0, how: Settlement::Debt };

/// A ride under way.
fn ride() -> World {
    let mut world = World::new(paid_on_completion());
    let first =
        [Act::Request { call: 0, pay: true }, Act::Claim { driver: 0, call: 0 }, Act::Start { driver: 0, call: 0 }];
    for (n, act) in first.into_iter().enumerate() {
        world.act(act).expect("nothing stands against it");
        world.drain();
        if n == 0 {
            world.dispatch(0);
        }
    }
    world
}

/// A ride at its destination, whose card was declined.
fn declined() -> World {
    let mut world = ride();
    world.act(COMPLETE).expect("it may be completed");
    world.drain_with(Luck::Declined);
    assert_eq!(status(&world), ("started", "declined"));
    world
}

fn status(world: &World) -> (&'static str, &'static str) {
    let call = world.calls[0].as_ref().expect("the call is there");
    (call.phase.status(), call.payment.status.as_str())
}

fn owes(world: &World) -> bool {
    world.accounts[0].as_ref().is_some_and(|account| account.owes(&call_id(0)))
}

fn is_free(world: &World) -> bool {
    world.drivers[0].as_ref().is_some_and(|driver| driver.call().is_none())
}

#[test]
fn a_waived_ride_is_completed_and_nothing_is_owed() {
    let mut world = declined();
    world.act(WAIVE).expect("an operator may");
    assert_eq!(status(&world), ("completed", "waived"));
    world.drain();
    assert!(is_free(&world) && !owes(&world));
    assert_eq!(world.act(WAIVE), Ok(()), "the same again is no news");
    assert_eq!(world.owes(), 0);
    for other in [OWE, PAY] {
        let refusal = world.act(other).expect_err("it was waived");
        assert!(matches!(refusal, Rejection::IllegalTransition { state: "completed", .. }), "{refusal:?}");
    }
    assert_eq!(world.ledger(0), (0, 0));
}

#[test]
fn a_debt_is_paid_once_and_the_call_stays_completed() {
    let mut world = declined();
    world.act(OWE).expect("an operator may");
    world.drain();
    assert_eq!((status(&world), owes(&world), is_free(&world)), (("completed", "debt"), true, true));
    // A live payment keeps itself and its call in the store.
    let is_live =
        |world: &World| world.payments[0].as_ref().is_some_and(|payment| !PaymentMachine::is_terminal(payment));
    assert!(is_live(&world));
    world.act(PAY).expect("a debt may be paid");
    assert_eq!(status(&world).1, "charging");
    world.drain_with(Luck::Declined);
    assert_eq!((status(&world), owes(&world)), (("completed", "debt"), true), "a declined card leaves the debt");
    world.act(PAY).expect("with another card");
    world.drain();
    assert_eq!((status(&world), owes(&world), is_live(&world)), (("completed", "charged"), false, false));
    assert_eq!(world.act(PAY), Ok(()), "it is paid");
    assert_eq!((world.owes(), world.ledger(0)), (0, (1, 0)));
    assert!(world.act(WAIVE).is_err());
}

#[test]
fn a_ride_whose_charge_is_under_way_is_not_settled() {
    let mut world = ride();
    world.act(COMPLETE).expect("it may be completed");
    // The charge, its submission, the silence of the gateway, and the news of it.
    for _ in 0..4 {
        assert_eq!(world.act(WAIVE), Err(Rejection::ChargeInFlight), "{:?}", status(&world));
        world.advance(world.owes() - 1, Luck::Unanswered);
    }
    assert_eq!(status(&world), ("started", "unknown"));
    assert_eq!(world.act(OWE), Err(Rejection::ChargeInFlight));
    world.drain();
    assert_eq!((status(&world), world.ledger(0)), (("completed", "charged"), (1, 0)));
}

#[test]
fn a_ride_that_is_not_under_way_or_is_paid_is_not_settled() {
    let mut waiting = World::new(paid_on_completion());
    waiting.act(Act::Request { call: 0, pay: true }).expect("a request");
    assert!(matches!(waiting.act(WAIVE), Err(Rejection::IllegalTransition { .. })));
    let mut paid = World::new(crate::policies());
    for act in
        [Act::Request { call: 0, pay: true }, Act::Claim { driver: 0, call: 0 }, Act::Start { driver: 0, call: 0 }]
    {
        paid.act(act).expect("nothing stands against it");
        paid.drain();
    }
    assert!(matches!(paid.act(OWE), Err(Rejection::IllegalTransition { .. })));
    paid.act(Act::CompleteForDriver { call: 0 }).expect("an operator may end it");
    paid.drain();
    check_at_rest(&paid);
    assert!(is_free(&paid));
}

/// Every order in which the settlement meets a payment and the driver's own completion, with a crash at any moment: the fare is
/// charged or owed, never both and never neither, which [`check_at_rest`] has looked at in each.
#[test]
fn a_settlement_that_meets_a_payment_ends_in_a_charge_or_a_debt() {
    let endings = explore(declined(), &[OWE, PAY, COMPLETE]);
    let (settled, others): (Vec<_>, Vec<_>) = endings.iter().partition(|(_, _, granted)| granted.contains(&"settle"));
    let money =
        |endings: &[&Ending]| endings.iter().map(|(status, money, _)| (*status, *money)).collect::<BTreeSet<_>>();
    assert_eq!(money(&settled), [("completed", (0, 0)), ("completed", (1, 0))].into());
    // A charge was under way when the operator came: it was made, or was declined as well.
    assert_eq!(money(&others), [("completed", (1, 0)), ("started", (0, 0))].into());
}
