//! A small world: two calls, their payments and customers, two drivers and a gateway, put together as the actors do it.
//!
//! What is owed is performed in any order, performed again when the acknowledgement is lost, and survives a crash.
//! Answers that are under way die with the process. An effect that waits for an answer is forgotten in the same commit
//! that takes the answer, and is not performed twice at the same time: that much the actors guarantee.

use callout::domain::{
    Asker, CallId, Decision, DriverId, Machine, Party, Rejection,
    account::{self, Account, AccountMachine, Debt},
    call::{self, Call, CallMachine, DriverCard},
    driver::{self, Driver, DriverMachine, Profile, ReleaseReason},
    payment::{self, Payment, PaymentMachine},
    policy::Policies,
};
use jiff::{SignedDuration, Timestamp};

pub use crate::acts::{Act, Luck};
use crate::{
    bank::Bank,
    call_id, customer_id, driver_id, gateway,
    laws::{Laws, step},
    requests::{method, operator, reason, request, settle},
    service,
};

pub const CALLS: usize = 2;
pub const DRIVERS: usize = 2;
/// How long a driver is held for a call that does not answer, in seconds.
const CLAIM_PATIENCE_S: u32 = 5;

#[derive(Debug, Clone)]
enum Effect {
    Call(usize, call::Effect),
    Payment(usize, payment::Effect),
    Driver(usize, driver::Effect),
}

#[derive(Debug, Clone)]
enum Answer {
    Payment(usize, payment::Command),
    Driver(usize, driver::Command),
    Call(usize, call::Command),
}

#[derive(Debug, Clone)]
struct Owed {
    effect: Effect,
    /// Whether the gateway may have heard of it.
    sent: bool,
    /// What comes back, while it is under way.
    answer: Option<Answer>,
}

#[derive(Clone)]
pub struct World {
    policies: &'static Policies,
    now: Timestamp,
    pub calls: [Option<Call>; CALLS],
    pub payments: [Option<Payment>; CALLS],
    /// The account of each call's customer: every call is another customer's.
    pub accounts: [Option<Account>; CALLS],
    pub drivers: [Option<Driver>; DRIVERS],
    owed: Vec<Owed>,
    bank: Bank,
}

impl World {
    /// Two drivers who want calls.
    pub fn new(policies: &'static Policies) -> Self {
        let mut world = Self {
            policies,
            now: "2026-03-01T09:00:00Z".parse().expect("a time"),
            calls: Default::default(),
            payments: Default::default(),
            accounts: Default::default(),
            drivers: Default::default(),
            owed: Vec::new(),
            bank: Bank::default(),
        };
        for driver in 0..DRIVERS {
            let profile = Profile { service: service(), name: "김기사".to_owned(), phone: None, plate: None };
            let register = driver::Command::Register {
                by: Asker::new(Party::System),
                id: driver_id(driver),
                registration: profile.into(),
                position: None,
            };
            world.driver(driver, &register).expect("a new driver");
            world.act(Act::Availability { driver, available: true }).expect("a free driver");
        }
        world
    }

    /// The same with a gateway that has intents.
    pub fn with_intents(self) -> Self {
        Self { bank: Bank::with_intents(), ..self }
    }

    /// A person does something; a refusal is the answer they get.
    pub fn act(&mut self, act: Act) -> Result<(), Rejection> {
        match act {
            Act::Request { call, pay } => self.call(call, &request(call, pay)),
            Act::Pay { call } => self.call(call, &call::Command::Pay { method: method() }),
            Act::Cancel { call } => {
                let by = Party::Customer(customer_id(call));
                self.call(call, &call::Command::Cancel { by, reason: None })
            }
            Act::Claim { driver, call } => {
                let terms = self.calls[call].as_ref().and_then(|call| call.terms.clone());
                self.driver(driver, &driver::Command::Claim { call: call_id(call), period: None, terms })
            }
            Act::Decline { driver, call } => self.call(call, &call::Command::Decline { driver: driver_id(driver) }),
            Act::Start { driver, call } => {
                self.call(call, &call::Command::Start { by: Party::Driver(driver_id(driver)) })
            }
            Act::Complete { driver, call } => {
                self.call(call, &call::Command::Complete { by: Party::Driver(driver_id(driver)) })
            }
            Act::CompleteForDriver { call } => self.call(call, &call::Command::Complete { by: operator() }),
            Act::Settle { call, how } => self.call(call, &settle(how)),
            Act::OutOfPatience => {
                self.wait(CLAIM_PATIENCE_S);
                Ok(())
            }
            Act::Availability { driver, available } => {
                self.driver(driver, &driver::Command::SetAvailability { by: Asker::new(Party::System), available })
            }
        }
    }

