//! When what was booked is over: nothing is charged any more, and what was charged goes back.

use callout::domain::{
    Machine, Party, Period, Undecided,
    call::{CallMachine, Command, DriverCard, Effect, Request},
    payment::{News, PaymentStatus},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    customer_id,
    methods::{Driven, card, noon, request, seat, won},
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn end() -> Timestamp {
    noon() + HOUR
}

/// A seat from noon to one, selected with a method.
fn selected() -> Driven<CallMachine> {
    let period = Some(Period { from: noon(), to: end() });
    let mut call = Driven::<CallMachine>::new(noon());
    call.give(&Command::Request(Box::new(Request { period, ..request(Some("tok_ok")) }))).expect("a request");
    call
}

fn held() -> Driven<CallMachine> {
    let mut call = selected();
    let booked = Some(DriverCard { id: seat(), name: "창가".to_owned() });
    call.give(&Command::SettleBooking { booked, method: None }).expect("the seat is held");
    call
}

/// Approved, and its first charge could not be made.
fn deferred() -> Driven<CallMachine> {
    let mut call = approved();
    call.give(&news(1, PaymentStatus::Created)).expect("news");
    assert!(call.state().is_deferred());
    call.take_owed();
    call
}

fn approved() -> Driven<CallMachine> {
    let mut call = held();
    call.give(&Command::Approve { by: Party::Operator(customer_id(9)), reason: None }).expect("an approval");
    call
}

fn news(version: u64, status: PaymentStatus) -> Command {
    let charged = (status == PaymentStatus::Charged).then(|| won(6_000));
    let news =
        News { version, status, charged, refunded: None, retry_after_s: None, reason: None, action: None, word: None };
    Command::PaymentNews { news, candidates: Vec::new() }
}

/// It was called off by the system; the money, if there is any, goes back, and the seat is free.
#[track_caller]
fn is_called_off(call: &mut Driven<CallMachine>) {
    assert_eq!(call.state().phase.status(), "cancelled");
    let owed = call.take_owed();
    assert!(owed.iter().any(|effect| matches!(effect, Effect::CancelPayment { .. })), "{owed:?}");
    assert!(owed.iter().any(|effect| matches!(effect, Effect::ReleaseDriver { .. })), "{owed:?}");
    assert!(!owed.iter().any(|effect| matches!(effect, Effect::Charge { .. })), "{owed:?}");
}

#[test]
fn a_deferred_payment_is_not_tried_again_after_the_end() {
    let mut call = deferred();
    call.now = end();
    call.give(&Command::RetryPayment).expect("the drain's command is never refused");
    is_called_off(&mut call);
}

#[test]
fn until_the_end_it_is_tried_again() {
    let mut call = deferred();
    call.now = end() - SignedDuration::from_secs(1);
    call.give(&Command::RetryPayment).expect("the drain's command is never refused");
    let owed = call.take_owed();
    assert!(matches!(owed.as_slice(), [Effect::Charge { .. }]), "{owed:?}");
}

#[test]
fn whatever_its_payment_is_doing_a_call_that_is_not_paid_ends_with_its_period() {
    for mut call in [held(), approved(), deferred()] {
        assert_eq!(CallMachine::due_at(call.state()), Some(end()), "{:?}", call.state().phase);
        call.take_owed();
        call.now = end();
        call.give(&Command::Wake).expect("a wake is never refused");
        is_called_off(&mut call);
    }
}

#[test]
fn what_is_charged_after_the_end_goes_back() {
    let mut call = approved();
    call.take_owed();
    call.now = end();
    call.give(&news(1, PaymentStatus::Charged)).expect("news is never refused");
    assert_eq!(call.state().payment.status, PaymentStatus::Refunding);
    is_called_off(&mut call);
}

#[test]
fn nothing_is_approved_paid_or_held_after_the_end() {
    let mut call = held();
    call.now = end();
    let approve = Command::Approve { by: Party::Operator(customer_id(9)), reason: None };
    assert!(matches!(call.give(&approve), Err(Undecided::Rejected(_))));
    let mut call = deferred();
    call.now = end();
    let refusal = call.give(&Command::Pay { method: card("tok_other") }).expect_err("it is too late");
    assert_eq!(refusal.to_string(), "cannot pay while its period is over");
    let mut call = selected();
    call.take_owed();
    call.now = end();
    let booked = Some(DriverCard { id: seat(), name: "창가".to_owned() });
    call.give(&Command::SettleBooking { booked, method: None }).expect("an answer is never refused");
    is_called_off(&mut call);
}
