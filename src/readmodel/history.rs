//! Everything that ever happened: the events as they were committed.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    fold,
    rows::{Insert, Values},
};
use crate::actors::ports::store::{EntityKind, EntityRef, EventRecord};

const PUT_CALLS: Insert = Insert {
    into: "INSERT INTO call_history (id, seq, events)",
    columns: 3,
    otherwise: "ON CONFLICT (id, seq) DO NOTHING",
};
const PUT_DRIVERS: Insert =
    Insert { into: "INSERT INTO driver_history (id, seq, at, body)", columns: 4, otherwise: "" };

/// How many events of a call are one row, at most: who reads a page of a timeline reads rows as a whole.
const ROW_MAX: usize = 100;

/// Adds events to the history: those of a call in as few rows as [`ROW_MAX`] allows, since they are read together.
pub(super) async fn put(sql: &mut SqliteConnection, events: &[&EventRecord]) -> Result<(), sqlx::Error> {
    let mut calls: BTreeMap<&Arc<str>, Vec<&EventRecord>> = BTreeMap::new();
    let mut drivers = Vec::new();
    for event in events {
        match event.entity.kind {
            EntityKind::Call => calls.entry(&event.entity.id).or_default().push(event),
            EntityKind::Driver => drivers.push(*event),
            EntityKind::Payment | EntityKind::Account => {}
        }
    }
    let rows = calls.iter().flat_map(|(id, events)| events.chunks(ROW_MAX).map(|events| Packed::new(id, events)));
    let calls = rows.collect::<Result<Vec<_>, _>>()?;
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

/// The number of the first event of a row of `call_history`.
pub(super) fn first_seq(row: &SqliteRow) -> Result<i64, sqlx::Error> {
    row.try_get("seq")
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

/// The JSON text that a [`Body`] was made of.
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