    /// The policies by which it goes now.
    pub fn policies(&self) -> &'static Policies {
        self.policies
    }

    /// The service's file was edited or removed, or the service stops serving where the calls are.
    pub fn use_policies(&mut self, policies: &'static Policies) {
        self.policies = policies;
    }

    /// The dispatcher offers a call to whoever is free.
    pub fn dispatch(&mut self, call: usize) {
        let Some(Call { phase: call::Phase::Dispatching(search), .. }) = &self.calls[call] else { return };
        let (round, drivers) = (search.round, self.free_drivers());
        self.call(call, &call::Command::Offer { round, reached: round, drivers }).expect("an offer is never refused");
    }

    /// Time passes, and every deadline that is due fires.
    pub fn wait(&mut self, seconds: u32) {
        self.now += SignedDuration::from_secs(seconds.into());
        for call in 0..CALLS {
            let due = self.calls[call].as_ref().and_then(CallMachine::due_at).is_some_and(|due| due <= self.now);
            if due {
                self.call(call, &CallMachine::wake()).expect("a wake is never refused");
            }
        }
        for driver in 0..DRIVERS {
            let due = self.drivers[driver].as_ref().and_then(DriverMachine::due_at).is_some_and(|due| due <= self.now);
            if due {
                self.driver(driver, &DriverMachine::wake()).expect("a wake is never refused");
            }
        }
    }

    /// The process dies: what is owed stays owed, what was under way is lost.
    pub fn crash(&mut self) {
        for owed in &mut self.owed {
            owed.answer = None;
            owed.sent = true;
        }
    }

    /// The same text for worlds that differ in nothing that matters.
    pub fn fingerprint(&self) -> String {
        let mut owed: Vec<String> = self.owed.iter().map(|owed| format!("{owed:?}")).collect();
        owed.sort_unstable();
        let Self { now, calls, payments, accounts, drivers, bank, .. } = self;
        format!("{now} {calls:?} {payments:?} {accounts:?} {drivers:?} {bank:?} {owed:?}")
    }

    /// How many things are owed.
    pub fn owes(&self) -> usize {
        self.owed.len()
    }

    /// Whether the first thing owed is a request that takes money.
    pub fn is_sending(&self) -> bool {
        let first = self.owed.first().filter(|owed| owed.answer.is_none());
        first.is_some_and(|owed| match &owed.effect {
            Effect::Payment(_, payment::Effect::Confirm(_)) => true,
            Effect::Payment(_, payment::Effect::Begin(_)) => !self.bank.has_intents(),
            _ => false,
        })
    }

    /// Takes the answer to the `n`th thing owed when it is under way, else performs it.
    pub fn advance(&mut self, n: usize, luck: Luck) {
        if let Some(answer) = self.owed[n].answer.take() {
            self.take(n, answer);
            return;
        }
        match self.owed[n].effect.clone() {
            Effect::Call(call, effect) => match self.tell_account(call, &effect) {
                Some(told) => {
                    self.owed[n].answer = (luck != Luck::Unanswered).then_some(Answer::Call(call, told));
                }
                None => {
                    self.perform_call(call, &effect);
                    self.forget(n, luck);
                }
            },
            Effect::Payment(call, payment::Effect::Tell(news)) => {
                let candidates = self.free_drivers();
                self.call(call, &call::Command::PaymentNews { news, candidates }).expect("news is never refused");
                self.forget(n, luck);
            }
            Effect::Payment(call, effect) => {
                let outcome = self.bank.perform(&call_id(call), &effect, luck, self.owed[n].sent);
                self.owed[n].sent = true;
                self.owed[n].answer = outcome.map(|command| Answer::Payment(call, command));
            }
            Effect::Driver(driver, effect) => {
                let (call, refused) = self.perform_driver(driver, effect);
                let settle = driver::Command::SettleClaim { call, refused };
                self.owed[n].answer = (luck != Luck::Unanswered).then_some(Answer::Driver(driver, settle));
            }
        }
    }

    /// Everything owed is performed, all goes well, until nothing is owed any more.
    pub fn drain(&mut self) {
        self.drain_with(Luck::Fine);
    }

    /// The same with another luck.
    pub fn drain_with(&mut self, luck: Luck) {
        for _ in 0..1_000 {
            if self.owed.is_empty() {
                return;
            }
            self.advance(0, luck);
        }
        panic!("it never comes to rest: {:?}", self.owed);
    }

    /// What the gateway took for a call, and what it gave back: numbers of times.
    pub fn ledger(&self, call: usize) -> (usize, usize) {
        self.bank.ledger(&call_id(call))
    }

    fn take(&mut self, n: usize, answer: Answer) {
        self.owed.remove(n);
        match answer {
            Answer::Payment(call, command) => self.payment(call, &command).expect("the gateway's answer is taken"),
            Answer::Driver(driver, command) => self.driver(driver, &command).expect("the call's answer is taken"),
            Answer::Call(call, command) => self.call(call, &command).expect("the account's answer is taken"),
        }
    }

    fn forget(&mut self, n: usize, luck: Luck) {
        if luck != Luck::Forgotten {
            self.owed.remove(n);
        }
    }

    /// What the customer's account answers, if the effect is for it.
    fn tell_account(&mut self, call: usize, effect: &call::Effect) -> Option<call::Command> {
        let (command, owes) = match effect {
            call::Effect::NoteDebt { customer, service, amount } => {
                let debt = Debt { call: call_id(call), service: service.clone(), amount: *amount };
                (account::Command::NoteDebt { id: customer.clone(), debt }, true)
            }
            call::Effect::ClearDebt { .. } => (account::Command::ClearDebt { call: call_id(call) }, false),
            _ => return None,
        };
        commit::<AccountMachine>(&mut self.accounts[call], &command, self.policies, self.now)
            .expect("an account listens");
        Some(call::Command::AccountTold { owes })
    }

    fn perform_call(&mut self, call: usize, effect: &call::Effect) {
        let id = call_id(call);
        // A payment that is closed refuses a charge that comes late; that is an answer, too.
        let _ = match effect.clone() {
            call::Effect::Charge { attempt, amount, method, number } => self
                .payment(call, &payment::Command::Charge { id, attempt, amount, method, number, gateway: gateway() }),
            call::Effect::KeepMethod { amount, method, number } => {
                self.payment(call, &payment::Command::KeepMethod { id, amount, method, number, gateway: gateway() })
            }
            // A driver-call finds its driver by offers.
            call::Effect::Book { .. } | call::Effect::ConfirmDriver { .. } | call::Effect::AssignDriver { .. } => {
                panic!("a driver-call owes {effect:?}")
            }
            call::Effect::SettlePayment { amount, how } => {
                self.payment(call, &payment::Command::EndUnpaid { id, amount, how })
            }
            call::Effect::NoteDebt { .. } | call::Effect::ClearDebt { .. } => panic!("{effect:?} is for the account"),
            call::Effect::CancelPayment { amount } => self.payment(call, &payment::Command::Cancel { id, amount }),
            call::Effect::ReleaseDriver { driver } => {
                self.driver(index_of(&driver), &driver::Command::Release { call: id })
            }
        };
    }

    /// What the call answers: to a claim in its time, and after it to the wish to be given back.
    fn perform_driver(&mut self, driver: usize, effect: driver::Effect) -> (CallId, Option<ReleaseReason>) {
        match effect {
            driver::Effect::ClaimCall { call, name, service, until } if until.is_none_or(|until| self.now < until) => {
                let card = DriverCard { id: driver_id(driver), name };
                let accepted = self.call(index(&call), &call::Command::Accept { driver: card, service });
                (call, accepted.err().map(|refusal| reason(&refusal)))
            }
            driver::Effect::ClaimCall { call, .. } | driver::Effect::GiveBack { call } => {
                let give_back = call::Command::GiveBack { driver: driver_id(driver) };
                // A call that does not exist refuses, and so has nobody to give back.
                let _ = self.call(index(&call), &give_back);
                (call, Some(ReleaseReason::NoAnswer))
            }
        }
    }

    fn free_drivers(&self) -> Vec<DriverId> {
        self.drivers.iter().flatten().filter(|driver| driver.is_available()).map(|driver| driver.id.clone()).collect()
    }

    fn call(&mut self, call: usize, command: &call::Command) -> Result<(), Rejection> {
        let effects = commit::<CallMachine>(&mut self.calls[call], command, self.policies, self.now)?;
        self.owe(effects.into_iter().map(|effect| Effect::Call(call, effect)));
        Ok(())
    }

    fn payment(&mut self, call: usize, command: &payment::Command) -> Result<(), Rejection> {
        let effects = commit::<PaymentMachine>(&mut self.payments[call], command, self.policies, self.now)?;
        self.owe(effects.into_iter().map(|effect| Effect::Payment(call, effect)));
        Ok(())
    }

    fn driver(&mut self, driver: usize, command: &driver::Command) -> Result<(), Rejection> {
        let effects = commit::<DriverMachine>(&mut self.drivers[driver], command, self.policies, self.now)?;
        self.owe(effects.into_iter().map(|effect| Effect::Driver(driver, effect)));
        Ok(())
    }

    fn owe(&mut self, effects: impl Iterator<Item = Effect>) {
        self.owed.extend(effects.map(|effect| Owed { effect, sent: false, answer: None }));
    }
}

fn commit<M: Laws>(
    state: &mut Option<M::State>,
    command: &M::Command,
    policies: &Policies,
    now: Timestamp,
) -> Result<Vec<M::Effect>, Rejection> {
    step::<M>(state, command, policies, now).map(|Decision { effects, .. }| effects)
}

fn index(call: &CallId) -> usize {
    (0..CALLS).find(|&n| call_id(n) == *call).expect("a call of this world")
}

fn index_of(driver: &DriverId) -> usize {
    (0..DRIVERS).find(|&n| driver_id(n) == *driver).expect("a driver of this world")
}
