//! Everything that ever happened: the events as they were committed, and what is read out of them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    ReadError, ReadModel, fold,
    fold::Read,
    rows::{Insert, Values},
};
use crate::{
    actors::ports::store::{EntityKind, EntityRef, EventRecord},
    domain::{
        CallId, Machine,
        call::{Call, CallMachine},
        policy::Text,
    },
    notify,
};

const PUT_CALLS: Insert = Insert {
    into: "INSERT INTO call_history (id, seq, events)",
    columns: 3,
    otherwise: "ON CONFLICT (id, seq) DO NOTHING",
};
const PUT_DRIVERS: Insert =
    Insert { into: "INSERT INTO driver_history (id, seq, at, body)", columns: 4, otherwise: "" };

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
        let rows = sqlx::query("SELECT id, seq, events FROM call_history WHERE id = ?1 ORDER BY seq")
            .bind(call.as_str())
            .fetch_all(&self.readers)
            .await?;
        let mut events: Vec<EventRecord> = Vec::new();
        for row in &rows {
            let known = events.last().map_or(0, |event| event.seq);
            events.extend(calls_events(row)?.into_iter().filter(|event| event.seq > known));
        }
        Ok(events)
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

/// Adds events to the history: those of a call in one row, since they are always read together.
pub(super) async fn put(sql: &mut SqliteConnection, events: &[&EventRecord]) -> Result<(), sqlx::Error> {
    let mut calls: BTreeMap<&Arc<str>, Vec<&EventRecord>> = BTreeMap::new();
    let mut drivers = Vec::new();
    for event in events {
        match event.entity.kind {
            EntityKind::Call => calls.entry(&event.entity.id).or_default().push(event),
            EntityKind::Driver => drivers.push(*event),
            EntityKind::Payment => {}
        }
    }
    let calls = calls.into_iter().map(|(id, events)| Packed::new(id, &events)).collect::<Result<Vec<_>, _>>()?;
    PUT_CALLS.put(sql, &calls, Packed::bind).await?;
    PUT_DRIVERS.put(sql, &drivers, bind_event).await
}

/// The events of a row of `call_history`.
pub(super) fn calls_events(row: &SqliteRow) -> Result<Vec<EventRecord>, sqlx::Error> {
    let entity = EntityRef::new(EntityKind::Call, row.try_get::<&str, _>("id")?);
    let events: Vec<(u64, i64, Box<RawValue>)> =
        serde_json::from_str(row.try_get("events")?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let record = |(seq, at, body): (u64, i64, Box<RawValue>)| {
        Ok(EventRecord { entity: entity.clone(), seq, at: fold::time(at)?, body: unpacked(&body) })
    };
    events.into_iter().map(record).collect()
}

/// The event of a row of `driver_history`.
pub(super) fn drivers_event(row: &SqliteRow) -> Result<EventRecord, sqlx::Error> {
    let seq: i64 = row.try_get("seq")?;
    Ok(EventRecord {
        entity: EntityRef::new(EntityKind::Driver, row.try_get::<&str, _>("id")?),
        seq: u64::try_from(seq).map_err(|error| sqlx::Error::Decode(error.into()))?,
        at: fold::time(row.try_get("at")?)?,
        body: row.try_get("body")?,
    })
}

/// A row of `call_history`.
struct Packed {
    id: Arc<str>,
    /// The number of its first event.
    seq: u64,
    /// `[[seq, at, event], …]`
    events: Arc<str>,
}

impl Packed {
    fn new(id: &Arc<str>, events: &[&EventRecord]) -> Result<Self, sqlx::Error> {
        let seq = events.first().map_or(0, |first| first.seq);
        let events: Vec<_> =
            events.iter().map(|event| (event.seq, event.at.as_millisecond(), Body(&event.body))).collect();
        Ok(Self { id: Arc::clone(id), seq, events: fold::json(&events)?.into() })
    }

    fn bind<'q>(values: Values<'q>, row: &Self) -> Values<'q> {
        values.bind(Arc::clone(&row.id)).bind(row.seq.cast_signed()).bind(Arc::clone(&row.events))
    }
}

/// An event's text among others: as the JSON it is; should it be none, as a string.
struct Body<'a>(&'a str);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(json) => json.serialize(to),
            Err(_) => to.serialize_str(self.0),
        }
    }
}

/// What [`Body`] was made of.
fn unpacked(body: &RawValue) -> String {
    serde_json::from_str(body.get()).unwrap_or_else(|_| body.get().to_owned())
}

fn bind_event<'q>(values: Values<'q>, event: &&EventRecord) -> Values<'q> {
    values
        .bind(Arc::clone(&event.entity.id))
        .bind(event.seq.cast_signed())
        .bind(event.at.as_millisecond())
        .bind(event.body.clone())
}
