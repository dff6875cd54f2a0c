//! Folds events into the views `calls` and `drivers`, with the domain's own `evolve`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::SqliteConnection;

use super::{
    rows::{Insert, Values},
    snapshots::{self, Snapshots, State},
    walk::STATE_EVERY,
};
use crate::{
    actors::ports::store::{EntityKind, EntityRef, EventRecord},
    clock,
    domain::{
        Machine,
        call::{self, Call, CallMachine},
        driver::{self, Driver, DriverMachine},
        payment::PaymentStatus,
    },
};

/// The view keeps what it has in this column.
const KEEP: i64 = -1;

const FIND_CALLS: &str = "SELECT group_concat('[' || c.version || ',' || c.state || ']') FROM json_each(?1) AS wanted CROSS JOIN calls AS c ON c.id = wanted.value";
const FIND_DRIVERS: &str = "SELECT group_concat('[' || d.version || ',' || d.state || ']') FROM json_each(?1) AS wanted CROSS JOIN drivers AS d ON d.id = wanted.value";

const PUT_CALLS: Insert = Insert {
    into: "INSERT INTO calls (id, service, status, open, customer_id, driver_id, created_at, version, unknown_since, state)",
    columns: 10,
    otherwise: "ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, open = excluded.open, driver_id = excluded.driver_id,
        version = excluded.version, state = excluded.state,
        unknown_since = CASE excluded.unknown_since WHEN -1 THEN unknown_since ELSE excluded.unknown_since END",
};
const PUT_STATES: Insert = Insert {
    into: "INSERT INTO call_states (id, seq, state)",
    columns: 3,
    otherwise: "ON CONFLICT (id, seq) DO UPDATE SET state = excluded.state",
};
const PUT_DRIVERS: Insert = Insert {
    into: "INSERT INTO drivers (id, service, status, version, state)",
    columns: 5,
    otherwise: "ON CONFLICT (id) DO UPDATE SET
        service = excluded.service, status = excluded.status, version = excluded.version, state = excluded.state",
};

/// Whether there are views of this kind of entity. A payment is seen through its call, and an account is always asked
/// itself.
pub(super) fn has_a_view(kind: EntityKind) -> bool {
    match kind {
        EntityKind::Call | EntityKind::Driver => true,
        EntityKind::Payment | EntityKind::Account => false,
    }
}

/// An event of the stream, read.
pub(super) enum Read {
    Call(call::Event),
    Driver(driver::Event),
    /// Nothing that the views show.
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
            EntityKind::Payment | EntityKind::Account => Ok(Self::Other),
        };
        read.unwrap_or_else(Self::Unreadable)
    }
}

/// A call to which an event happened.
pub(super) struct CallStep<'a> {
    /// The call before it, unless that is not known.
    pub before: Option<Call>,
    /// The call after it, or what the store had of it later.
    pub after: &'a Call,
    /// Whether `after` is the call right after the event. Else what it was like then is not known.
    pub exact: bool,
}

/// The states that a batch of events is about: as they are stored, then event by event.
#[derive(Default)]
pub(super) struct Fold {
    calls: HashMap<Arc<str>, CallView>,
    drivers: HashMap<Arc<str>, DriverView>,
    changed: HashSet<EntityRef>,
    /// States that were taken from the store and are to be recorded.
    mended: Vec<State>,
    /// Calls as they were at every [`STATE_EVERY`]th event.
    kept: Vec<Call>,
}

struct CallView {
    call: Call,
    /// The number of its last event that was read. Less than the call's version when the state came from the store.
    seen: u64,
    /// Since when its payment's outcome is unknown, in ms; [`KEEP`]: as it is stored.
    unknown_since: Option<i64>,
}

struct DriverView {
    driver: Driver,
    /// As for a call.
    seen: u64,
}

