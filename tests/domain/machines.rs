//! Each machine alone, under any commands in any order at any time: also those no client could send.

use callout::domain::{
    Asker, Change, Currency, LatLng, Money, Party, ServiceId,
    account::{self, AccountMachine, Debt, ProfileChange},
    call::{self, CallMachine, DriverCard, Request},
    driver::{self, DriverMachine, Fix, Profile, ReleaseReason},
    payment::{
        self, Action, ActionKind, Method, News, Outcome, PaymentMachine, PaymentStatus, Settlement, Verdict, Word,
    },
};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    call_id, customer_id, driver_id, gateway, in_incheon, in_seoul,
    laws::{Laws, Log, check_end, check_replay, step},
    policies, service,
};

/// A command and how many seconds after the one before it comes; clocks also step back.
type Timed<C> = (C, i64);

fn timed<C: std::fmt::Debug + Clone>(commands: impl Strategy<Value = C>) -> impl Strategy<Value = Vec<Timed<C>>> {
    vec((commands, prop_oneof![-20..20_i64, 0..400_i64, 0..90_000_i64]), 1..40)
}

fn check<M: Laws>(commands: &[Timed<M::Command>]) {
    let policies = policies();
    let mut now: Timestamp = "2026-03-01T09:00:00Z".parse().expect("a time");
    let (mut state, mut log) = (None, Log::<M>::new());
    for (command, seconds) in commands {
        now += SignedDuration::from_secs(*seconds);
        let before = state.clone();
        match step::<M>(&mut state, command, policies, now) {
            Ok(decision) => log.extend(decision.events.into_iter().map(|event| (event, now))),
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                assert_eq!(state, before, "a refusal changes nothing");
            }
        }
        check_end::<M>(&log, state.as_ref());
    }
    check_replay::<M>(&log, state.as_ref());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_call_obeys_the_laws_under_any_commands(commands in timed(call_command())) {
        check::<CallMachine>(&commands);
    }

    #[test]
    fn a_payment_obeys_the_laws_under_any_commands(commands in timed(payment_command())) {
        check::<PaymentMachine>(&commands);
    }

    #[test]
    fn a_driver_obeys_the_laws_under_any_commands(commands in timed(driver_command())) {
        check::<DriverMachine>(&commands);
    }

    #[test]
    fn an_account_obeys_the_laws_under_any_commands(commands in timed(account_command())) {
        check::<AccountMachine>(&commands);
    }
}

fn driver() -> impl Strategy<Value = callout::domain::DriverId> {
    (0..3_usize).prop_map(driver_id)
}

fn card() -> impl Strategy<Value = DriverCard> {
    driver().prop_map(|id| DriverCard { id, name: "김기사".to_owned() })
}

fn party() -> impl Strategy<Value = Party> {
    prop_oneof![
        (0..2_usize).prop_map(|n| Party::Customer(customer_id(n))),
        driver().prop_map(Party::Driver),
        Just(Party::Operator(customer_id(9))),
        Just(Party::System),
    ]
}

fn won(amount: u64) -> Money {
    Money::new(amount, Currency::KRW)
}

fn method() -> impl Strategy<Value = Method> {
    Just(Method("tok_ok".to_owned()))
}

fn some_service() -> impl Strategy<Value = ServiceId> {
    prop_oneof![9 => Just(service()), 1 => Just(ServiceId::new("unknown").expect("an id"))]
}

fn request() -> impl Strategy<Value = call::Command> {
    let pickup = prop_oneof![9 => Just(in_seoul()), 1 => Just(in_incheon())];
    let fare = prop_oneof![9 => 5_000..50_000_u64, 1 => 0..5_000_u64];
    (some_service(), pickup, option::of(Just(in_incheon())), fare, option::of(method())).prop_map(
        |(service, pickup, dropoff, fare, method)| {
            call::Command::Request(Box::new(Request {
                request_fingerprint: None,
                driver_id: None,
                period: None,
                candidates: Vec::new(),
                id: call_id(0),
                service,
                customer_id: customer_id(0),
                pickup,
                dropoff,
                note: Some("주차장 지하 2층".to_owned()),
                fare: won(fare),
                method,
            }))
        },
    )
}

fn news() -> impl Strategy<Value = News> {
    use PaymentStatus::{
        ActionRequired, Charged, Charging, Created, Debt, Declined, RefundFailed, Refunded, Refunding, Rejected,
        Unknown, Waived,
    };
    let others = vec![
        Created,
        Charging,
        Declined,
        Rejected,
        ActionRequired,
        Unknown,
        Refunding,
        RefundFailed,
        Refunded,
        Waived,
        Debt,
    ];
    let status = prop_oneof![3 => Just(Charged), 4 => select(others)];
    let money = || option::of((0..50_000_u64).prop_map(won));
    (0..12_u64, status, money(), money(), option::of(0..60_u64), option::of(Just("card_declined".to_owned()))).prop_map(
        |(version, status, charged, refunded, retry_after_s, reason)| News {
            version,
            status,
            charged,
            refunded,
            retry_after_s,
            reason,
            action: None,
            word: None,
        },
    )
}

