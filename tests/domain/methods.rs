//! Methods in order: whatever overtakes whatever on its way to the payment, the newest one is charged, once.

use std::sync::LazyLock;

use callout::domain::{
    CallId, Currency, DriverId, Machine, Money, Party, ServiceId, Undecided,
    call::{CallMachine, Command, DriverCard, Effect, Event, Request},
    geo::ServiceArea,
    payment::{self, Method, Payment, PaymentMachine, PaymentStatus, Phase},
    policy::{Policies, Policy, PolicyFile},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{call_id, customer_id, driver_id, gateway, in_seoul, read};

pub fn studycafe() -> ServiceId {
    ServiceId::new("studycafe").expect("an id")
}

/// The study café, as it is shipped.
pub fn policies() -> &'static Policies {
    static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
        let file: PolicyFile = toml::from_str(&read("config/services/studycafe.toml")).expect("a policy file");
        Policies::new([Policy::new(studycafe(), file, ServiceArea::Everywhere)])
    });
    &POLICIES
}

pub fn seat() -> DriverId {
    driver_id(0)
}

pub fn won(amount: u64) -> Money {
    Money::new(amount, Currency::KRW)
}

pub fn request(method: Option<&str>) -> Request {
    Request {
        id: call_id(0),
        service: studycafe(),
        customer_id: customer_id(0),
        pickup: in_seoul(),
        dropoff: None,
        note: None,
        driver_id: Some(seat()),
        period: None,
        candidates: Vec::new(),
        fare: won(6_000),
        request_fingerprint: None,
        method: method.map(card),
    }
}

pub fn card(name: &str) -> Method {
    Method(name.to_owned())
}

/// A state machine with what it owes, driven by hand.
pub struct Driven<M: Machine<Policy = Policies>> {
    pub state: Option<M::State>,
    pub events: Vec<M::Event>,
    pub owed: Vec<M::Effect>,
    pub now: Timestamp,
}

impl<M: Machine<Policy = Policies>> Driven<M> {
    pub fn new(now: Timestamp) -> Self {
        Self { state: None, events: Vec::new(), owed: Vec::new(), now }
    }

    pub fn give(&mut self, command: &M::Command) -> Result<(), Undecided> {
        let decision = M::decide(self.state.as_ref(), command, policies(), self.now)?;
        for event in &decision.events {
            self.state = M::evolve(self.state.take(), event, self.now);
        }
        self.events.extend(decision.events);
        self.owed.extend(decision.effects);
        Ok(())
    }

    pub fn state(&self) -> &M::State {
        self.state.as_ref().expect("it is there")
    }

    pub fn take_owed(&mut self) -> Vec<M::Effect> {
        std::mem::take(&mut self.owed)
    }
}

pub fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

/// A seat that was selected with that method and waits for approval, with what it owes its payment.
fn selected(method: Option<&str>) -> (Driven<CallMachine>, Vec<payment::Command>) {
    let mut call = Driven::<CallMachine>::new(noon());
    call.give(&Command::Request(Box::new(request(method)))).expect("a request");
    let keeps = to_payment(call.take_owed());
    let booked = Some(DriverCard { id: seat(), name: "창가".to_owned() });
    call.give(&Command::SettleBooking { booked, method: None }).expect("the seat is held");
    (call, keeps)
}

/// What the effects tell the payment.
fn to_payment(effects: Vec<Effect>) -> Vec<payment::Command> {
    let told = effects.into_iter().filter_map(|effect| match effect {
        Effect::Charge { attempt, amount, method, number } => {
            Some(payment::Command::Charge { id: call_id(0), attempt, amount, method, number, gateway: gateway() })
        }
        Effect::KeepMethod { amount, method, number } => {
            Some(payment::Command::KeepMethod { id: call_id(0), amount, method, number, gateway: gateway() })
        }
        _ => None,
    });
    told.collect()
}

fn pay(call: &mut Driven<CallMachine>, method: &str) -> Vec<payment::Command> {
    call.give(&Command::Pay { method: card(method) }).expect("it can be paid");
    to_payment(call.take_owed())
}

fn approve(call: &mut Driven<CallMachine>) -> Vec<payment::Command> {
    call.give(&Command::Approve { by: Party::Operator(customer_id(9)), reason: None }).expect("it can be approved");
    to_payment(call.take_owed())
}

fn charged_with(payment: &Payment) -> Option<&str> {
    match &payment.phase {
        Phase::Charging { method } => Some(&method.0),
        _ => None,
    }
}

