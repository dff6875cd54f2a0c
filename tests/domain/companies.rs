//! A company's bookings: never more calls at once than its capacity, whatever claims, answers, starts and ends come in
//! whatever order.

use std::sync::LazyLock;

use callout::domain::{
    Asker, CallId, Machine, Party, Period, ServiceId,
    driver::{Command, Driver, DriverMachine, Effect, Event, Profile, ReleaseReason},
    geo::ServiceArea,
    policy::{Policies, Policy, PolicyFile},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{call_id, driver_id, methods::noon, read};

const CAPACITY: u32 = 2;

fn cleaning() -> ServiceId {
    ServiceId::new("cleaning").expect("an id")
}

fn policies() -> &'static Policies {
    static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
        let mut file: PolicyFile = toml::from_str(&read("config/services/cleaning.toml")).expect("a policy file");
        file.dispatch.capacity = CAPACITY;
        Policies::new([Policy::new(cleaning(), file, ServiceArea::Everywhere)])
    });
    &POLICIES
}

struct Company {
    state: Option<Driver>,
    owed: Vec<Effect>,
    now: Timestamp,
}

impl Company {
    fn registered() -> Self {
        let mut company = Self { state: None, owed: Vec::new(), now: noon() };
        let profile = Profile { service: cleaning(), name: "ssak3".to_owned(), phone: None, plate: None };
        let (by, id) = (Asker::new(Party::System), driver_id(0));
        company.give(&Command::Register { by, id, registration: profile.into(), position: None });
        company
    }

    /// Gives a command; answers whether it took effect, or had before.
    fn give(&mut self, command: &Command) -> bool {
        let Ok(decision) = DriverMachine::decide(self.state.as_ref(), command, policies(), self.now) else {
            return false;
        };
        for event in &decision.events {
            self.state = DriverMachine::evolve(self.state.take(), event, self.now);
        }
        self.owed.extend(decision.effects);
        true
    }

    fn claim(&mut self, call: usize, period: Option<Period>) -> bool {
        self.give(&Command::Claim { call: call_id(call), period, terms: None })
    }

    fn answer(&mut self, call: usize, refused: Option<ReleaseReason>) {
        self.give(&Command::SettleClaim { call: call_id(call), refused });
    }

    fn driver(&self) -> &Driver {
        self.state.as_ref().expect("it is registered")
    }

    fn has(&self, call: &CallId) -> bool {
        self.driver().bookings.iter().any(|booking| booking.call == *call)
    }

    /// The most calls that are booked for the same moment from now on, and those that it is out with now.
    fn most_at_once(&self) -> (usize, usize) {
        let bookings = &self.driver().bookings;
        let at = |moment: Timestamp| {
            bookings.iter().filter(|one| one.from <= moment && one.to.is_some_and(|to| moment < to)).count()
        };
        let most = bookings.iter().map(|booking| at(booking.from.max(self.now))).max().unwrap_or_default();
        (most, bookings.iter().filter(|booking| booking.out).count())
    }
}

fn hours(from: i64, length: i64) -> Period {
    let from = noon() + SignedDuration::from_hours(from);
    Period { from, to: from + SignedDuration::from_hours(length) }
}

#[derive(Debug, Clone)]
enum Act {
    Claim(usize, Option<(i64, i64)>),
    Answer(usize, bool),
    Start(usize),
    End(usize),
    Pass(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let call = || 0..8_usize;
    prop_oneof![
        4 => (call(), proptest::option::weighted(0.8, (0..12_i64, 1..4_i64))).prop_map(|(call, when)| Act::Claim(call, when)),
        4 => (call(), any::<bool>()).prop_map(|(call, taken)| Act::Answer(call, taken)),
        2 => call().prop_map(Act::Start),
        1 => call().prop_map(Act::End),
        2 => (1..5_000_i64).prop_map(Act::Pass),
    ]
}

proptest! {
    #[test]
    fn a_company_never_has_more_calls_at_once_than_its_capacity(acts in proptest::collection::vec(act(), 1..80)) {
        let mut company = Company::registered();
        for act in acts {
            match act {
                Act::Claim(call, when) => {
                    company.claim(call, when.map(|(from, length)| hours(from, length)));
                }
                Act::Answer(call, taken) => company.answer(call, (!taken).then_some(ReleaseReason::CallTaken)),
                Act::Start(call) => {
                    company.give(&Command::HandOver { call: call_id(call), terms: None });
                }
                Act::End(call) => {
                    company.give(&Command::Release { call: call_id(call) });
                }
                Act::Pass(seconds) => {
                    company.now += SignedDuration::from_secs(seconds);
                    company.give(&Command::Wake);
                }
            }
            let (most, out) = company.most_at_once();
            prop_assert!(most <= CAPACITY as usize, "{most} at once: {:?}", company.driver().bookings);
            prop_assert!(out <= CAPACITY as usize, "out with {out}: {:?}", company.driver().bookings);
        }
    }
}

#[test]
fn a_claim_that_is_not_answered_frees_the_time_and_is_settled_later() {
    let mut company = Company::registered();
    assert!(company.claim(0, Some(hours(1, 2))) && company.claim(1, Some(hours(1, 2))));
    assert!(!company.claim(2, Some(hours(2, 2))), "both have that hour");
    company.answer(0, None);
    company.now += SignedDuration::from_secs(6);
    assert!(company.give(&Command::Wake));
    assert!(company.has(&call_id(0)) && !company.has(&call_id(1)), "{:?}", company.driver().bookings);
    assert!(company.driver().has_given_up(&call_id(1)));
    assert!(!company.claim(1, Some(hours(1, 2))), "the call may still take it");
    assert!(company.claim(2, Some(hours(2, 2))));
    company.owed.clear();
    company.answer(1, None);
    assert!(matches!(company.owed.as_slice(), [Effect::GiveBack { call }] if *call == call_id(1)));
    company.answer(1, Some(ReleaseReason::NoAnswer));
    assert!(!company.driver().has_given_up(&call_id(1)) && !company.has(&call_id(1)));
}

#[test]
fn a_company_that_was_engaged_by_an_earlier_release_of_the_server_takes_nothing_until_that_call_ends() {
    let mut company = Company::registered();
    let (call, until) = (call_id(7), None);
    for event in [Event::DriverReserved { call: call.clone(), until }, Event::DriverEngaged { call: call.clone() }] {
        company.state = DriverMachine::evolve(company.state.take(), &event, company.now);
    }
    assert!(!company.claim(0, Some(hours(1, 2))));
    assert!(company.give(&Command::Release { call }));
    assert!(company.claim(0, Some(hours(1, 2))));
}