fn call_command() -> impl Strategy<Value = call::Command> {
    use call::Command;
    prop_oneof![
        3 => request(),
        1 => method().prop_map(|method| Command::Pay { method }),
        3 => (news(), vec(driver(), 0..3)).prop_map(|(news, candidates)| Command::PaymentNews { news, candidates }),
        3 => (0..4_u32, 0..4_u32, vec(driver(), 0..3))
            .prop_map(|(round, reached, drivers)| Command::Offer { round, reached, drivers }),
        3 => (card(), some_service()).prop_map(|(driver, service)| Command::Accept { driver, service }),
        1 => driver().prop_map(|driver| Command::Decline { driver }),
        1 => driver().prop_map(|driver| Command::GiveBack { driver }),
        3 => party().prop_map(|by| Command::Start { by }),
        3 => party().prop_map(|by| Command::Complete { by }),
        1 => (party(), option::of(Just("변심".to_owned()))).prop_map(|(by, reason)| Command::Cancel { by, reason }),
        2 => (party(), option::of(Just("고장".to_owned()))).prop_map(|(by, reason)| Command::Release { by, reason }),
        2 => (party(), settlement())
            .prop_map(|(by, how)| Command::Settle { by, how, reason: "카드 거절".to_owned() }),
        1 => any::<bool>().prop_map(|owes| Command::AccountTold { owes }),
        2 => Just(Command::Wake),
    ]
}

fn settlement() -> impl Strategy<Value = Settlement> {
    select(vec![Settlement::Waived, Settlement::Debt])
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Charged { reference: "ch_1".into() }),
        Just(Outcome::Declined { reason: "card_declined".to_owned() }),
        Just(Outcome::Rejected { reason: "this method was used before".to_owned() }),
        Just(Outcome::ActionRequired {
            action: Action { kind: ActionKind::Sdk, client_secret: Some("secret".to_owned()), url: None },
            valid_s: 900,
        }),
        (option::of(Just("no funds".to_owned())), 0..3_u32)
            .prop_map(|(refused, repeats)| Outcome::Unperformed { refused, repeats }),
        Just(Outcome::Withdrawn),
        (0..60_u64).prop_map(|retry_after_s| Outcome::NotCharged { retry_after_s }),
        Just(Outcome::Unknown),
    ]
}

fn payment_command() -> impl Strategy<Value = payment::Command> {
    use payment::Command;
    prop_oneof![
        3 => (1..4_u32, option::weighted(0.6, method()), 0..4_u32).prop_map(|(attempt, method, number)| {
            Command::Charge { id: call_id(0), attempt, amount: won(20_000), method, number, gateway: gateway() }
        }),
        2 => (method(), 0..4_u32).prop_map(|(method, number)| {
            Command::KeepMethod { id: call_id(0), amount: won(20_000), method, number, gateway: gateway() }
        }),
        4 => (1..4_u32, outcome()).prop_map(|(attempt, outcome)| Command::Settle { attempt, outcome }),
        1 => Just(Command::Cancel { id: call_id(0), amount: won(20_000) }),
        1 => settlement().prop_map(|how| Command::EndUnpaid { id: call_id(0), amount: won(20_000), how }),
        2 => (1..4_u32).prop_map(|attempt| Command::NoteIntent { attempt, intent: format!("pi_{attempt}").into() }),
        1 => Just(Command::ConfirmRefund),
        1 => Just(Command::FailRefund { reason: "the account is closed".to_owned() }),
        1 => word().prop_map(Command::SettleByHand),
        1 => Just(Command::Wake),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    let outcome = select(vec![Verdict::Charged, Verdict::NotCharged, Verdict::Refunded, Verdict::RefundFailed]);
    outcome.prop_map(|outcome| Word {
        outcome,
        reference: None,
        reason: "seen at the gateway".to_owned(),
        by: customer_id(9),
    })
}

fn account_command() -> impl Strategy<Value = account::Command> {
    use account::Command;
    let phone = select(vec![Change::Keep, Change::Set(None), Change::Set(Some("010-0000-0000".to_owned()))]);
    let call = || (0..3_usize).prop_map(call_id);
    prop_oneof![
        2 => (select(vec!["민아", "김민아"]), phone).prop_map(|(name, phone)| {
            let profile =
                ProfileChange { name: name.to_owned(), phone, email: Change::Keep, language: Change::Keep };
            Command::SetProfile { id: customer_id(0), profile }
        }),
        3 => call().prop_map(|call| {
            Command::NoteDebt { id: customer_id(0), debt: Debt { call, service: service(), amount: won(5_800) } }
        }),
        3 => call().prop_map(|call| Command::ClearDebt { call }),
        1 => Just(Command::Wake),
    ]
}

fn position() -> impl Strategy<Value = LatLng> {
    select(vec![in_seoul().position(), in_incheon().position()])
}

fn profile() -> impl Strategy<Value = Profile> {
    (some_service(), select(vec!["김기사", "이기사"]), option::of(Just("010-0000-0000".to_owned())))
        .prop_map(|(service, name, phone)| Profile { service, name: name.to_owned(), phone, plate: None })
}

fn driver_command() -> impl Strategy<Value = driver::Command> {
    use driver::Command;
    let call = || (0..2_usize).prop_map(call_id);
    let refused = option::of(select(vec![
        ReleaseReason::CallTaken,
        ReleaseReason::NotOffered,
        ReleaseReason::NoSuchCall,
        ReleaseReason::NoAnswer,
    ]));
    prop_oneof![
        2 => (profile(), option::of(position())).prop_map(|(profile, position)| {
            Command::Register { by: Asker::new(Party::System), id: driver_id(0), registration: profile.into(), position }
        }),
        3 => any::<bool>().prop_map(|available| Command::SetAvailability { by: Asker::new(Party::System), available }),
        1 => position().prop_map(|position| Command::Move { fix: Fix::now(position, Timestamp::UNIX_EPOCH) }),
        4 => call().prop_map(|call| Command::Claim { call, period: None, terms: None }),
        3 => (call(), refused).prop_map(|(call, refused)| Command::SettleClaim { call, refused }),
        2 => call().prop_map(|call| Command::Release { call }),
        1 => Just(Command::Retire { by: Asker::new(Party::System) }),
        1 => Just(Command::Wake),
    ]
}
