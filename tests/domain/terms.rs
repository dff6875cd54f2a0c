//! The terms of a call: an edited or removed file changes nothing for it, and new calls go by the new one.

use callout::domain::{
    Decision, Machine, Party, Rejection, Role, ServiceId, Undecided,
    call::{Call, CallMachine, Command, DriverCard, Effect, Event, Phase, Request},
    driver::{self, Driver, DriverMachine, Profile, Registration},
    geo::ServiceArea,
    payment::{News, PaymentStatus},
    policy::{KeptTerms, NoPolicy, Policies, Policy, TermsId, UnreadableTerms},
};

use crate::{
    at, call_id, customer_id, driver_call, driver_id,
    methods::{noon, won},
    requests::{method, request, settle},
    service,
};

type Decided = Result<Decision<Event, Effect>, Undecided>;

/// Driver-call as it was edited: shorter offers, a higher minimum, and operators complete.
fn edited() -> Policy {
    let mut policy = driver_call();
    policy.file.dispatch.offer_s = 5;
    policy.file.dispatch.deadline_s = 60;
    policy.file.payment.minimum = 50_000;
    policy.file.steps.complete = vec![Role::Operator];
    policy.file.name.en = "Another name".to_owned();
    Policy::new(policy.service, policy.file, policy.area)
}

fn kept(policy: &Policy) -> KeptTerms {
    KeptTerms::read(policy.service.clone(), policy.terms.clone(), &policy.terms_text())
}

fn known(now: impl IntoIterator<Item = Policy>, earlier: &[&Policy]) -> Policies {
    let policies = Policies::new(now);
    policies.remember(earlier.iter().map(|policy| kept(policy)));
    policies
}

fn give(call: Option<&Call>, command: &Command, policies: &Policies) -> Decided {
    CallMachine::decide(call, command, policies, noon())
}

/// The call after a command.
fn after(call: Option<&Call>, command: &Command, policies: &Policies) -> Call {
    let decision = give(call, command, policies).expect("it may be done");
    let events = decision.events.iter();
    events.fold(call.cloned(), |call, event| CallMachine::evolve(call, event, noon())).expect("a call")
}

fn news(status: PaymentStatus) -> Command {
    let news = News {
        version: 1,
        status,
        charged: None,
        refunded: None,
        retry_after_s: None,
        reason: None,
        action: None,
        word: None,
    };
    Command::PaymentNews { news, candidates: vec![driver_id(0)] }
}

fn card() -> DriverCard {
    DriverCard { id: driver_id(0), name: "김기사".to_owned() }
}

/// The same call in every phase on its way, made under a policy.
fn on_its_way(policies: &Policies) -> Vec<Call> {
    let by = Party::Driver(driver_id(0));
    let steps = [
        news(PaymentStatus::Charged),
        Command::Accept { driver: card(), service: service() },
        Command::Start { by: by.clone() },
        Command::Complete { by },
    ];
    let mut calls = vec![after(None, &request(0, true), policies)];
    for step in steps {
        calls.push(after(calls.last(), &step, policies));
    }
    calls
}

/// Everything that is asked of a call and that its terms decide.
fn asked() -> Vec<Command> {
    let (driver, customer) = (Party::Driver(driver_id(0)), Party::Customer(customer_id(0)));
    vec![
        Command::Pay { method: method() },
        news(PaymentStatus::Charged),
        Command::Offer { round: 0, reached: 0, drivers: vec![driver_id(1)] },
        Command::GiveBack { driver: driver_id(0) },
        Command::Start { by: driver.clone() },
        Command::Complete { by: driver.clone() },
        Command::Release { by: driver.clone(), reason: None },
        Command::Cancel { by: driver, reason: None },
        Command::Cancel { by: customer, reason: None },
        Command::Wake,
    ]
}

#[test]
fn an_edited_or_removed_file_changes_nothing_for_a_call_under_way() {
    let alone = known([driver_call()], &[]);
    let later = [known([edited()], &[&driver_call(), &edited()]), known([], &[&driver_call()])];
    for call in on_its_way(&alone) {
        for command in asked() {
            let expected = give(Some(&call), &command, &alone);
            for policies in &later {
                let decided = give(Some(&call), &command, policies);
                assert_eq!(decided, expected, "{command:?} of a call that is {}", call.phase.status());
            }
        }
    }
}