/// Every order of these commands.
fn orders(commands: &[payment::Command]) -> Vec<Vec<payment::Command>> {
    if commands.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..commands.len() {
        let mut rest = commands.to_vec();
        let command = rest.remove(first);
        all.extend(orders(&rest).into_iter().map(|rest| [vec![command.clone()], rest].concat()));
    }
    all
}

#[test]
fn the_newest_card_is_charged_in_whatever_order_cards_and_approval_arrive() {
    // Each comes a second time in the end, as after lost acknowledgements.
    let (mut call, mut told) = selected(Some("card-a"));
    told.extend(pay(&mut call, "card-b"));
    told.extend(pay(&mut call, "card-c"));
    told.extend(approve(&mut call));
    assert_eq!(told.len(), 4, "three cards and a charge");
    for order in orders(&told) {
        let mut payment = Driven::<PaymentMachine>::new(noon());
        for command in order.iter().chain(&order) {
            payment.give(command).unwrap_or_else(|refusal| panic!("{command:?} of {order:?}: {refusal}"));
        }
        assert_eq!(charged_with(payment.state()), Some("card-c"), "{order:?}");
        assert_eq!(payment.owed.len(), 1, "one charge, and no news of a refusal: {:?}", payment.owed);
    }
}

#[test]
fn a_card_that_was_refused_is_not_kept_again_by_a_repetition() {
    let (mut call, told) = selected(Some("card-a"));
    let mut payment = Driven::<PaymentMachine>::new(noon());
    for command in told.iter().chain(&approve(&mut call)) {
        payment.give(command).expect("it is taken");
    }
    let declined = payment::Outcome::Declined { reason: "card_declined".to_owned() };
    payment.give(&payment::Command::Settle { attempt: 1, outcome: declined }).expect("an outcome");
    payment.give(&told[0]).expect("a repetition");
    assert_eq!((payment.state().status(), &payment.state().method), (PaymentStatus::Declined, &None));
}

#[test]
fn a_charge_that_waits_for_its_method_ends_with_its_call() {
    let (mut call, told) = selected(Some("card-a"));
    let mut payment = Driven::<PaymentMachine>::new(noon());
    payment.give(&approve(&mut call)[0]).expect("a charge");
    assert_eq!(payment.state().status(), PaymentStatus::Created);
    payment.give(&payment::Command::Cancel { id: call_id(0), amount: won(6_000) }).expect("a cancel");
    payment.give(&told[0]).expect("the method comes late");
    assert_eq!((payment.state().status(), payment.state().closed), (PaymentStatus::Created, true));
}

#[test]
fn the_same_card_given_again_is_no_event_while_it_is_kept() {
    let (mut call, _) = selected(None);
    for _ in 0..100 {
        pay(&mut call, "card-a");
    }
    let given = |call: &Driven<CallMachine>| {
        call.events.iter().filter(|event| matches!(event, Event::MethodGiven { .. })).count()
    };
    assert_eq!(given(&call), 1, "{:?}", call.events);
    pay(&mut call, "card-b");
    pay(&mut call, "card-a");
    assert_eq!(given(&call), 3, "another card is another event");
}

#[test]
fn what_is_told_of_a_method_does_not_give_it_away() {
    let (call, _) = selected(Some("card-a"));
    let mark = call.state().method.as_ref().expect("a method").digest.clone();
    assert_ne!(mark, card("card-a").digest(&CallId::new("call_1").expect("an id")), "another call, another digest");
    assert!(!serde_json::to_string(call.state()).expect("JSON").contains("card-a"));
}

/// As stored by a release in which methods had no numbers.
#[test]
fn snapshots_without_numbers_are_read_and_paid() {
    let (mut call, told) = selected(Some("card-a"));
    let mut payment = Driven::<PaymentMachine>::new(noon());
    payment.give(&told[0]).expect("a method");
    call.state = Some(without(call.state(), "method"));
    payment.state = Some(without(payment.state(), "method_number"));
    for command in approve(&mut call) {
        payment.give(&command).expect("it is taken");
    }
    assert_eq!(charged_with(payment.state()), Some("card-a"));
}

fn without<T: Serialize + DeserializeOwned>(state: &T, field: &str) -> T {
    let mut json = serde_json::to_value(state).expect("JSON");
    assert!(json.as_object_mut().expect("an object").remove(field).is_some(), "{json}");
    serde_json::from_value(json).expect("an old snapshot")
}
