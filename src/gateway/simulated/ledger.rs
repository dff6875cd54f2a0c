//! The rules of the simulated gateway's books, without time: what a request means given what is recorded.

use std::{io, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::index::Index;
use crate::{
    actors::ports::gateway::{ChargeRequest, LedgerEntry, LedgerKind, RefundRequest, WithdrawOutcome, WithdrawRequest},
    domain::Money,
};

/// One thing that happened, once and for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) payment_id: Arc<str>,
    pub(super) key: Arc<str>,
    pub(super) money: Money,
    pub(super) at: Timestamp,
    #[serde(flatten)]
    pub(super) event: Event,
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Event {
    Charge {
        reference: Arc<str>,
    },
    /// Money was given back.
    Refund {
        charge: Arc<str>,
    },
    /// Nothing was taken, and never will be with this key.
    Decline {
        reason: Arc<str>,
    },
    /// Nothing was taken yet: the payer is to confirm it, and is known by this secret.
    Action {
        secret: Arc<str>,
    },
}

/// What becomes of a charge that is asked for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Take,
    Refuse(String),
    /// Ask the payer, who is known by this secret.
    Ask(String),
}

/// What is known of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// The money was taken; the name of the charge.
    Charged(Arc<str>),
    /// Nothing was taken, for this reason.
    Declined(Arc<str>),
    /// The payer was asked, who is known by this secret.
    Asked(Arc<str>),
}

/// The result of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Performed<T> {
    /// It was performed before: this was its outcome.
    Repeated(T),
    /// It is performed now, with this outcome.
    Done(T),
    /// It contradicts what is recorded, for this reason.
    Wrong(String),
}

/// Where the records are kept: in a file, or in memory.
pub(super) trait Shelf {
    /// The record that was put at this place.
    fn record(&self, place: u64) -> io::Result<Record>;
}

/// Where on the shelf each record is, by key and by payment.
///
/// Some 24 bytes a record, whatever is in it: payments are made for as long as the process runs, and all are kept.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    places: Vec<u64>,
    by_key: Index,
    by_payment: Index,
}

/// The ledger and what is on its shelf: what a request means is said here.
#[derive(Clone, Copy)]
pub(super) struct Books<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) shelf: &'a dyn Shelf,
}

impl Ledger {
    /// Adds a record that is on the shelf at this place.
    pub(super) fn add(&mut self, record: &Record, place: u64) {
        let number = self.count();
        self.by_key.add(&record.key, number);
        self.by_payment.add(&record.payment_id, number);
        self.places.push(place);
    }

    fn count(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }
}

