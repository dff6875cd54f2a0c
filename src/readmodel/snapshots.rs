//! States from the store, in place of events that are missing from the history.
//!
//! Events are missing when another process, with a file of its own, followed the stream meanwhile and had it trimmed.
//! The view is then made anew from the entity's stored state, which is recorded beside the history: views that are made
//! anew take it where the numbers of the events jump.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection};

use super::{
    ReadError, fold,
    rows::{Insert, Values},
};
use crate::{
    actors::{
        entity::envelope,
        ports::store::{EntityKind, EntityRef, Store, StoreError, Stored},
    },
    clock,
    domain::{
        CallId,
        call::{Call, CallMachine},
        driver::{Driver, DriverMachine},
    },
};

const GAPS: &str = "callout_readmodel_gaps_total";

const PUT: Insert = Insert {
    into: "INSERT INTO snapshots (kind, id, seq, at, state)",
    columns: 5,
    otherwise: "ON CONFLICT (kind, id, seq) DO NOTHING",
};
const OF_MANY: &str = "
    SELECT s.id, s.state FROM json_each(?2) AS wanted CROSS JOIN snapshots AS s
    ON s.kind = ?1 AND s.id = wanted.value ORDER BY s.id, s.seq";
const NEXT: &str = "SELECT state FROM snapshots WHERE kind = 'call' AND id = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
const LAST: &str =
    "SELECT at, state FROM snapshots WHERE kind = 'call' AND id = ?1 AND seq > ?2 ORDER BY seq DESC LIMIT 1";
const LATEST: &str = "SELECT id, state, max(seq) FROM snapshots WHERE kind = ?1 GROUP BY id";

/// An entity as the store has it.
#[derive(Debug, Clone)]
pub(super) enum State {
    Call(Box<Call>),
    Driver(Box<Driver>),
}

/// The stored states of entities with a gap in their history.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// The states, oldest first; none of an entity that the store does not have.
    of: HashMap<EntityRef, Vec<State>>,
}

impl State {
    pub fn version(&self) -> u64 {
        match self {
            Self::Call(call) => call.version,
            Self::Driver(driver) => driver.version,
        }
    }

    /// The state in a stored snapshot; `None`, with a line in the log, when it cannot be read.
    pub fn of(stored: &Stored) -> Option<Self> {
        let read = match stored.entity.kind {
            EntityKind::Call => envelope::read::<CallMachine>(&stored.snapshot).map(|snapshot| {
                let call = Call { version: stored.version, ..snapshot.state };
                Some(Self::Call(Box::new(call)))
            }),
            EntityKind::Driver => envelope::read::<DriverMachine>(&stored.snapshot).map(|snapshot| {
                let driver = Driver { version: stored.version, ..snapshot.state };
                Some(Self::Driver(Box::new(driver)))
            }),
            EntityKind::Payment | EntityKind::Account => Ok(None),
        };
        read.unwrap_or_else(|error| {
            tracing::error!(entity = %stored.entity, "the snapshot {error}; the read model goes on without it");
            None
        })
    }

    pub fn entity(&self) -> EntityRef {
        match self {
            Self::Call(call) => EntityRef::new(EntityKind::Call, call.id.to_arc()),
            Self::Driver(driver) => EntityRef::new(EntityKind::Driver, driver.id.to_arc()),
        }
    }

    fn parse(kind: EntityKind, text: &str) -> Result<Option<Self>, sqlx::Error> {
        let state = match kind {
            EntityKind::Call => serde_json::from_str(text).map(|call| Some(Self::Call(call))),
            EntityKind::Driver => serde_json::from_str(text).map(|driver| Some(Self::Driver(driver))),
            EntityKind::Payment | EntityKind::Account => Ok(None),
        };
        state.map_err(|error| sqlx::Error::Decode(error.into()))
    }
}

impl Snapshots {
    /// Of a store that has none of these entities.
    #[must_use]
    pub fn none_of(entities: Vec<EntityRef>) -> Self {
        Self { of: entities.into_iter().map(|entity| (entity, Vec::new())).collect() }
    }

