//! Folds events into the views `calls` and `drivers`, with the domain's own `evolve`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{
    actors::ports::store::{EntityKind, EntityRef, EventRecord},
    domain::{
        Machine,
        call::{self, Call, CallMachine},
        driver::{self, Driver, DriverMachine},
        payment::PaymentStatus,
    },
};

/// How many events are folded at a time when the views are made anew.
const REFOLD_STEP: i64 = 2_000;

/// The view keeps what it has in this column.
const KEEP: i64 = -1;

const FIND_CALLS: &str =
    "SELECT group_concat(c.state) FROM json_each(?1) AS wanted CROSS JOIN calls AS c ON c.id = wanted.value";
const FIND_DRIVERS: &str =
    "SELECT group_concat(d.state) FROM json_each(?1) AS wanted CROSS JOIN drivers AS d ON d.id = wanted.value";

const PUT_CALLS: &str = "
    INSERT INTO calls (id, service, status, open, customer_id, driver_id, created_at, version, unknown_since, state)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
           value ->> 8, value ->> 9
    FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, open = excluded.open, driver_id = coalesce(excluded.driver_id, driver_id),
        version = excluded.version, state = excluded.state,
        unknown_since = CASE excluded.unknown_since WHEN -1 THEN unknown_since ELSE excluded.unknown_since END";

const PUT_DRIVERS: &str = "
    INSERT INTO drivers (id, service, status, version, state)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET
        service = excluded.service, status = excluded.status, version = excluded.version, state = excluded.state";

/// An event of the stream, read.
pub(super) enum Read {
    Call(call::Event),
    Driver(driver::Event),
    /// Nothing that the views show: payments tell their calls.
    Other,
    /// Of a shape that this release does not know.
    Unreadable(serde_json::Error),
}

impl Read {
    pub fn new(record: &EventRecord) -> Self {
        fn event<E: DeserializeOwned>(body: &str) -> Result<E, serde_json::Error> {
            #[derive(Deserialize)]
            struct Only<E> {
                event: E,
            }
            serde_json::from_str::<Only<E>>(body).map(|only| only.event)
        }
        let read = match record.entity.kind {
            EntityKind::Call => event(&record.body).map(Self::Call),
            EntityKind::Driver => event(&record.body).map(Self::Driver),
            EntityKind::Payment => Ok(Self::Other),
        };
        read.unwrap_or_else(Self::Unreadable)
    }
}

/// What an event did to a call.
pub(super) struct Step<'a> {
    pub before: Option<Call>,
    pub after: &'a Call,
}

/// The states that a batch of events is about: as they are stored, then event by event.
#[derive(Default)]
pub(super) struct Fold {
    calls: HashMap<Arc<str>, Folded>,
    drivers: HashMap<Arc<str>, Driver>,
    changed: HashSet<EntityRef>,
}

struct Folded {
    call: Call,
    /// Since when its payment's outcome is unknown, in ms; [`KEEP`]: as it is stored.
    unknown_since: Option<i64>,
}

impl Fold {
    /// The stored states of the entities that these events are about.
    pub async fn load(sql: &mut SqliteConnection, events: &[&EventRecord]) -> Result<Self, sqlx::Error> {
        let calls = load::<Call>(sql, FIND_CALLS, &ids(events, EntityKind::Call)).await?;
        let drivers = load::<Driver>(sql, FIND_DRIVERS, &ids(events, EntityKind::Driver)).await?;
        let folded = |call: Call| {
            let unknown_since = (call.payment.status == PaymentStatus::Unknown).then_some(KEEP);
            (call.id.to_arc(), Folded { call, unknown_since })
        };
        Ok(Self {
            calls: calls.into_iter().map(folded).collect(),
            drivers: drivers.into_iter().map(|driver| (driver.id.to_arc(), driver)).collect(),
            changed: HashSet::new(),
        })
    }

    /// Whether the event is in the views already.
    pub fn has(&self, record: &EventRecord) -> bool {
        let id = &*record.entity.id;
        let version = match record.entity.kind {
            EntityKind::Call => self.calls.get(id).map(|folded| folded.call.version),
            EntityKind::Driver => self.drivers.get(id).map(|driver| driver.version),
            EntityKind::Payment => None,
        };
        version.is_some_and(|version| record.seq <= version)
    }

