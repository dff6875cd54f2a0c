//! The books stay right under any sequence of requests.

use proptest::prelude::*;
use secrecy::SecretString;

use super::{super::journal::Journal, *};
use crate::domain::Currency;

fn charge(key: &str, payment: &str, amount: u64) -> ChargeRequest {
    ChargeRequest {
        key: key.into(),
        payment_id: payment.into(),
        amount: Money::new(amount, Currency::KRW),
        method: SecretString::from("tok_ok"),
        intent: None,
    }
}

fn refund(key: &str, payment: &str, charge: &str, amount: u64) -> RefundRequest {
    RefundRequest {
        key: key.into(),
        payment_id: payment.into(),
        charge: charge.into(),
        amount: Money::new(amount, Currency::KRW),
        repeated: false,
    }
}

fn books() -> Journal {
    Journal::open(None).expect("books in memory")
}

fn take<T>(
    journal: &mut Journal,
    step: impl FnOnce(Books<'_>) -> io::Result<(Option<Record>, Performed<T>)>,
) -> Performed<T> {
    journal.transact(step).expect("taken")
}

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

#[test]
fn a_key_has_one_outcome_and_one_meaning() {
    let mut journal = books();
    let first = take(&mut journal, |books| books.charge(&charge("k", "p", 100), Wish::Take, at()));
    let Performed::Done(outcome) = first else { panic!("the first charge is performed") };
    let again = journal.books().charge(&charge("k", "p", 100), Wish::Refuse("too late to decline".to_owned()), at());
    assert_eq!(again.expect("read"), (None, Performed::Repeated(outcome)));
    let (record, step) = journal.books().charge(&charge("k", "p", 101), Wish::Take, at()).expect("read");
    assert!(record.is_none() && matches!(step, Performed::Wrong(_)));
    let (record, step) = journal.books().refund(&refund("k", "p", "sim_ch_1", 100), at()).expect("read");
    assert!(record.is_none() && matches!(step, Performed::Wrong(_)));
}

#[test]
fn a_decline_is_remembered_but_is_no_movement() {
    let mut journal = books();
    let declined = Known::Declined("no".into());
    let first = take(&mut journal, |books| books.charge(&charge("k", "p", 100), Wish::Refuse("no".to_owned()), at()));
    assert_eq!(first, Performed::Done(declined.clone()));
    let again = take(&mut journal, |books| books.charge(&charge("k", "p", 100), Wish::Take, at()));
    assert_eq!(again, Performed::Repeated(declined));
    assert!(journal.books().movements(None, 10, 0).expect("read").is_empty());
}

#[test]
fn what_is_withdrawn_is_never_charged_and_what_is_charged_is_never_withdrawn() {
    let mut journal = books();
    let withdraw = |key: &str| WithdrawRequest {
        key: key.into(),
        payment_id: "p".into(),
        amount: Money::new(100, Currency::KRW),
        intent: None,
    };
    let gone = |journal: &mut Journal, key: &str| {
        journal.transact(|books| books.withdraw(&withdraw(key), at())).expect("taken")
    };
    assert_eq!(gone(&mut journal, "early"), WithdrawOutcome::Withdrawn);
    let late = take(&mut journal, |books| books.charge(&charge("early", "p", 100), Wish::Take, at()));
    assert!(matches!(late, Performed::Repeated(Known::Declined(_))), "{late:?}");
    take(&mut journal, |books| books.charge(&charge("k", "p", 100), Wish::Take, at()));
    assert!(matches!(gone(&mut journal, "k"), WithdrawOutcome::Charged { .. }));
}

#[test]
fn a_payer_confirms_once_and_only_what_waits_for_it() {
    let mut journal = books();
    let asked = charge("k", "p", 100);
    take(&mut journal, |books| books.charge(&asked, Wish::Ask("s.p".to_owned()), at()));
    let act = |journal: &mut Journal, secret: &str, confirms| {
        journal.transact(|books| books.act("p", secret, confirms, at())).expect("taken")
    };
    assert_eq!(act(&mut journal, "other.p", true), None);
    assert!(journal.books().movements(None, 10, 0).expect("read").is_empty(), "nothing was taken yet");
    assert!(matches!(act(&mut journal, "s.p", true), Some(Known::Charged(_))));
    assert_eq!(act(&mut journal, "s.p", false), None);
    let again = take(&mut journal, |books| books.charge(&asked, Wish::Ask("t.p".to_owned()), at()));
    assert!(matches!(again, Performed::Repeated(Known::Charged(_))), "{again:?}");
    assert_eq!(journal.books().movements(None, 10, 0).expect("read").len(), 1);
}

#[test]
fn movements_are_listed_by_payment_and_from_a_cursor() {
    let mut journal = books();
    for number in 0..5 {
        let request = charge(&format!("k{number}"), &format!("p{}", number % 2), 100);
        take(&mut journal, |books| books.charge(&request, Wish::Take, at()));
    }
    let seqs = |payment: Option<&str>, limit, after| -> Vec<u64> {
        let entries = journal.books().movements(payment, limit, after).expect("read");
        entries.iter().map(|entry| entry.seq).collect()
    };
    assert_eq!(seqs(None, 2, 1), [2, 3]);
    assert_eq!(seqs(Some("p0"), 10, 1), [3, 5]);
    assert_eq!(seqs(Some("p0"), 2, 0), [1, 3]);
    assert!(seqs(Some("none"), 10, 0).is_empty());
}

proptest! {
    #[test]
    fn no_charge_is_refunded_beyond_its_amount(
        requests in prop::collection::vec((any::<bool>(), 0_u8..6, 0_u8..3, 1_u64..300), 0..60)
    ) {
        let mut journal = books();
        for (is_charge, key, payment, amount) in requests {
            let payment = format!("p{payment}");
            if is_charge {
                let request = charge(&format!("c{key}"), &payment, amount);
                take(&mut journal, |books| books.charge(&request, Wish::Take, at()));
            } else {
                let request = refund(&format!("r{key}"), &payment, "sim_ch_1", amount);
                take(&mut journal, |books| books.refund(&request, at()));
            }
        }
        let entries = journal.books().movements(None, usize::MAX, 0).expect("read");
        let refunds = entries.iter().filter(|entry| entry.kind == LedgerKind::Refund);
        let refunded: u64 = refunds.map(|entry| entry.amount.amount).sum();
        let charged = entries.iter().find(|entry| entry.seq == 1).map_or(0, |entry| entry.amount.amount);
        prop_assert!(refunded <= charged, "{refunded} of {charged} were given back");
        let mut keys: Vec<_> = entries.iter().map(|entry| &entry.key).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), entries.len());
    }
}
