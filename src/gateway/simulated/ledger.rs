//! The rules of the simulated gateway's books, without files or time: what a request means given what is recorded.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    actors::ports::gateway::{ChargeOutcome, ChargeRequest, LedgerEntry, LedgerKind, RefundRequest},
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

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Event {
    /// Money was taken.
    Charge { reference: Arc<str> },
    /// Money was given back.
    Refund { charge: Arc<str> },
    /// Nothing was taken, and never will be with this key.
    Decline { reason: Arc<str> },
}

/// What a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<T> {
    /// It was performed before: this was its outcome.
    Repeated(T),
    /// It is performed now, with this outcome.
    Done(T),
    /// It contradicts what is recorded, for this reason.
    Wrong(String),
}

/// All records, by key and by payment.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    records: Vec<Record>,
    by_key: HashMap<Arc<str>, usize>,
    by_payment: HashMap<Arc<str>, Vec<usize>>,
}

impl Ledger {
    /// A charge, or its refusal for the reason given.
    pub(super) fn charge(
        &self,
        request: &ChargeRequest,
        refusal: Option<String>,
        at: Timestamp,
    ) -> (Option<Record>, Step<ChargeOutcome>) {
        if let Some(known) = self.find(&request.key) {
            let same = known.payment_id == request.payment_id && known.money == request.amount;
            return match known.outcome() {
                Some(outcome) if same => (None, Step::Repeated(outcome)),
                _ => (None, Step::Wrong(reused(known))),
            };
        }
        let event = match refusal {
            None => Event::Charge { reference: format!("sim_ch_{}", self.records.len() + 1).into() },
            Some(reason) => Event::Decline { reason: reason.into() },
        };
        let outcome = event.outcome();
        let record = Record {
            payment_id: Arc::clone(&request.payment_id),
            key: Arc::clone(&request.key),
            money: request.amount,
            at,
            event,
        };
        match outcome {
            Some(outcome) => (Some(record), Step::Done(outcome)),
            None => (None, Step::Wrong(reused(&record))),
        }
    }

    /// A refund, never of more than is left of its charge.
    pub(super) fn refund(&self, request: &RefundRequest, at: Timestamp) -> (Option<Record>, Step<()>) {
        let event = Event::Refund { charge: Arc::clone(&request.charge) };
        if let Some(known) = self.find(&request.key) {
            let same = known.event == event && known.money == request.amount;
            return (None, if same { Step::Repeated(()) } else { Step::Wrong(reused(known)) });
        }
        let Some(left) = self.left_of(&request.payment_id, &request.charge) else {
            let why = format!("payment {} has no charge {}", request.payment_id, request.charge);
            return (None, Step::Wrong(why));
        };
        if left.currency != request.amount.currency || left.amount < request.amount.amount {
            let why = format!("a refund of {} exceeds the {left} left of charge {}", request.amount, request.charge);
            return (None, Step::Wrong(why));
        }
        let record = Record {
            payment_id: Arc::clone(&request.payment_id),
            key: Arc::clone(&request.key),
            money: request.amount,
            at,
            event,
        };
        (Some(record), Step::Done(()))
    }

    /// What became of a charge's key.
    pub(super) fn outcome(&self, key: &str) -> Option<ChargeOutcome> {
        self.find(key).and_then(Record::outcome)
    }

    /// Movements above `after`, oldest first.
    pub(super) fn movements(&self, payment_id: Option<&str>, limit: usize, after: u64) -> Vec<LedgerEntry> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let entry = |place: usize| self.records.get(place).and_then(|record| record.movement(place as u64 + 1));
        match payment_id {
            None => (after..self.records.len()).filter_map(entry).take(limit).collect(),
            Some(id) => {
                let places = self.by_payment.get(id).map_or(&[][..], Vec::as_slice);
                places.iter().filter(|place| **place >= after).filter_map(|place| entry(*place)).take(limit).collect()
            }
        }
    }

    /// Adds what has been written down.
    pub(super) fn add(&mut self, record: Record) {
        let place = self.records.len();
        self.by_key.insert(Arc::clone(&record.key), place);
        self.by_payment.entry(Arc::clone(&record.payment_id)).or_default().push(place);
        self.records.push(record);
    }

    fn find(&self, key: &str) -> Option<&Record> {
        self.by_key.get(key).and_then(|place| self.records.get(*place))
    }

    /// What of a charge has not been refunded.
    fn left_of(&self, payment_id: &str, reference: &str) -> Option<Money> {
        let places = self.by_payment.get(payment_id)?;
        let records = || places.iter().filter_map(|place| self.records.get(*place));
        let charged = records()
            .find(|record| matches!(&record.event, Event::Charge { reference: known } if **known == *reference))?;
        let refunded: u64 = records()
            .filter(|record| matches!(&record.event, Event::Refund { charge } if **charge == *reference))
            .map(|record| record.money.amount)
            .sum();
        Some(Money::new(charged.money.amount.saturating_sub(refunded), charged.money.currency))
    }
}

impl Record {
    fn outcome(&self) -> Option<ChargeOutcome> {
        self.event.outcome()
    }

    fn movement(&self, seq: u64) -> Option<LedgerEntry> {
        let kind = match self.event {
            Event::Charge { .. } => LedgerKind::Charge,
            Event::Refund { .. } => LedgerKind::Refund,
            Event::Decline { .. } => return None,
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

impl Event {
    fn outcome(&self) -> Option<ChargeOutcome> {
        match self {
            Self::Charge { reference } => Some(ChargeOutcome::Charged { reference: Arc::clone(reference) }),
            Self::Decline { reason } => Some(ChargeOutcome::Declined { reason: reason.to_string() }),
            Self::Refund { .. } => None,
        }
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