    /// The call after one more event; `None` when there is no call that it could happen to.
    pub fn call(&mut self, record: &EventRecord, event: &call::Event) -> Option<Step<'_>> {
        let known = self.calls.remove(&record.entity.id);
        let (before, since) = known.map_or((None, None), |known| (Some(known.call), known.unknown_since));
        let mut after = CallMachine::evolve(before.clone(), event, record.at)?;
        // The event's own number counts, even if some before it were never seen.
        after.version = record.seq;
        let was_unknown = before.as_ref().is_some_and(|call| call.payment.status == PaymentStatus::Unknown);
        let unknown_since = match (was_unknown, after.payment.status == PaymentStatus::Unknown) {
            (_, false) => None,
            (true, true) => since,
            (false, true) => Some(record.at.as_millisecond()),
        };
        self.changed.insert(record.entity.clone());
        let folded =
            self.calls.entry(Arc::clone(&record.entity.id)).insert_entry(Folded { call: after, unknown_since });
        Some(Step { before, after: &folded.into_mut().call })
    }

    /// Applies one more event to its driver; `false` when there is no driver that it could happen to.
    pub fn driver(&mut self, record: &EventRecord, event: &driver::Event) -> bool {
        let known = self.drivers.remove(&record.entity.id);
        let Some(mut after) = DriverMachine::evolve(known, event, record.at) else { return false };
        after.version = record.seq;
        self.changed.insert(record.entity.clone());
        self.drivers.insert(Arc::clone(&record.entity.id), after);
        true
    }

    /// Writes the states that changed.
    pub async fn save(&self, sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mut calls = Vec::new();
        let mut drivers = Vec::new();
        for entity in &self.changed {
            match entity.kind {
                EntityKind::Call => calls.extend(self.calls.get(&entity.id).map(call_row).transpose()?),
                EntityKind::Driver => drivers.extend(self.drivers.get(&entity.id).map(driver_row).transpose()?),
                EntityKind::Payment => {}
            }
        }
        put(sql, PUT_CALLS, &calls).await?;
        put(sql, PUT_DRIVERS, &drivers).await
    }
}

/// Makes the views anew out of the history.
pub(super) async fn refold(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut after = (String::new(), String::new(), 0_i64);
    loop {
        let rows = sqlx::query(
            "SELECT kind, id, seq, at, body FROM history WHERE (kind, id, seq) > (?1, ?2, ?3) ORDER BY 1, 2, 3 LIMIT ?4",
        )
        .bind(after.0)
        .bind(after.1)
        .bind(after.2)
        .bind(REFOLD_STEP)
        .fetch_all(&mut *sql)
        .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = (last.try_get("kind")?, last.try_get("id")?, last.try_get("seq")?);
        let events = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let events: Vec<&EventRecord> = events.iter().collect();
        let mut fold = Fold::load(sql, &events).await?;
        for event in events {
            match Read::new(event) {
                Read::Call(happened) => drop(fold.call(event, &happened)),
                Read::Driver(happened) => drop(fold.driver(event, &happened)),
                Read::Other | Read::Unreadable(_) => {}
            }
        }
        fold.save(sql).await?;
    }
}

/// Runs an insert over a JSON array of rows: a statement costs far more than the row it writes.
pub(super) async fn put<T: Serialize>(
    sql: &mut SqliteConnection,
    statement: &'static str,
    rows: &[T],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(statement).bind(json(&rows)?).execute(sql).await.map(drop)
}

/// A row of `history` as the event it was.
pub(super) fn record(row: &SqliteRow) -> Result<EventRecord, sqlx::Error> {
    let kind: &str = row.try_get("kind")?;
    let kind = EntityKind::parse(kind).ok_or_else(|| sqlx::Error::Decode(format!("no kind {kind:?}").into()))?;
    let seq: i64 = row.try_get("seq")?;
    Ok(EventRecord {
        entity: EntityRef::new(kind, row.try_get::<&str, _>("id")?),
        seq: u64::try_from(seq).map_err(|error| sqlx::Error::Decode(error.into()))?,
        at: time(row.try_get("at")?)?,
        body: row.try_get("body")?,
    })
}

pub(super) fn time(milliseconds: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn json(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn ids<'a>(events: &[&'a EventRecord], kind: EntityKind) -> HashSet<&'a str> {
    events.iter().filter(|event| event.entity.kind == kind).map(|event| &*event.entity.id).collect()
}

async fn load<T: DeserializeOwned>(
    sql: &mut SqliteConnection,
    statement: &'static str,
    ids: &HashSet<&str>,
) -> Result<Vec<T>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let states: Option<String> = sqlx::query_scalar(statement).bind(json(ids)?).fetch_one(sql).await?;
    let array = format!("[{}]", states.unwrap_or_default());
    serde_json::from_str(&array).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn call_row(folded: &Folded) -> Result<impl Serialize, sqlx::Error> {
    let call = &folded.call;
    Ok((
        call.id.clone(),
        call.service.clone(),
        call.phase.status(),
        u8::from(!call.phase.is_terminal()),
        call.customer_id.clone(),
        call.phase.driver().map(|card| card.id.clone()),
        call.created_at.as_millisecond(),
        call.version,
        folded.unknown_since,
        json(call)?,
    ))
}

fn driver_row(driver: &Driver) -> Result<impl Serialize, sqlx::Error> {
    Ok((
        driver.id.clone(),
        driver.profile.service.clone(),
        driver.status_at(driver.updated_at),
        driver.version,
        json(driver)?,
    ))
}