#[test]
fn a_new_call_goes_by_the_file_as_it_stands() {
    let policies = known([edited()], &[&driver_call()]);
    let refused = give(None, &request(0, true), &policies);
    let below = Rejection::BelowMinimum { amount: 20_000, minimum: 50_000 };
    assert_eq!(refused, Err(Undecided::Rejected(below)));
    let Command::Request(new) = request(0, true) else { panic!("a request") };
    let call = after(None, &Command::Request(Box::new(Request { fare: won(60_000), ..*new })), &policies);
    assert_eq!(call.terms, Some(edited().terms));
    let gone = give(None, &request(1, true), &known([], &[&driver_call()]));
    assert!(matches!(gone, Err(Undecided::Rejected(Rejection::Invalid(_)))), "{gone:?}");
}

#[test]
fn a_call_from_before_terms_were_kept_goes_by_the_first_that_were() {
    let call = Call { terms: None, ..on_its_way(&known([driver_call()], &[])).swap_remove(3) };
    let complete = Command::Complete { by: Party::Driver(driver_id(0)) };
    let policies = known([edited()], &[&driver_call(), &edited()]);
    assert_eq!(give(Some(&call), &complete, &policies).map(|decision| decision.events.len()), Ok(1));
    let first = known([edited()], &[&edited(), &driver_call()]);
    assert_eq!(give(Some(&call), &complete, &first), Err(Undecided::Rejected(Rejection::Forbidden)));
    assert_eq!(call.policy(&known([edited()], &[])).map(|policy| &policy.terms), Ok(&edited().terms));
}

#[test]
fn dc_9_the_area_counts_as_it_is_when_the_money_comes_and_no_more_once_the_service_is_removed() {
    let requested = on_its_way(&known([driver_call()], &[])).swap_remove(0);
    let elsewhere = Policy { area: ServiceArea::Within(Vec::new()), ..driver_call() };
    let closed = after(Some(&requested), &news(PaymentStatus::Charged), &known([elsewhere], &[&driver_call()]));
    assert_eq!(closed.phase.status(), "denied");
    let removed = after(Some(&requested), &news(PaymentStatus::Charged), &known([], &[&driver_call()]));
    assert_eq!(removed.phase.status(), "dispatching");
}

#[test]
fn a_call_that_is_over_needs_no_terms() {
    let (nothing, policies) = (Policies::default(), known([driver_call()], &[]));
    let completed = on_its_way(&policies).swap_remove(4);
    for command in asked() {
        let decided = give(Some(&completed), &command, &nothing);
        assert_eq!(decided, give(Some(&completed), &command, &policies), "{command:?}");
    }
    let by = Party::Customer(customer_id(0));
    let cancelled = after(Some(&on_its_way(&policies)[1]), &Command::Cancel { by, reason: None }, &policies);
    for command in asked() {
        let decided = give(Some(&cancelled), &command, &nothing);
        assert_eq!(decided, give(Some(&cancelled), &command, &policies), "{command:?}");
    }
}

#[test]
fn a_debt_is_paid_without_the_terms_of_its_call() {
    let last = crate::debts::driver_call_paid_last();
    let policies = known([last], &[]);
    let mut call = after(None, &request(0, true), &policies);
    let offer = Command::Offer { round: 0, reached: 0, drivers: vec![driver_id(0)] };
    let by = Party::Driver(driver_id(0));
    let accept = Command::Accept { driver: card(), service: service() };
    for command in [offer, accept, Command::Start { by: by.clone() }, Command::Complete { by }] {
        call = after(Some(&call), &command, &policies);
    }
    call = after(Some(&call), &news(PaymentStatus::Declined), &policies);
    call = after(Some(&call), &settle(callout::domain::payment::Settlement::Debt), &policies);
    assert!(matches!(call.phase, Phase::Completed { .. }) && call.is_owed());
    let told = News {
        version: 2,
        status: PaymentStatus::Debt,
        charged: None,
        refunded: None,
        retry_after_s: None,
        reason: None,
        action: None,
        word: None,
    };
    let told = Command::PaymentNews { news: told, candidates: Vec::new() };
    call = after(Some(&call), &told, &Policies::default());
    let paid = give(Some(&call), &Command::Pay { method: method() }, &Policies::default()).expect("it may be paid");
    assert!(matches!(paid.effects[..], [Effect::Charge { .. }]), "{paid:?}");
}

