//! Compares the gateway's movements with the payments. Pure: both come in, differences come out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    actors::ports::gateway::{LedgerKind, Movement},
    readmodel::books::{Booked, BookedMove},
};

/// A difference between the gateway's books and the payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) kind: DifferenceKind,
    pub(super) payment_id: String,
    /// `charge` or `refund`.
    pub(super) movement: LedgerKind,
    /// What the gateway has, in words.
    pub(super) gateway: String,
    /// What the payment says, in words.
    pub(super) callout: String,
}

/// The kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DifferenceKind {
    /// The gateway moved money of which the payment does not know.
    MissingHere,
    /// The payment has a movement that the gateway does not have.
    MissingThere,
    OtherAmount,
    ChargedTwice,
    RefundedTwice,
}

/// The gateway's movements by payment, and what was counted on the way.
#[derive(Debug, Default)]
pub(super) struct Movements {
    by_payment: BTreeMap<(String, &'static str), Vec<Movement>>,
    /// Movements that name no payment: they are another system's.
    pub(super) foreign: usize,
}

impl Movements {
    pub(super) fn add(&mut self, movement: Movement) {
        match &movement.payment_id {
            Some(payment) => {
                let key = (payment.to_string(), name(movement.kind));
                self.by_payment.entry(key).or_default().push(movement);
            }
            None => self.foreign += 1,
        }
    }

    /// The payments that it names.
    pub(super) fn payments(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        self.by_payment.keys().map(|(payment, _)| payment.as_str()).filter(move |payment| {
            let is_new = last != Some(*payment);
            last = Some(*payment);
            is_new
        })
    }

    /// Whether it names a payment.
    pub(super) fn payments_contain(&self, payment: &str) -> bool {
        [LedgerKind::Charge, LedgerKind::Refund].into_iter().any(|kind| !self.of(payment, kind).is_empty())
    }

    /// How many movements of a kind began within the span.
    pub(super) fn count(&self, kind: LedgerKind, from: Timestamp, to: Timestamp) -> usize {
        let of_kind = self.by_payment.iter().filter(|((_, known), _)| *known == name(kind));
        of_kind.flat_map(|(_, all)| all).filter(|movement| (from..to).contains(&movement.at)).count()
    }

    fn of(&self, payment: &str, kind: LedgerKind) -> &[Movement] {
        self.by_payment.get(&(payment.to_owned(), name(kind))).map_or(&[], Vec::as_slice)
    }
}

fn name(kind: LedgerKind) -> &'static str {
    match kind {
        LedgerKind::Charge => "charge",
        LedgerKind::Refund => "refund",
    }
}

/// The differences of one payment in the span from one time to another. The movements go a day further on both sides: the
/// clocks of the two books differ, and an answer may have come late.
pub(super) fn compare(
    movements: &Movements,
    payment: &str,
    booked: Option<&Booked>,
    from: Timestamp,
    to: Timestamp,
) -> Vec<Difference> {
    let span = from..to;
    [LedgerKind::Charge, LedgerKind::Refund]
        .into_iter()
        .filter_map(|kind| {
            let there = movements.of(payment, kind);
            let here = booked.and_then(|booked| match kind {
                LedgerKind::Charge => booked.charged,
                LedgerKind::Refund => booked.refunded,
            });
            let is_within = there.iter().any(|movement| span.contains(&movement.at))
                || here.is_some_and(|here| span.contains(&here.at));
            is_within.then(|| difference(kind, there, here)).flatten().map(|found| Difference {
                kind: found,
                payment_id: payment.to_owned(),
                movement: kind,
                gateway: there_in_words(there),
                callout: here_in_words(booked, here),
            })
        })
        .collect()
}

fn difference(kind: LedgerKind, there: &[Movement], here: Option<BookedMove>) -> Option<DifferenceKind> {
    match (there, here) {
        ([], None) => None,
        ([], Some(_)) => Some(DifferenceKind::MissingThere),
        ([_, _, ..], _) if kind == LedgerKind::Charge => Some(DifferenceKind::ChargedTwice),
        ([_, _, ..], _) => Some(DifferenceKind::RefundedTwice),
        ([_], None) => Some(DifferenceKind::MissingHere),
        ([movement], Some(here)) => {
            let same = movement.amount == here.amount.amount && movement.currency == here.amount.currency.code();
            (!same).then_some(DifferenceKind::OtherAmount)
        }
    }
}

