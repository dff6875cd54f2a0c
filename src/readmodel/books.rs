//! The money of calls as their histories have it: what was charged and given back, and when. Only reads, also while a server
//! writes.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::{OpenError, ReadError, history, opening};
use crate::domain::{
    Money,
    call::{Call, Event},
    payment::PaymentStatus,
};

/// How long before a charge its call may have been requested at most: bookings are made ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Calls that are read at once.
const PAGE: i64 = 1_000;

const CHARGED: &str = "
    SELECT id, state FROM calls
    WHERE (created_at, id) > (?1, ?2) AND created_at < ?3 AND json_extract(state, '$.payment.charged') IS NOT NULL
    ORDER BY created_at, id LIMIT ?4";
const HISTORY: &str = "SELECT id, seq, events FROM call_history WHERE id = ?1 ORDER BY seq";

/// The money of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// The payment, which has the id of its call.
    pub payment_id: String,
    pub status: PaymentStatus,
    pub charged: Option<BookedMove>,
    pub refunded: Option<BookedMove>,
}

/// An amount, and when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookedMove {
    pub amount: Money,
    pub at: Timestamp,
}

/// An event as the history has it, without its cause.
#[derive(Deserialize)]
struct Recorded {
    event: Event,
}

/// The histories in a read model's file.
pub struct Books(SqliteConnection);

impl Books {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// When it is no read model, or cannot be read.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        opening::reading(path).await.map(Self).map_err(|source| OpenError::of(path, source))
    }

    /// The money of a call; `None` when the call is not known.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn of(&mut self, payment: &str) -> Result<Option<Booked>, ReadError> {
        let state: Option<String> = sqlx::query_scalar("SELECT state FROM calls WHERE id = ?1")
            .bind(payment)
            .fetch_optional(&mut self.0)
            .await?;
        match state {
            Some(state) => Ok(Some(self.book(serde_json::from_str(&state)?).await?)),
            None => Ok(None),
        }
    }

    /// Everything that was charged or given back from one time to another.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn between(&mut self, from: Timestamp, to: Timestamp) -> Result<Vec<Booked>, ReadError> {
        let span = from..to;
        let earliest = from.checked_sub(AHEAD).unwrap_or(Timestamp::MIN);
        let (mut after, mut found) = ((earliest.as_millisecond() - 1, String::new()), Vec::new());
        loop {
            let rows = sqlx::query(CHARGED).bind(after.0).bind(&after.1).bind(to.as_millisecond()).bind(PAGE);
            let rows = rows.fetch_all(&mut self.0).await?;
            let calls: Vec<Call> = rows
                .iter()
                .map(|row| Ok(serde_json::from_str(row.try_get("state")?)?))
                .collect::<Result<_, ReadError>>()?;
            let Some(last) = calls.last() else { return Ok(found) };
            after = (last.created_at.as_millisecond(), last.id.to_string());
            for call in calls {
                let booked = self.book(call).await?;
                let is_within = |moved: Option<BookedMove>| moved.is_some_and(|moved| span.contains(&moved.at));
                if is_within(booked.charged) || is_within(booked.refunded) {
                    found.push(booked);
                }
            }
        }
    }

    /// Closes the file.
    pub async fn close(self) {
        // It was only read: there is nothing that could be lost.
        drop(self.0.close().await);
    }

    /// The money of a call, with the times that its history has; where that is missing, with the time of its last change.
    async fn book(&mut self, call: Call) -> Result<Booked, ReadError> {
        let at = |amount: Option<Money>| amount.map(|amount| BookedMove { amount, at: call.updated_at });
        let (mut charged, mut refunded) = (at(call.payment.charged), at(call.payment.refunded));
        let rows = sqlx::query(HISTORY).bind(call.id.as_str()).fetch_all(&mut self.0).await?;
        let (mut is_charged, mut is_refunded) = (false, false);
        for row in &rows {
            for record in history::calls_events(row)? {
                let Ok(Recorded { event: Event::PaymentChanged(news) }) = serde_json::from_str(&record.body) else {
                    continue;
                };
                if let (Some(amount), false) = (news.charged, is_charged) {
                    (charged, is_charged) = (Some(BookedMove { amount, at: record.at }), true);
                }
                if let (Some(amount), false) = (news.refunded, is_refunded) {
                    (refunded, is_refunded) = (Some(BookedMove { amount, at: record.at }), true);
                }
            }
        }
        Ok(Booked { payment_id: call.id.to_string(), status: call.payment.status, charged, refunded })
    }
}
