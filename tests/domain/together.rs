//! Calls, payments and drivers together, in random order and with faults: money is conserved, and a call and a driver
//! have each other alone.

use std::sync::LazyLock;

use callout::domain::{
    call::Call,
    geo::ServiceArea,
    payment::Settlement,
    policy::{KeptTerms, PaymentDue, Policies, Policy},
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    call_id,
    debts::driver_call_paid_last,
    driver_call, driver_id, in_seoul, service,
    world::{Act, CALLS, DRIVERS, Luck, World},
};

#[derive(Debug, Clone, Copy)]
enum Move {
    Act(Act),
    Advance(prop::sample::Index, Luck),
    Dispatch(usize),
    Wait(u32),
    Crash,
    CloseArea,
    Edit(File),
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn money_is_conserved_and_nobody_is_held_twice(moves in vec(a_move(), 1..80), intents in any::<bool>()) {
        let mut world = at_a_gateway(World::new(File::PaidFirst.policies(true)), intents);
        for each in moves {
            make(&mut world, each);
            check_always(&world);
        }
        world.drain();
        check_at_rest(&world);
    }

    #[test]
    fn rides_that_are_paid_at_their_end_are_paid_waived_or_owed(moves in vec(a_move(), 1..80), intents in any::<bool>()) {
        let mut world = at_a_gateway(World::new(File::PaidLast.policies(true)), intents);
        for each in moves {
            make(&mut world, each);
            check_always(&world);
        }
        world.drain();
        check_at_rest(&world);
    }
}

/// At a gateway that charges in one step, or at one with intents.
fn at_a_gateway(world: World, intents: bool) -> World {
    if intents { world.with_intents() } else { world }
}

fn make(world: &mut World, each: Move) {
    match each {
        // A refusal is an answer; what it may not do is change anything, which every step checks.
        Move::Act(act) => drop(world.act(act)),
        Move::Advance(which, luck) if world.owes() > 0 => world.advance(which.index(world.owes()), luck),
        Move::Advance(..) => {}
        Move::Dispatch(call) => world.dispatch(call),
        Move::Wait(seconds) => world.wait(seconds),
        Move::Crash => world.crash(),
        Move::CloseArea => world.use_policies(File::of(world.policies()).0.policies(false)),
        Move::Edit(file) => world.use_policies(file.policies(File::of(world.policies()).1)),
    }
}

/// What holds at every moment.
pub fn check_always(world: &World) {
    for call in 0..CALLS {
        let (charged, refunded) = world.ledger(call);
        assert!(charged <= 1 && refunded <= charged, "call {call}: charged {charged} ×, refunded {refunded} ×");
        let state = world.calls[call].as_ref();
        let Some(card) = state.and_then(|call| call.phase.current_driver()) else { continue };
        let driver = (0..DRIVERS).find(|&n| driver_id(n) == card.id).expect("a driver of this world");
        let state = world.drivers[driver].as_ref().expect("the driver is there");
        let owes_it_back = state.has_given_up(&call_id(call));
        assert!(
            owes_it_back || state.call() == Some(&call_id(call)),
            "driver {driver} neither holds call {call}, which has it, nor has it taken back: {state:?}"
        );
    }
}

/// What holds when nothing is owed any more.
pub fn check_at_rest(world: &World) {
    check_always(world);
    for call in 0..CALLS {
        check_money(world, call);
    }
    for driver in world.drivers.iter().flatten() {
        assert_ne!(driver.status(), "reserved", "{} stays reserved", driver.id);
        assert_eq!(driver.given_up, [], "{} has not settled a claim that it gave up", driver.id);
        let has = |call: &&Call| call.phase.current_driver().is_some_and(|card| card.id == driver.id);
        let calls: Vec<_> = world.calls.iter().flatten().filter(has).map(|call| &call.id).collect();
        assert_eq!(calls, driver.call().into_iter().collect::<Vec<_>>(), "what {} holds", driver.id);
    }
}

fn check_money(world: &World, call: usize) {
    let Some(state) = &world.calls[call] else { return };
    let (charged, refunded) = world.ledger(call);
    let is_charged = usize::from(state.payment.status.as_str() == "charged");
    let paid = match state.phase.status() {
        "completed" if state.settled.is_some() => is_charged,
        "dispatching" | "assigned" | "started" if !is_paid_first(world, state) => is_charged,
        "dispatching" | "assigned" | "started" | "completed" => 1,
        "requested" | "cancelled" | "denied" => 0,
        other => panic!("driver-call has no {other}"),
    };
    assert_eq!(charged - refunded, paid, "a {} call, charged {charged} ×", state.phase.status());
    check_debt(world, call, state);
    let truth = world.payments[call].as_ref().map_or("created", |payment| payment.status().as_str());
    assert_eq!(state.payment.status.as_str(), truth, "the call knows where its payment stands");
}

