//! A car's or seat's bookings against a naive model: a calendar with one box per hour, each with at most one call in it.

use std::sync::LazyLock;

use callout::domain::{
    Asker, CallId, Machine, Party, Period, Rejection, ServiceId, Undecided,
    driver::{Command, Driver, DriverMachine, Profile},
    geo::ServiceArea,
    policy::{Policies, Policy, PolicyFile},
};
use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*};

use crate::{call_id, driver_id, read};

/// How many hours the calendar has. No period reaches beyond it; one that is open-ended takes the rest of it.
const HOURS: usize = 48;

/// The calendar: which call has each hour.
struct Calendar {
    hours: [Option<CallId>; HOURS],
    in_service: bool,
    retired: bool,
    /// Which call it is out with.
    out: Option<CallId>,
}

#[derive(Debug, Clone)]
enum Step {
    /// A call wants it from one hour to another, or from now on without an end.
    Book(usize, Option<(usize, usize)>),
    Confirm(usize),
    HandOver(usize),
    Release(usize),
    Available(bool),
    Retire,
    Register,
    Wake,
}

fn rental() -> ServiceId {
    ServiceId::new("rental").expect("an id")
}

fn policies() -> &'static Policies {
    static POLICIES: LazyLock<Policies> = LazyLock::new(|| {
        let file: PolicyFile = toml::from_str(&read("config/services/rental.toml")).expect("a policy file");
        Policies::new([Policy::new(rental(), file, ServiceArea::default())])
    });
    &POLICIES
}

/// Midnight, 2031-03-01 UTC.
const MIDNIGHT_S: i64 = 1_930_089_600;

fn hour(hour: usize) -> Timestamp {
    Timestamp::from_second(MIDNIGHT_S + 3_600 * i64::try_from(hour).expect("a small number")).expect("a time")
}

fn register() -> Command {
    let profile = Profile { service: rental(), name: "차".to_owned(), phone: None, plate: None };
    Command::Register { by: Asker::new(Party::System), id: driver_id(0), registration: profile.into(), position: None }
}

fn command(step: &Step) -> Command {
    match step {
        Step::Book(call, period) => {
            let period = period.map(|(from, to)| Period { from: hour(from), to: hour(to) });
            Command::Book { call: call_id(*call), period, service: rental(), terms: None }
        }
        Step::Confirm(call) => Command::Confirm { call: call_id(*call) },
        Step::HandOver(call) => Command::HandOver { call: call_id(*call), terms: None },
        Step::Release(call) => Command::Release { call: call_id(*call) },
        Step::Available(available) => Command::SetAvailability { by: Asker::new(Party::System), available: *available },
        Step::Retire => Command::Retire { by: Asker::new(Party::System) },
        Step::Register => register(),
        Step::Wake => Command::Wake,
    }
}

impl Calendar {
    fn has(&self, call: &CallId) -> bool {
        self.hours.iter().flatten().any(|held| held == call)
    }

    /// Takes a step at an hour. Answers whether it may be taken.
    fn take(&mut self, step: &Step, now: usize) -> bool {
        match step {
            Step::Book(call, period) => self.book(&call_id(*call), period.unwrap_or((now, HOURS)), now),
            Step::HandOver(call) => self.hand_over(&call_id(*call), now),
            Step::Release(call) => {
                let gone = Some(call_id(*call));
                self.hours.iter_mut().filter(|held| **held == gone).for_each(|held| *held = None);
                self.out.take_if(|out| Some(&*out) == gone.as_ref());
                true
            }
            Step::Available(_) if self.retired => false,
            Step::Available(available) => {
                self.in_service = *available;
                true
            }
            Step::Retire => {
                let free = self.hours.iter().all(Option::is_none);
                if free {
                    (self.retired, self.in_service) = (true, false);
                }
                free
            }
            Step::Register => {
                self.in_service |= self.retired;
                self.retired = false;
                true
            }
            Step::Confirm(_) | Step::Wake => true,
        }
    }

