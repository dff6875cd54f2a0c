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
    }
}

fn refund(key: &str, payment: &str, charge: &str, amount: u64) -> RefundRequest {
    RefundRequest {
        key: key.into(),
        payment_id: payment.into(),
        charge: charge.into(),
        amount: Money::new(amount, Currency::KRW),
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
    let first = take(&mut journal, |books| books.charge(&charge("k", "p", 100), None, at()));
    let Performed::Done(outcome) = first else { panic!("the first charge is performed") };
    let again = journal.books().charge(&charge("k", "p", 100), Some("too late to decline".to_owned()), at());
    assert_eq!(again.expect("read"), (None, Performed::Repeated(outcome)));
    let (record, step) = journal.books().charge(&charge("k", "p", 101), None, at()).expect("read");
    assert!(record.is_none() && matches!(step, Performed::Wrong(_)));
    let (record, step) = journal.books().refund(&refund("k", "p", "sim_ch_1", 100), at()).expect("read");
    assert!(record.is_none() && matches!(step, Performed::Wrong(_)));
}

#[test]
fn a_decline_is_remembered_but_is_no_movement() {
    let mut journal = books();
    let declined = ChargeOutcome::Declined { reason: "no".to_owned() };
    let first = take(&mut journal, |books| books.charge(&charge("k", "p", 100), Some("no".to_owned()), at()));
    assert_eq!(first, Performed::Done(declined.clone()));
    let again = take(&mut journal, |books| books.charge(&charge("k", "p", 100), None, at()));
    assert_eq!(again, Performed::Repeated(declined));
    assert!(journal.books().movements(None, 10, 0).expect("read").is_empty());
}

#[test]
fn movements_are_listed_by_payment_and_from_a_cursor() {
    let mut journal = books();
    for number in 0..5 {
        let request = charge(&format!("k{number}"), &format!("p{}", number % 2), 100);
        take(&mut journal, |books| books.charge(&request, None, at()));
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
                take(&mut journal, |books| books.charge(&request, None, at()));
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
