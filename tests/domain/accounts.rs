//! What a customer's account promises: debts are noted and cleared once each, and the event stream has no personal data.

use callout::domain::{
    Change, Currency, Machine as _, Money, Role,
    account::{AccountMachine, Command, Debt, Event, Profile, ProfileChange, ReadMark},
    policy::Lang,
};
use jiff::Timestamp;

use crate::{call_id, customer_id, laws::step, policies, service};

fn debt(n: usize) -> Debt {
    Debt { call: call_id(n), service: service(), amount: Money::new(5_800, Currency::KRW) }
}

fn named(name: &str) -> ProfileChange {
    ProfileChange { name: name.to_owned(), phone: Change::Keep, email: Change::Keep, language: Change::Keep }
}

fn set(profile: ProfileChange) -> Command {
    Command::SetProfile { id: customer_id(0), profile }
}

fn all(commands: &[Command]) -> (Option<callout::domain::account::Account>, Vec<Event>) {
    let (mut state, mut events) = (None, Vec::new());
    for command in commands {
        let decision = step::<AccountMachine>(&mut state, command, policies(), Timestamp::UNIX_EPOCH);
        events.extend(decision.expect("nothing stands against it").events);
    }
    (state, events)
}

#[test]
fn what_a_change_of_the_profile_leaves_out_stays_as_it_is() {
    let first = ProfileChange {
        phone: Change::Set(Some("010-1234-5678".to_owned())),
        email: Change::Set(Some("mina@example.com".to_owned())),
        language: Change::Set(Some(Lang::En)),
        ..named("민아")
    };
    let second = ProfileChange { email: Change::Set(None), ..named("김민아") };
    let (state, _) = all(&[set(first), set(second)]);
    let wanted = Profile {
        name: "김민아".to_owned(),
        phone: Some("010-1234-5678".to_owned()),
        email: None,
        language: Some(Lang::En),
    };
    assert_eq!(state.and_then(|account| account.profile), Some(wanted));
}

#[test]
fn the_event_stream_and_what_is_formatted_have_no_personal_data() {
    let private = ProfileChange {
        phone: Change::Set(Some("010-1234-5678".to_owned())),
        email: Change::Set(Some("mina@example.com".to_owned())),
        ..named("Kim Mina")
    };
    let (state, events) = all(&[set(private.clone())]);
    let streamed = events.iter().map(|event| event.without_personal_data().unwrap_or_else(|| event.clone()));
    let streamed = serde_json::to_string(&streamed.collect::<Vec<_>>()).expect("JSON");
    let formatted = format!("{state:?} {events:?} {:?}", set(private));
    for text in [&streamed, &formatted] {
        for secret in ["Mina", "010-1234", "mina@"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    assert!(streamed.contains("profile_changed"), "{streamed}");
}

#[test]
fn a_debt_is_noted_once_and_cleared_once() {
    let note = |n| Command::NoteDebt { id: customer_id(0), debt: debt(n) };
    let clear = |n| Command::ClearDebt { call: call_id(n) };
    let (state, events) = all(&[note(0), note(0), note(1), clear(0), clear(0)]);
    let state = state.expect("an account");
    assert_eq!(state.debts, [debt(1)]);
    assert_eq!(events.len(), 4, "opened, noted twice, cleared once: {events:?}");
    assert!(!AccountMachine::is_terminal(&state), "an account with a debt is live");
    let (state, _) = all(&[note(0), clear(0)]);
    assert!(AccountMachine::is_terminal(&state.expect("an account")));
}

fn mark(numbering: &str, number: i64, second: i64) -> ReadMark {
    ReadMark { numbering: numbering.to_owned(), number, at: Timestamp::from_second(second).expect("a time") }
}

fn read(role: Role, mark: ReadMark) -> Command {
    Command::MarkRead { id: customer_id(0), role, mark }
}

#[test]
fn a_read_mark_goes_on_and_never_back_for_each_role() {
    for (known, later, is_beyond) in [
        (mark("a", 5, 50), mark("a", 6, 40), true),
        (mark("a", 5, 50), mark("a", 5, 50), false),
        (mark("a", 5, 50), mark("a", 4, 60), false),
        // After the notifications were numbered anew the time alone tells.
        (mark("a", 5, 50), mark("b", 1, 51), true),
        (mark("a", 5, 50), mark("b", 9, 50), false),
    ] {
        let commands = [read(Role::Customer, known.clone()), read(Role::Customer, later.clone())];
        let (state, events) = all(&commands);
        let expected = if is_beyond { &later } else { &known };
        let state = state.expect("an account");
        assert_eq!(state.read.get(&Role::Customer), Some(expected), "{known:?} {later:?}");
        assert_eq!(events.len(), if is_beyond { 3 } else { 2 }, "{known:?} {later:?}");
        assert_eq!(state.read.get(&Role::Driver), None);
        let stored = serde_json::to_string(&state).expect("JSON");
        assert_eq!(serde_json::from_str::<callout::domain::account::Account>(&stored).expect("an account"), state);
    }
}
