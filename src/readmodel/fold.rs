//! Folds events into the views `calls` and `drivers`, with the domain's own `evolve`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::SqliteConnection;

use super::rows::{Insert, Values};
use crate::{
    actors::ports::store::{EntityKind, EntityRef, EventRecord},
    domain::{
        Machine,
        call::{self, Call, CallMachine},
        driver::{self, Driver, DriverMachine},
        payment::PaymentStatus,
    },
};

/// The view keeps what it has in this column.
const KEEP: i64 = -1;

const FIND_CALLS: &str =
    "SELECT group_concat(c.state) FROM json_each(?1) AS wanted CROSS JOIN calls AS c ON c.id = wanted.value";
const FIND_DRIVERS: &str =
    "SELECT group_concat(d.state) FROM json_each(?1) AS wanted CROSS JOIN drivers AS d ON d.id = wanted.value";

const PUT_CALLS: Insert = Insert {
    into: "INSERT INTO calls (id, service, status, open, customer_id, driver_id, created_at, version, unknown_since, state)",
    columns: 10,
    otherwise: "ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, open = excluded.open, driver_id = coalesce(excluded.driver_id, driver_id),
        version = excluded.version, state = excluded.state,
        unknown_since = CASE excluded.unknown_since WHEN -1 THEN unknown_since ELSE excluded.unknown_since END",
};
const PUT_DRIVERS: Insert = Insert {
    into: "INSERT INTO drivers (id, service, status, version, state)",
    columns: 5,
    otherwise: "ON CONFLICT (id) DO UPDATE SET
        service = excluded.service, status = excluded.status, version = excluded.version, state = excluded.state",
};

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
                EntityKind::Call => calls.extend(self.calls.get(&entity.id).map(CallRow::new).transpose()?),
                EntityKind::Driver => drivers.extend(self.drivers.get(&entity.id).map(DriverRow::new).transpose()?),
                EntityKind::Payment => {}
            }
        }
        PUT_CALLS.put(sql, &calls, CallRow::bind).await?;
        PUT_DRIVERS.put(sql, &drivers, DriverRow::bind).await
    }
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

struct CallRow<'a> {
    call: &'a Call,
    unknown_since: Option<i64>,
    state: Arc<str>,
}

impl<'a> CallRow<'a> {
    fn new(folded: &'a Folded) -> Result<Self, sqlx::Error> {
        let Folded { call, unknown_since } = folded;
        Ok(Self { call, unknown_since: *unknown_since, state: json(call)?.into() })
    }

    fn bind<'q>(values: Values<'q>, row: &Self) -> Values<'q> {
        let call = row.call;
        values
            .bind(call.id.to_arc())
            .bind(call.service.to_arc())
            .bind(call.phase.status())
            .bind(!call.phase.is_terminal())
            .bind(call.customer_id.to_arc())
            .bind(call.phase.driver().map(|card| card.id.to_arc()))
            .bind(call.created_at.as_millisecond())
            .bind(call.version.cast_signed())
            .bind(row.unknown_since)
            .bind(Arc::clone(&row.state))
    }
}

struct DriverRow<'a> {
    driver: &'a Driver,
    state: Arc<str>,
}

impl<'a> DriverRow<'a> {
    fn new(driver: &'a Driver) -> Result<Self, sqlx::Error> {
        Ok(Self { driver, state: json(driver)?.into() })
    }

    fn bind<'q>(values: Values<'q>, row: &Self) -> Values<'q> {
        let driver = row.driver;
        values
            .bind(driver.id.to_arc())
            .bind(driver.profile.service.to_arc())
            .bind(driver.status_at(driver.updated_at))
            .bind(driver.version.cast_signed())
            .bind(Arc::clone(&row.state))
    }
}
