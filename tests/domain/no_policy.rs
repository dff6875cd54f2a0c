//! A service whose file was removed while it had calls: what needs its rules waits, what does not goes on.

use callout::domain::{
    Machine, Party, Undecided,
    call::{Call, CallMachine, Command, DriverCard},
    payment::{News, PaymentStatus},
    policy::Policies,
};

use crate::{
    customer_id,
    methods::{Driven, noon, request, seat, studycafe},
};

fn decide(call: &Call, command: &Command) -> Result<(usize, usize), Undecided> {
    let decision = CallMachine::decide(Some(call), command, &Policies::default(), noon())?;
    Ok((decision.events.len(), decision.effects.len()))
}

/// A seat that waits for its payment.
fn approved() -> Driven<CallMachine> {
    let mut call = Driven::<CallMachine>::new(noon());
    call.give(&Command::Request(Box::new(request(Some("tok_ok"))))).expect("a request");
    call.give(&Command::SettleBooking { booked: Some(card()), method: None }).expect("the seat is held");
    call.give(&Command::Approve { by: Party::Operator(customer_id(9)), reason: None }).expect("an approval");
    call
}

fn card() -> DriverCard {
    DriverCard { id: seat(), name: "창가".to_owned() }
}

fn news(version: u64, status: PaymentStatus) -> Command {
    let news = News {
        version,
        status,
        charged: None,
        refunded: None,
        retry_after_s: None,
        reason: None,
        action: None,
        word: None,
    };
    Command::PaymentNews { news, candidates: Vec::new() }
}

#[test]
fn news_that_needs_the_rules_is_a_fault_and_no_refusal() {
    let missing = decide(approved().state(), &news(1, PaymentStatus::Charged)).expect_err("there are no rules");
    assert!(matches!(missing, Undecided::NoPolicy(_)), "{missing:?}");
    assert!(missing.to_string().contains("services/studycafe.toml"), "{missing}");
}

#[test]
fn a_claim_is_answered_without_the_rules() {
    let mut call = approved();
    call.give(&news(1, PaymentStatus::Charged)).expect("news");
    let claim = Command::Accept { driver: card(), service: studycafe() };
    assert_eq!(decide(call.state(), &claim), Ok((0, 0)), "whoever has the call keeps it");
}

#[test]
fn a_call_is_called_off_and_told_of_its_refund_without_the_rules() {
    let mut call = approved();
    let cancel = Command::Cancel { by: Party::Customer(customer_id(0)), reason: None };
    assert_eq!(decide(call.state(), &cancel), Ok((1, 2)), "the money goes back, the seat is free");
    call.give(&cancel).expect("a cancel");
    assert_eq!(decide(call.state(), &news(7, PaymentStatus::Refunded)), Ok((1, 0)));
}

#[test]
fn a_call_that_is_not_there_yet_cannot_be_of_an_unknown_service() {
    let new = Command::Request(Box::new(request(None)));
    let refused = CallMachine::decide(None, &new, &Policies::default(), noon());
    assert!(matches!(refused, Err(Undecided::Rejected(_))), "{refused:?}");
}
