//! Payments whose money needs a look: what is unknown, waits for a payer, was rejected, or is owed back.

use std::{fmt::Display, sync::Arc};

use dashmap::DashMap;
use jiff::Timestamp;
use metrics::{Unit, describe_gauge, gauge};

use crate::domain::{
    CallId, Money,
    payment::{Payment, PaymentStatus, Phase},
};

const COUNT: &str = "callout_payments_unsettled";
const AGE: &str = "callout_payments_unsettled_oldest_seconds";

/// Names the figures.
pub(in crate::actors) fn describe_metrics() {
    describe_gauge!(COUNT, Unit::Count, "Payments whose money is not settled, by state");
    describe_gauge!(AGE, Unit::Seconds, "Age of the oldest payment whose money is not settled, by state");
}

/// Characters of an error that are kept.
const ERROR_MAX: usize = 500;

/// A payment whose money is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    pub payment: CallId,
    pub state: PaymentStatus,
    /// When it came into that state.
    pub since: Timestamp,
    pub amount: Money,
    /// How often the gateway was asked in vain since this process has it.
    pub attempts: u32,
    /// The last answer that settled nothing.
    pub last_error: Option<String>,
    /// The gateway's name for the intent or the charge.
    pub reference: Option<Arc<str>>,
}

/// The payments whose money is not settled.
#[derive(Default)]
pub struct UnsettledBoard(DashMap<CallId, Unsettled>);

impl UnsettledBoard {
    /// The states of payments that it shows.
    const STATES: [PaymentStatus; 5] = [
        PaymentStatus::Unknown,
        PaymentStatus::ActionRequired,
        PaymentStatus::Rejected,
        PaymentStatus::Refunding,
        PaymentStatus::RefundFailed,
    ];

    /// Forgets every payment.
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// Shows where a payment stands.
    pub fn show(&self, payment: &Payment) {
        let Some(since) = payment.since else {
            self.0.remove(&payment.id);
            return;
        };
        let state = payment.status();
        let (reason, charge) = match &payment.phase {
            Phase::Rejected { reason } => (Some(reason), None),
            Phase::RefundFailed { reason, reference, .. } => (Some(reason), Some(reference)),
            Phase::Refunding { reference } => (None, Some(reference)),
            _ => (None, None),
        };
        let known = self.0.get(&payment.id).filter(|known| known.state == state).map(|known| known.clone());
        let (attempts, error) = known.map_or((0, None), |known| (known.attempts, known.last_error));
        let shown = Unsettled {
            payment: payment.id.clone(),
            state,
            since,
            amount: payment.amount,
            attempts,
            last_error: reason.cloned().or(error),
            reference: charge.or(payment.intent.as_ref()).cloned(),
        };
        self.0.insert(payment.id.clone(), shown);
    }

    /// Notes that the gateway was asked in vain.
    pub fn note(&self, payment: &CallId, error: &impl Display) {
        if let Some(mut known) = self.0.get_mut(payment) {
            known.attempts = known.attempts.saturating_add(1);
            known.last_error = Some(error.to_string().chars().take(ERROR_MAX).collect());
        }
    }

    /// Shows the metrics as they are now: how many are in each state, and the age of the oldest one.
    pub fn report(&self, now: Timestamp) {
        let mut figures = Self::STATES.map(|state| (state, 0_u32, 0.0_f64));
        for entry in &self.0 {
            if let Some((_, count, oldest)) = figures.iter_mut().find(|(state, ..)| *state == entry.state) {
                *count += 1;
                *oldest = oldest.max(now.duration_since(entry.since).as_secs_f64());
            }
        }
        for (state, count, oldest) in figures {
            gauge!(COUNT, "state" => state.as_str()).set(f64::from(count));
            gauge!(AGE, "state" => state.as_str()).set(oldest);
        }
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Unsettled> {
        let mut all: Vec<Unsettled> = self.0.iter().map(|entry| entry.value().clone()).collect();
        all.sort_by(|one, other| (one.since, &one.payment).cmp(&(other.since, &other.payment)));
        all
    }
}