impl Fold {
    /// The stored states of the entities of these events.
    pub async fn load(
        sql: &mut SqliteConnection,
        about: impl Iterator<Item = &EntityRef> + Clone,
    ) -> Result<Self, sqlx::Error> {
        let calls = load::<Call>(sql, FIND_CALLS, &ids(about.clone(), EntityKind::Call)).await?;
        let drivers = load::<Driver>(sql, FIND_DRIVERS, &ids(about, EntityKind::Driver)).await?;
        let call = |(seen, call): (u64, Call)| {
            let unknown_since = (call.payment.status == PaymentStatus::Unknown).then_some(KEEP);
            (call.id.to_arc(), CallView { call, seen, unknown_since })
        };
        let driver = |(seen, driver): (u64, Driver)| (driver.id.to_arc(), DriverView { driver, seen });
        let (calls, drivers) = (calls.into_iter().map(call).collect(), drivers.into_iter().map(driver).collect());
        Ok(Self { calls, drivers, ..Self::default() })
    }

    /// Whether the event is in the views already.
    pub fn has(&self, record: &EventRecord) -> bool {
        self.seen_and_version(&record.entity).is_some_and(|(seen, _)| record.seq <= seen)
    }

    /// The last event of an entity that came; 0 when none did.
    pub fn has_seen(&self, entity: &EntityRef) -> u64 {
        self.seen_and_version(entity).map_or(0, |(seen, _)| seen)
    }

    /// The last event of an entity that is in its view; 0 when there is none.
    pub fn version(&self, entity: &EntityRef) -> u64 {
        self.seen_and_version(entity).map_or(0, |(seen, version)| seen.max(version))
    }

    fn seen_and_version(&self, entity: &EntityRef) -> Option<(u64, u64)> {
        match entity.kind {
            EntityKind::Call => self.calls.get(&entity.id).map(|view| (view.seen, view.call.version)),
            EntityKind::Driver => self.drivers.get(&entity.id).map(|view| (view.seen, view.driver.version)),
            EntityKind::Payment | EntityKind::Account => None,
        }
    }

    /// How many views were made anew of what the store has.
    pub fn mended(&self) -> usize {
        self.mended.len()
    }

    /// Whether events are missing between the view and this one.
    pub fn lacks_some_before(&self, record: &EventRecord) -> bool {
        record.seq > self.version(&record.entity) + 1
    }

    /// Takes what the store had, if events are missing before this one.
    pub fn bridge(&mut self, record: &EventRecord, snapshots: &Snapshots) {
        if self.lacks_some_before(record)
            && let Some(state) = snapshots.with(&record.entity, record.seq)
        {
            self.mend(state, record.seq - 1);
        }
    }

    /// Makes a view what the store has. `seen`: the last event that came, or will come no more.
    pub fn mend(&mut self, state: &State, seen: u64) {
        let entity = match state {
            State::Call(call) => {
                let unknown = call.payment.status == PaymentStatus::Unknown;
                let unknown_since = unknown.then(|| clock::now().as_millisecond());
                let view = CallView { call: (**call).clone(), seen, unknown_since };
                self.calls.insert(call.id.to_arc(), view);
                EntityRef::new(EntityKind::Call, call.id.to_arc())
            }
            State::Driver(driver) => {
                self.drivers.insert(driver.id.to_arc(), DriverView { driver: (**driver).clone(), seen });
                EntityRef::new(EntityKind::Driver, driver.id.to_arc())
            }
        };
        self.changed.insert(entity);
        self.mended.push(state.clone());
    }

