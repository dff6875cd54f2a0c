//! Everything that ever happened: the events as they were committed, and what is read out of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::{
    ReadError, ReadModel, fold,
    fold::{Read, record},
};
use crate::{
    actors::ports::store::EventRecord,
    domain::{
        CallId, Machine,
        call::{Call, CallMachine},
        policy::Text,
    },
    notify,
};

const PUT: &str = "
    INSERT INTO history (kind, id, seq, at, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
    ON CONFLICT (kind, id, seq) DO NOTHING";

/// One thing that happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// Its place in the call's history, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The event's type: `requested`, `assigned`, …
    pub event: String,
    /// What happened, in words; nothing for an event that this release does not know.
    pub description: Option<Text>,
    /// What caused it: `customer/alice`, `payment/call_…`, `deadline`.
    pub cause: String,
    /// The trace it belongs to.
    pub trace: String,
}

/// What is readable even of an event whose shape is not known.
#[derive(Deserialize)]
struct Outline {
    event: Tag,
    #[serde(default)]
    by: String,
    #[serde(default)]
    trace: String,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "type")]
    name: String,
}

impl ReadModel {
    /// Everything that happened to a call, oldest first; empty when there is no such call.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn timeline(&self, call: &CallId) -> Result<Vec<TimelineEntry>, ReadError> {
        let events = self.events_of(call).await?;
        let mut state: Option<Call> = None;
        events.iter().map(|event| self.entry(&mut state, event)).collect()
    }

    /// The whole call as it was after each event whose number is higher than `seq`, oldest first. The last is the call as
    /// the read model knows it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn states_after(&self, call: &CallId, seq: u64) -> Result<Vec<Call>, ReadError> {
        let mut states = Vec::new();
        let mut state: Option<Call> = None;
        for event in &self.events_of(call).await? {
            let Read::Call(happened) = Read::new(event) else { continue };
            state = CallMachine::evolve(state, &happened, event.at);
            if let Some(call) = &mut state {
                call.version = event.seq;
                if event.seq > seq {
                    states.push(call.clone());
                }
            }
        }
        Ok(states)
    }

    async fn events_of(&self, call: &CallId) -> Result<Vec<EventRecord>, ReadError> {
        let rows =
            sqlx::query("SELECT kind, id, seq, at, body FROM history WHERE kind = 'call' AND id = ?1 ORDER BY seq")
                .bind(call.as_str())
                .fetch_all(&self.readers)
                .await?;
        Ok(rows.iter().map(record).collect::<Result<Vec<_>, _>>()?)
    }

    fn entry(&self, state: &mut Option<Call>, event: &EventRecord) -> Result<TimelineEntry, ReadError> {
        let outline: Outline = serde_json::from_str(&event.body)?;
        let mut description = None;
        if let Read::Call(happened) = Read::new(event) {
            *state = CallMachine::evolve(state.take(), &happened, event.at);
            description = state.as_ref().map(|call| {
                let policy = self.policies.get(&call.service);
                notify::describe(policy, &happened, call)
            });
        }
        Ok(TimelineEntry {
            seq: event.seq,
            at: event.at,
            event: outline.event.name,
            description,
            cause: outline.by,
            trace: outline.trace,
        })
    }
}

/// Adds events to the history.
pub(super) async fn put(sql: &mut SqliteConnection, events: &[&EventRecord]) -> Result<(), sqlx::Error> {
    fold::put(sql, PUT, &events.iter().map(|event| row(event)).collect::<Vec<_>>()).await
}

fn row(event: &EventRecord) -> impl Serialize {
    (event.entity.kind.as_str(), &*event.entity.id, event.seq, event.at.as_millisecond(), &event.body)
}
