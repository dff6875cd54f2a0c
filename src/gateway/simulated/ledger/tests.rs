//! The books stay right under any sequence of requests.

use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
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

fn take<T>(ledger: &mut Ledger, (record, step): (Option<Record>, Step<T>)) -> Step<T> {
    record.into_iter().for_each(|record| ledger.add(record));
    step
}

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

#[test]
fn a_key_has_one_outcome_and_one_meaning() {
    let mut ledger = Ledger::default();
    let first = ledger.charge(&charge("k", "p", 100), None, at());
    let Step::Done(outcome) = take(&mut ledger, first) else { panic!("the first charge is performed") };
    let again = ledger.charge(&charge("k", "p", 100), Some("too late to decline".to_owned()), at());
    assert_eq!(again, (None, Step::Repeated(outcome)));
    let (record, step) = ledger.charge(&charge("k", "p", 101), None, at());
    assert!(record.is_none() && matches!(step, Step::Wrong(_)));
    let (record, step) = ledger.refund(&refund("k", "p", "sim_ch_1", 100), at());
    assert!(record.is_none() && matches!(step, Step::Wrong(_)));
}

#[test]
fn a_decline_is_remembered_but_is_no_movement() {
    let mut ledger = Ledger::default();
    let first = ledger.charge(&charge("k", "p", 100), Some("no".to_owned()), at());
    let declined = ChargeOutcome::Declined { reason: "no".to_owned() };
    assert_eq!(take(&mut ledger, first), Step::Done(declined.clone()));
    assert_eq!(ledger.charge(&charge("k", "p", 100), None, at()).1, Step::Repeated(declined));
    assert!(ledger.movements(None, 10, 0).is_empty());
}

#[test]
fn movements_are_listed_by_payment_and_from_a_cursor() {
    let mut ledger = Ledger::default();
    for number in 0..5 {
        let step = ledger.charge(&charge(&format!("k{number}"), &format!("p{}", number % 2), 100), None, at());
        take(&mut ledger, step);
    }
    let seqs = |entries: Vec<LedgerEntry>| entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    assert_eq!(seqs(ledger.movements(None, 2, 1)), [2, 3]);
    assert_eq!(seqs(ledger.movements(Some("p0"), 10, 1)), [3, 5]);
    assert!(ledger.movements(Some("none"), 10, 0).is_empty());
}

proptest! {
    #[test]
    fn no_charge_is_refunded_beyond_its_amount(
        requests in prop::collection::vec((any::<bool>(), 0_u8..6, 0_u8..3, 1_u64..300), 0..60)
    ) {
        let mut ledger = Ledger::default();
        for (is_charge, key, payment, amount) in requests {
            let payment = format!("p{payment}");
            if is_charge {
                let step = ledger.charge(&charge(&format!("c{key}"), &payment, amount), None, at());
                take(&mut ledger, step);
            } else {
                let step = ledger.refund(&refund(&format!("r{key}"), &payment, "sim_ch_1", amount), at());
                take(&mut ledger, step);
            }
        }
        let entries = ledger.movements(None, usize::MAX, 0);
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