impl Books<'_> {
    /// A charge, or what is to become of it instead.
    pub(super) fn charge(
        self,
        request: &ChargeRequest,
        wish: Wish,
        at: Timestamp,
    ) -> io::Result<(Option<Record>, Performed<Known>)> {
        if let Some(known) = self.find(&request.key)? {
            let same = known.payment_id == request.payment_id && known.money == request.amount;
            return Ok(match known.known() {
                Some(outcome) if same => (None, Performed::Repeated(outcome)),
                _ => (None, Performed::Wrong(reused(&known))),
            });
        }
        let event = match wish {
            Wish::Take => self.taken(),
            Wish::Refuse(reason) => Event::Decline { reason: reason.into() },
            Wish::Ask(secret) => Event::Action { secret: secret.into() },
        };
        let record = Record {
            payment_id: Arc::clone(&request.payment_id),
            key: Arc::clone(&request.key),
            money: request.amount,
            at,
            event,
        };
        Ok(match record.known() {
            Some(known) => (Some(record), Performed::Done(known)),
            None => (None, Performed::Wrong(reused(&record))),
        })
    }

    /// Makes sure that a key never takes money, unless it has.
    pub(super) fn withdraw(
        self,
        request: &WithdrawRequest,
        at: Timestamp,
    ) -> io::Result<(Option<Record>, WithdrawOutcome)> {
        Ok(match self.find(&request.key)?.map(|record| record.event) {
            Some(Event::Charge { reference }) => (None, WithdrawOutcome::Charged { reference }),
            Some(Event::Decline { .. } | Event::Refund { .. }) => (None, WithdrawOutcome::Withdrawn),
            Some(Event::Action { .. }) | None => {
                let record = Record {
                    payment_id: Arc::clone(&request.payment_id),
                    key: Arc::clone(&request.key),
                    money: request.amount,
                    at,
                    event: Event::Decline { reason: "the charge was withdrawn".into() },
                };
                (Some(record), WithdrawOutcome::Withdrawn)
            }
        })
    }

    /// The payer confirms what it was asked for, or does not. `None` when nothing waits for that secret.
    pub(super) fn act(
        self,
        payment_id: &str,
        secret: &str,
        confirms: bool,
        at: Timestamp,
    ) -> io::Result<(Option<Record>, Option<Known>)> {
        let Some(waiting) = self.waiting_for(payment_id, secret)? else { return Ok((None, None)) };
        let event = match confirms {
            true => self.taken(),
            false => Event::Decline { reason: "the payer did not confirm the payment".into() },
        };
        let record = Record { event, at, ..waiting };
        let known = record.known();
        Ok((Some(record), known))
    }

    fn taken(self) -> Event {
        Event::Charge { reference: format!("sim_ch_{}", self.ledger.count() + 1).into() }
    }

    fn waiting_for(self, payment_id: &str, secret: &str) -> io::Result<Option<Record>> {
        for number in self.ledger.by_payment.candidates(payment_id) {
            let record = self.record(number)?;
            let is_asked = matches!(&record.event, Event::Action { secret: known } if **known == *secret);
            if is_asked && self.find(&record.key)?.is_some_and(|last| last.event == record.event) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// A refund, never of more than is left of its charge.
    pub(super) fn refund(self, request: &RefundRequest, at: Timestamp) -> io::Result<(Option<Record>, Performed<()>)> {
        let event = Event::Refund { charge: Arc::clone(&request.charge) };
        if let Some(known) = self.find(&request.key)? {
            let same = known.event == event && known.money == request.amount;
            return Ok((None, if same { Performed::Repeated(()) } else { Performed::Wrong(reused(&known)) }));
        }
        let Some(left) = self.left_of(&request.payment_id, &request.charge)? else {
            let why = format!("payment {} has no charge {}", request.payment_id, request.charge);
            return Ok((None, Performed::Wrong(why)));
        };
        if left.currency != request.amount.currency || left.amount < request.amount.amount {
            let why = format!("a refund of {} exceeds the {left} left of charge {}", request.amount, request.charge);
            return Ok((None, Performed::Wrong(why)));
        }
        let record = Record {
            payment_id: Arc::clone(&request.payment_id),
            key: Arc::clone(&request.key),
            money: request.amount,
            at,
            event,
        };
        Ok((Some(record), Performed::Done(())))
    }

    /// What is known of the charge with this key.
    pub(super) fn known(self, key: &str) -> io::Result<Option<Known>> {
        Ok(self.find(key)?.as_ref().and_then(Record::known))
    }

    /// Movements above `after`, oldest first.
    pub(super) fn movements(self, payment_id: Option<&str>, limit: usize, after: u64) -> io::Result<Vec<LedgerEntry>> {
        let first = u32::try_from(after).unwrap_or(u32::MAX);
        let numbers: Box<dyn Iterator<Item = u32>> = match payment_id {
            None => Box::new(first..self.ledger.count()),
            Some(id) => Box::new(self.ledger.by_payment.candidates(id).filter(move |number| *number >= first)),
        };
        let mut movements = Vec::new();
        for number in numbers {
            let record = self.record(number)?;
            let asked_for = payment_id.is_none_or(|id| *record.payment_id == *id);
            movements.extend(record.movement(u64::from(number) + 1).filter(|_| asked_for));
            if movements.len() >= limit {
                break;
            }
        }
        Ok(movements)
    }

    fn record(self, number: u32) -> io::Result<Record> {
        let place = self.ledger.places.get(number as usize);
        self.shelf.record(*place.ok_or_else(|| io::Error::other(format!("no record {number}")))?)
    }

    /// The last record with this key: a charge that its payer confirmed has two.
    fn find(self, key: &str) -> io::Result<Option<Record>> {
        let mut last = None;
        for number in self.ledger.by_key.candidates(key) {
            let record = self.record(number)?;
            if *record.key == *key {
                last = Some(record);
            }
        }
        Ok(last)
    }

    /// The part of a charge that has not been refunded.
    fn left_of(self, payment_id: &str, reference: &str) -> io::Result<Option<Money>> {
        let mut left: Option<Money> = None;
        for number in self.ledger.by_payment.candidates(payment_id) {
            let record = self.record(number)?;
            if *record.payment_id != *payment_id {
                continue;
            }
            match (&record.event, &mut left) {
                (Event::Charge { reference: known }, None) if **known == *reference => left = Some(record.money),
                (Event::Refund { charge }, Some(left)) if **charge == *reference => {
                    left.amount = left.amount.saturating_sub(record.money.amount);
                }
                _ => {}
            }
        }
        Ok(left)
    }
}

impl Record {
    fn known(&self) -> Option<Known> {
        match &self.event {
            Event::Charge { reference } => Some(Known::Charged(Arc::clone(reference))),
            Event::Decline { reason } => Some(Known::Declined(Arc::clone(reason))),
            Event::Action { secret } => Some(Known::Asked(Arc::clone(secret))),
            Event::Refund { .. } => None,
        }
    }

    fn movement(&self, seq: u64) -> Option<LedgerEntry> {
        let kind = match self.event {
            Event::Charge { .. } => LedgerKind::Charge,
            Event::Refund { .. } => LedgerKind::Refund,
            Event::Decline { .. } | Event::Action { .. } => return None,
        };
        Some(LedgerEntry {
            seq,
            payment_id: Arc::clone(&self.payment_id),
            kind,
            amount: self.money,
            key: Arc::clone(&self.key),
            at: self.at,
        })
    }
}

fn reused(known: &Record) -> String {
    format!(
        "idempotency key {} was already used for {} of payment {}; a repeat must be the same request",
        known.key, known.money, known.payment_id
    )
}

#[cfg(test)]
mod tests;