/// Whether a call was made to be paid before a driver sees it.
fn is_paid_first(world: &World, call: &Call) -> bool {
    call.policy(world.policies()).is_ok_and(|policy| policy.file.payment.due == PaymentDue::WithRequest)
}

/// The account has a debt exactly if a served call is neither paid nor waived.
fn check_debt(world: &World, call: usize, state: &Call) {
    assert!(!state.is_being_settled(), "not everybody knows how it was settled: {:?}", state.settled);
    let noted = world.accounts[call].as_ref().is_some_and(|account| account.owes(&call_id(call)));
    assert_eq!(noted, state.is_owed(), "the debt of a call settled as {:?}", state.settled);
    assert_eq!(state.is_owed(), state.payment.status.as_str() == "debt", "{:?}", state.payment);
    if let Some(settled) = &state.settled {
        let expected = match settled.how {
            Settlement::Waived => ["waived", "waived"],
            Settlement::Debt => ["debt", "charged"],
        };
        assert!(expected.contains(&state.payment.status.as_str()), "settled as {settled:?}: {:?}", state.payment);
    }
}

/// What the service's file says now, while calls may have been made under either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    PaidFirst,
    PaidLast,
    Removed,
}

impl File {
    const ALL: [Self; 3] = [Self::PaidFirst, Self::PaidLast, Self::Removed];

    /// The one by which a world goes, and whether the service still serves where the calls are.
    fn of(policies: &Policies) -> (Self, bool) {
        let Some(policy) = policies.get(&service()) else { return (Self::Removed, true) };
        let is_first = policy.file.payment.due == PaymentDue::WithRequest;
        let is_open = policy.serves(in_seoul().position(), None);
        (if is_first { Self::PaidFirst } else { Self::PaidLast }, is_open)
    }

    fn policies(self, is_open: bool) -> &'static Policies {
        static ALL: LazyLock<Vec<(File, bool, Policies)>> = LazyLock::new(|| {
            let each = File::ALL.into_iter().flat_map(|file| [true, false].map(|open| (file, open, file.made(open))));
            each.collect()
        });
        let (.., policies) =
            ALL.iter().find(|(file, open, _)| (*file, *open) == (self, is_open)).expect("there is one of each");
        policies
    }

    fn made(self, is_open: bool) -> Policies {
        let (first, last) = (driver_call(), driver_call_paid_last());
        let kept = [&first, &last]
            .map(|policy| KeptTerms::read(policy.service.clone(), policy.terms.clone(), &policy.terms_text()));
        let now = match self {
            Self::PaidFirst => Some(first),
            Self::PaidLast => Some(last),
            Self::Removed => None,
        };
        let policies = Policies::new(now.map(|policy| if is_open { policy } else { closed(policy) }));
        policies.remember(kept);
        policies
    }
}

/// The policy of a service that has stopped serving everywhere.
fn closed(policy: Policy) -> Policy {
    Policy { area: ServiceArea::Within(Vec::new()), ..policy }
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        30 => an_act().prop_map(Move::Act),
        40 => (any::<prop::sample::Index>(), luck()).prop_map(|(which, luck)| Move::Advance(which, luck)),
        5 => (0..CALLS).prop_map(Move::Dispatch),
        5 => select(vec![1, 5, 20, 700, 90_000]).prop_map(Move::Wait),
        5 => Just(Move::Crash),
        1 => Just(Move::CloseArea),
        2 => select(File::ALL.to_vec()).prop_map(Move::Edit),
    ]
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        4 => Just(Luck::Fine),
        1 => select(vec![
            Luck::Forgotten,
            Luck::Declined,
            Luck::NotSent,
            Luck::Unanswered,
            Luck::Lost,
            Luck::Late,
        ]),
    ]
}

fn an_act() -> impl Strategy<Value = Act> {
    let both = || (0..DRIVERS, 0..CALLS);
    prop_oneof![
        3 => (0..CALLS, any::<bool>()).prop_map(|(call, pay)| Act::Request { call, pay }),
        3 => (0..CALLS).prop_map(|call| Act::Pay { call }),
        1 => (0..CALLS).prop_map(|call| Act::Cancel { call }),
        5 => both().prop_map(|(driver, call)| Act::Claim { driver, call }),
        1 => both().prop_map(|(driver, call)| Act::Decline { driver, call }),
        3 => both().prop_map(|(driver, call)| Act::Start { driver, call }),
        3 => both().prop_map(|(driver, call)| Act::Complete { driver, call }),
        1 => (0..CALLS).prop_map(|call| Act::CompleteForDriver { call }),
        2 => (0..CALLS, select(vec![Settlement::Waived, Settlement::Debt]))
            .prop_map(|(call, how)| Act::Settle { call, how }),
        1 => (0..DRIVERS, any::<bool>()).prop_map(|(driver, available)| Act::Availability { driver, available }),
    ]
}