    /// Asks the store for these entities too. An entity that it cannot read counts as missing, so that the others go
    /// on.
    pub(super) async fn ask(&mut self, store: &dyn Store, entities: Vec<EntityRef>) -> Result<(), StoreError> {
        for entity in entities {
            let state = load(store, &entity).await?.as_ref().and_then(State::of);
            self.of.insert(entity, state.into_iter().collect());
        }
        Ok(())
    }

    /// Whether the store was asked for an entity.
    pub(super) fn has(&self, entity: &EntityRef) -> bool {
        self.of.contains_key(entity)
    }

    /// The first state of an entity that has the event `seq`.
    pub(super) fn with(&self, entity: &EntityRef, seq: u64) -> Option<&State> {
        self.of.get(entity)?.iter().find(|state| state.version() >= seq)
    }

    /// Those that are recorded.
    pub(super) async fn recorded(
        sql: &mut SqliteConnection,
        kind: EntityKind,
        ids: &HashSet<&str>,
    ) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query(OF_MANY).bind(kind.as_str()).bind(fold::json(ids)?).fetch_all(sql).await?;
        let mut of: HashMap<EntityRef, Vec<State>> = HashMap::new();
        for row in &rows {
            let entity = EntityRef::new(kind, row.try_get::<&str, _>("id")?);
            of.entry(entity).or_default().extend(State::parse(kind, row.try_get("state")?)?);
        }
        Ok(Self { of })
    }
}

/// The stored state of an entity; none when the store cannot read it.
async fn load(store: &dyn Store, entity: &EntityRef) -> Result<Option<Stored>, StoreError> {
    match store.load(entity.clone()).await {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%entity, %error, "the read model goes on without it");
            Ok(None)
        }
        loaded => loaded,
    }
}

/// Counts views that were made anew.
pub(super) fn count(mended: usize) {
    metrics::counter!(GAPS).increment(mended.try_into().unwrap_or(u64::MAX));
}

/// Names the figure and lets it begin at 0.
pub(super) fn describe_metrics() {
    metrics::describe_counter!(
        GAPS,
        metrics::Unit::Count,
        "Views made anew of what the store has, as events were missing"
    );
    count(0);
}

/// Records what the store had.
pub(super) async fn put(sql: &mut SqliteConnection, states: &[State]) -> Result<(), sqlx::Error> {
    let now = clock::now().as_millisecond();
    let text = |state: &State| match state {
        State::Call(call) => fold::json(call),
        State::Driver(driver) => fold::json(driver),
    };
    let rows = states.iter().map(|state| Ok((state, text(state)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
    PUT.put(sql, &rows, |values, (state, text)| bind(values, state, now, text)).await
}

fn bind<'q>(values: Values<'q>, state: &State, now: i64, text: &str) -> Values<'q> {
    let EntityRef { kind, id } = state.entity();
    values.bind(kind.as_str()).bind(id).bind(state.version().cast_signed()).bind(now).bind(text.to_owned())
}

/// The latest that is recorded of each entity of a kind.
pub(super) async fn latest(sql: &mut SqliteConnection, kind: EntityKind) -> Result<Vec<State>, sqlx::Error> {
    let rows = sqlx::query(LATEST).bind(kind.as_str()).fetch_all(sql).await?;
    let states = rows.iter().map(|row| State::parse(kind, row.try_get("state")?));
    Ok(states.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The first recorded state of a call that has the event `seq`.
pub(super) async fn next_of_call(
    sql: &mut SqliteConnection,
    call: &CallId,
    seq: u64,
) -> Result<Option<Call>, ReadError> {
    let found: Option<String> =
        sqlx::query_scalar(NEXT).bind(call.as_str()).bind(seq.cast_signed()).fetch_optional(sql).await?;
    Ok(found.map(|state| serde_json::from_str(&state)).transpose()?)
}

/// The last recorded state of a call if it is later than the event `seq`, and when it was taken.
pub(super) async fn latest_of_call(
    sql: &mut SqliteConnection,
    call: &CallId,
    seq: u64,
) -> Result<Option<(Timestamp, Call)>, ReadError> {
    let found: Option<(i64, String)> =
        sqlx::query_as(LAST).bind(call.as_str()).bind(seq.cast_signed()).fetch_optional(sql).await?;
    found.map(|(at, state)| Ok((fold::time(at)?, serde_json::from_str(&state)?))).transpose()
}