fn there_in_words(there: &[Movement]) -> String {
    let each = |movement: &Movement| {
        format!("{} {} as {} at {}", movement.amount, movement.currency, movement.reference, movement.at)
    };
    if there.is_empty() { "nothing".to_owned() } else { there.iter().map(each).collect::<Vec<_>>().join(", ") }
}

fn here_in_words(booked: Option<&Booked>, here: Option<BookedMove>) -> String {
    match (booked, here) {
        (None, _) => "no such payment".to_owned(),
        (Some(booked), None) => format!("nothing; the payment is {}", booked.status.as_str()),
        (Some(_), Some(here)) => format!("{} {} at {}", here.amount.amount, here.amount.currency.code(), here.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Currency, Money, payment::PaymentStatus};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn moved(kind: LedgerKind, amount: u64, second: i64) -> Movement {
        Movement {
            payment_id: Some("call_1".into()),
            kind,
            amount,
            currency: "KRW".to_owned(),
            reference: "pi_1".into(),
            at: at(second),
        }
    }

    fn booked(charged: Option<(u64, i64)>, refunded: Option<(u64, i64)>) -> Booked {
        let moved = |(amount, second)| BookedMove { amount: Money::new(amount, Currency::KRW), at: at(second) };
        Booked {
            payment_id: "call_1".to_owned(),
            status: PaymentStatus::Charged,
            charged: charged.map(moved),
            refunded: refunded.map(moved),
        }
    }

    fn kinds(there: &[Movement], here: Option<&Booked>) -> Vec<DifferenceKind> {
        let mut movements = Movements::default();
        there.iter().for_each(|movement| movements.add(movement.clone()));
        compare(&movements, "call_1", here, at(100), at(200)).iter().map(|found| found.kind).collect()
    }

    #[test]
    fn what_agrees_is_no_difference_even_when_one_side_wrote_it_after_the_end() {
        let charge = moved(LedgerKind::Charge, 500, 199);
        let refund = moved(LedgerKind::Refund, 500, 150);
        assert_eq!(kinds(std::slice::from_ref(&charge), Some(&booked(Some((500, 201)), None))), []);
        assert_eq!(kinds(&[charge, refund], Some(&booked(Some((500, 199)), Some((500, 151))))), []);
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let charge = |amount| moved(LedgerKind::Charge, amount, 150);
        let refund = moved(LedgerKind::Refund, 500, 160);
        let charged = booked(Some((500, 150)), None);
        assert_eq!(kinds(&[charge(500)], None), [DifferenceKind::MissingHere]);
        assert_eq!(kinds(&[charge(500)], Some(&booked(None, None))), [DifferenceKind::MissingHere]);
        assert_eq!(kinds(&[], Some(&charged)), [DifferenceKind::MissingThere]);
        assert_eq!(kinds(&[charge(501)], Some(&charged)), [DifferenceKind::OtherAmount]);
        assert_eq!(kinds(&[charge(500), charge(500)], Some(&charged)), [DifferenceKind::ChargedTwice]);
        assert_eq!(kinds(&[charge(500), refund.clone()], Some(&charged)), [DifferenceKind::MissingHere]);
        let refunded = booked(Some((500, 150)), Some((500, 160)));
        assert_eq!(kinds(&[charge(500), refund.clone(), refund], Some(&refunded)), [DifferenceKind::RefundedTwice]);
        assert_eq!(kinds(&[charge(500)], Some(&refunded)), [DifferenceKind::MissingThere]);
    }

    #[test]
    fn what_is_outside_the_span_on_both_sides_is_not_looked_at() {
        assert_eq!(kinds(&[moved(LedgerKind::Charge, 500, 99)], None), []);
        assert_eq!(kinds(&[], Some(&booked(Some((500, 200)), None))), []);
    }
}