/// A company of a service that was removed is booked for the calls that were made before, as many as it could have then.
#[test]
fn a_company_of_a_removed_service_is_booked_by_the_terms_of_the_call() {
    let cleaning = ServiceId::new("cleaning").expect("an id");
    let mut file: callout::domain::policy::PolicyFile =
        toml::from_str(&crate::read("config/services/cleaning.toml")).expect("a policy file");
    file.dispatch.capacity = 2;
    let policy = Policy::new(cleaning.clone(), file, ServiceArea::Everywhere);
    let now = known([policy.clone()], &[]);
    let removed = known([], &[&policy]);
    let profile = Profile { service: cleaning, name: "ssak3".to_owned(), phone: None, plate: None };
    let by = callout::domain::Asker::new(Party::System);
    let registration = Registration::from(profile);
    let register = driver::Command::Register { by, id: driver_id(0), registration, position: Some(at(37.5, 127.0)) };
    let mut company: Option<Driver> = None;
    let mut claimed = Vec::new();
    for (policies, command) in [(&now, register)].into_iter().chain((0..3).map(|call| {
        (&removed, driver::Command::Claim { call: call_id(call), period: None, terms: Some(policy.terms.clone()) })
    })) {
        let decided = DriverMachine::decide(company.as_ref(), &command, policies, noon());
        claimed.push(decided.is_ok());
        for event in decided.into_iter().flat_map(|decision| decision.events) {
            company = DriverMachine::evolve(company, &event, noon());
        }
    }
    assert_eq!(claimed, [true, true, true, false]);
    assert_eq!(company.map(|company| company.bookings.len()), Some(2));
}

#[test]
fn terms_are_named_after_all_that_a_file_says_but_the_area() {
    let shipped = driver_call();
    let elsewhere = Policy::new(service(), shipped.file.clone(), ServiceArea::Everywhere);
    assert_eq!((&shipped.terms, shipped.terms.as_str().len()), (&elsewhere.terms, 8));
    let mut file = shipped.file.clone();
    file.area = None;
    assert_eq!(Policy::new(service(), file, ServiceArea::Everywhere).terms, shipped.terms);
    assert_ne!(edited().terms, shipped.terms);
    let taxi = ServiceId::new("taxi").expect("an id");
    assert_ne!(Policy::new(taxi, shipped.file.clone(), ServiceArea::Everywhere).terms, shipped.terms);
}

#[test]
fn kept_terms_say_what_the_file_said_for_every_service_that_is_shipped() {
    for id in ["driver-call", "cleaning", "rental", "taxi", "studycafe"] {
        let file = toml::from_str(&crate::read(&format!("config/services/{id}.toml"))).expect("a policy file");
        let policy = Policy::new(ServiceId::new(id).expect("an id"), file, ServiceArea::Everywhere);
        let kept = kept(&policy);
        let read = kept.policy().expect("they can be read");
        let mut file = policy.file.clone();
        file.area = None;
        assert_eq!((&read.file, &read.terms, read.terms_text()), (&file, &policy.terms, policy.terms_text()));
    }
}

#[test]
fn terms_that_this_release_cannot_read_are_told_from_those_that_are_not_kept() {
    let shipped = driver_call();
    let call = on_its_way(&known([driver_call()], &[])).swap_remove(2);
    let policies = Policies::new([edited()]);
    let changed = shipped.terms_text().replace("600", "601");
    policies.remember([KeptTerms::read(service(), shipped.terms.clone(), &changed)]);
    let Err(NoPolicy::Unreadable { reason, .. }) = call.policy(&policies) else {
        panic!("{:?}", call.policy(&policies))
    };
    assert_eq!(reason, UnreadableTerms::Changed);
    let Err(NoPolicy::NotKept { terms, .. }) = call.policy(&known([edited()], &[&edited()])) else {
        panic!("not kept")
    };
    assert_eq!(terms, shipped.terms);
    let later = r#"{"a_key_of_a_later_release":1}"#;
    let read = Policy::from_terms(service(), TermsId::of(&service(), later), later);
    assert!(matches!(&read, Err(UnreadableTerms::Form(why)) if why.contains("a_key_of_a_later_release")), "{read:?}");
}

/// What earlier releases kept, as they wrote it. A release adds lines here and changes none: a key that it takes away or
/// renames must still be read, or the calls made under such terms are parked.
#[test]
fn terms_that_earlier_releases_kept_can_be_read() {
    let kept = crate::read("tests/domain/kept_terms.jsonl");
    for line in kept.lines() {
        let (service, terms, body): (ServiceId, String, String) = serde_json::from_str(line).expect("a line");
        let read = Policy::from_terms(service, TermsId::named(&terms), &body);
        assert!(read.is_ok(), "{read:?}: {line}");
    }
    assert!(kept.lines().count() >= 5, "of every service that is shipped");
}