    /// Applies one more event to its call; `None` when the call is not known.
    pub fn call(&mut self, record: &EventRecord, event: &call::Event) -> Option<CallStep<'_>> {
        if self.version(&record.entity) >= record.seq {
            return self.contained(record);
        }
        let known = self.calls.remove(&record.entity.id);
        let (before, since) = known.map_or((None, None), |known| (Some(known.call), known.unknown_since));
        let mut after = CallMachine::evolve(before.clone(), event, record.at)?;
        // The event's own number counts, even if some before it were never seen.
        after.version = record.seq;
        if record.seq.is_multiple_of(STATE_EVERY) {
            self.kept.push(after.clone());
        }
        let was_unknown = before.as_ref().is_some_and(|call| call.payment.status == PaymentStatus::Unknown);
        let unknown_since = match (was_unknown, after.payment.status == PaymentStatus::Unknown) {
            (_, false) => None,
            (true, true) => since,
            (false, true) => Some(record.at.as_millisecond()),
        };
        self.changed.insert(record.entity.clone());
        let view = CallView { call: after, seen: record.seq, unknown_since };
        let view = self.calls.entry(Arc::clone(&record.entity.id)).insert_entry(view);
        Some(CallStep { before, after: &view.into_mut().call, exact: true })
    }

    /// An event that the store's state has already.
    fn contained(&mut self, record: &EventRecord) -> Option<CallStep<'_>> {
        let view = self.calls.get_mut(&record.entity.id)?;
        view.seen = record.seq;
        self.changed.insert(record.entity.clone());
        Some(CallStep { before: None, after: &view.call, exact: view.call.version == record.seq })
    }

    /// Applies one more event to its driver; `false` when the driver is not known.
    pub fn driver(&mut self, record: &EventRecord, event: &driver::Event) -> bool {
        let known = self.drivers.remove(&record.entity.id).map(|view| view.driver);
        let driver = match known {
            Some(known) if known.version >= record.seq => known,
            known => {
                let Some(after) = DriverMachine::evolve(known, event, record.at) else { return false };
                Driver { version: record.seq, ..after }
            }
        };
        self.changed.insert(record.entity.clone());
        self.drivers.insert(Arc::clone(&record.entity.id), DriverView { driver, seen: record.seq });
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
                EntityKind::Payment | EntityKind::Account => {}
            }
        }
        PUT_CALLS.put(sql, &calls, CallRow::bind).await?;
        put_states(sql, &self.kept).await?;
        snapshots::put(sql, &self.mended).await?;
        PUT_DRIVERS.put(sql, &drivers, DriverRow::bind).await
    }
}

/// Keeps calls as they were.
pub(super) async fn put_states(sql: &mut SqliteConnection, calls: &[Call]) -> Result<(), sqlx::Error> {
    let rows = calls.iter().map(|call| Ok((call, json(call)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
    PUT_STATES.put(sql, &rows, bind_state).await
}

fn bind_state<'q>(values: Values<'q>, (call, state): &(&Call, String)) -> Values<'q> {
    values.bind(call.id.to_arc()).bind(call.version.cast_signed()).bind(state.clone())
}

pub(super) fn time(milliseconds: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn json(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn ids<'a>(about: impl Iterator<Item = &'a EntityRef>, kind: EntityKind) -> HashSet<&'a str> {
    about.filter(|entity| entity.kind == kind).map(|entity| &*entity.id).collect()
}

async fn load<T: DeserializeOwned>(
    sql: &mut SqliteConnection,
    statement: &'static str,
    ids: &HashSet<&str>,
) -> Result<Vec<(u64, T)>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let states: Option<String> = sqlx::query_scalar(statement).bind(json(ids)?).fetch_one(sql).await?;
    let array = format!("[{}]", states.unwrap_or_default());
    serde_json::from_str(&array).map_err(|error| sqlx::Error::Decode(error.into()))
}

struct CallRow<'a> {
    call: &'a Call,
    seen: u64,
    unknown_since: Option<i64>,
    state: Arc<str>,
}

impl<'a> CallRow<'a> {
    fn new(view: &'a CallView) -> Result<Self, sqlx::Error> {
        let CallView { call, seen, unknown_since } = view;
        Ok(Self { call, seen: *seen, unknown_since: *unknown_since, state: json(call)?.into() })
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
            .bind(row.seen.cast_signed())
            .bind(row.unknown_since)
            .bind(Arc::clone(&row.state))
    }
}

struct DriverRow<'a> {
    driver: &'a Driver,
    seen: u64,
    state: Arc<str>,
}

impl<'a> DriverRow<'a> {
    fn new(view: &'a DriverView) -> Result<Self, sqlx::Error> {
        let DriverView { driver, seen } = view;
        Ok(Self { driver, seen: *seen, state: json(driver)?.into() })
    }

    fn bind<'q>(values: Values<'q>, row: &Self) -> Values<'q> {
        let driver = row.driver;
        values
            .bind(driver.id.to_arc())
            .bind(driver.profile.service.to_arc())
            .bind(driver.status_at(driver.updated_at))
            .bind(row.seen.cast_signed())
            .bind(Arc::clone(&row.state))
    }
}