    /// Whether it is away at an hour: out, overdue or not, or due to a call.
    fn is_away(&self, now: usize) -> bool {
        self.out.is_some() || self.hours[now].is_some()
    }

    /// Goes out with a call it is booked for, early if nobody else has it until then, late if nobody else has it now.
    fn hand_over(&mut self, call: &CallId, now: usize) -> bool {
        let Some(first) = self.hours.iter().position(|held| held.as_ref() == Some(call)) else { return true };
        if self.out.as_ref() == Some(call) {
            return true;
        }
        let others = |hours: &[Option<CallId>]| hours.iter().flatten().any(|held| held != call);
        if self.out.is_some() || others(&self.hours[now..=now.max(first)]) {
            return false;
        }
        self.hours[now.min(first)..first].fill(Some(call.clone()));
        self.out = Some(call.clone());
        true
    }

    fn book(&mut self, call: &CallId, (from, to): (usize, usize), now: usize) -> bool {
        if self.has(call) {
            return true;
        }
        let free = self.hours[from..to].iter().all(Option::is_none) && (from > now || !self.is_away(now));
        let bookable = self.in_service && !self.retired && free;
        if bookable {
            self.hours[from..to].fill(Some(call.clone()));
        }
        bookable
    }

    /// The hours as the driver's bookings say them. Two calls in one hour are found out here.
    fn of(driver: &Driver) -> [Option<CallId>; HOURS] {
        std::array::from_fn(|index| {
            let (from, to) = (hour(index), hour(index + 1));
            let takes = |booking: &&callout::domain::driver::Booking| {
                booking.from < to && booking.to.is_none_or(|end| from < end)
            };
            let calls: Vec<_> = driver.bookings.iter().filter(takes).map(|booking| booking.call.clone()).collect();
            assert!(calls.len() <= 1, "hour {index} is held by {calls:?}");
            calls.into_iter().next()
        })
    }
}

fn check(steps: &[(Step, bool)]) {
    let mut now = 0;
    let mut driver = apply(None, &register(), hour(now)).expect("a new car");
    let mut calendar = Calendar { hours: [const { None }; HOURS], in_service: true, retired: false, out: None };
    for (step, later) in steps {
        now = (now + usize::from(*later)).min(HOURS - 1);
        let outcome = apply(Some(&driver), &command(step), hour(now));
        assert_eq!(outcome.is_ok(), calendar.take(step, now), "{step:?} at hour {now}: {outcome:?}");
        driver = outcome.unwrap_or(driver);
        assert_eq!(Calendar::of(&driver), calendar.hours, "after {step:?} at hour {now}");
        let out: Vec<_> = driver.bookings.iter().filter(|booking| booking.out).map(|booking| &booking.call).collect();
        assert_eq!(out, calendar.out.iter().collect::<Vec<_>>(), "after {step:?} at hour {now}");
    }
}

fn apply(driver: Option<&Driver>, command: &Command, now: Timestamp) -> Result<Driver, Undecided> {
    let decision = DriverMachine::decide(driver, command, policies(), now)?;
    let after = decision.events.iter().fold(driver.cloned(), |state, event| DriverMachine::evolve(state, event, now));
    after.ok_or(Undecided::Rejected(Rejection::NotFound))
}

fn period() -> impl Strategy<Value = (usize, usize)> {
    (0..HOURS, 1..8_usize).prop_map(|(from, length)| (from, (from + length).min(HOURS)))
}

fn step() -> impl Strategy<Value = Step> {
    let call = || 0..8_usize;
    prop_oneof![
        8 => (call(), option::weighted(0.9, period())).prop_map(|(call, period)| Step::Book(call, period)),
        2 => call().prop_map(Step::Confirm),
        3 => call().prop_map(Step::HandOver),
        4 => call().prop_map(Step::Release),
        1 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(Step::Available),
        1 => Just(Step::Retire),
        1 => Just(Step::Register),
        1 => Just(Step::Wake),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn bookings_never_overlap_and_are_refused_only_when_they_would(steps in vec((step(), any::<bool>()), 1..60)) {
        check(&steps);
    }
}
