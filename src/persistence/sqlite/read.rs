//! The reads: snapshots, deadlines, the live set, the event stream.

use jiff::Timestamp;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};

use super::error::{nothing_written, unreadable};
use crate::actors::ports::{
    set_aside,
    store::{
        EntityKind, EntityRef, Epoch, EventCursor, EventPage, EventRecord, LivePage, Shard, StoreError, Stored,
        Unreadable,
    },
};

/// The highest epoch of any shard.
pub(super) async fn owner(readers: &SqlitePool) -> Result<Epoch, StoreError> {
    let epoch: i64 = sqlx::query_scalar("SELECT max(epoch) FROM shards")
        .fetch_one(readers)
        .await
        .map_err(|error| nothing_written(&error))?;
    u64::try_from(epoch).map(Epoch).map_err(|error| unreadable("the shards' epoch", &error))
}

/// The latest snapshot of an entity.
pub(super) async fn load(readers: &SqlitePool, entity: EntityRef) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query("SELECT kind, id, version, body, due_at, live FROM snapshots WHERE kind = ?1 AND id = ?2")
        .bind(entity.kind.as_str())
        .bind(&*entity.id)
        .fetch_optional(readers)
        .await
        .map_err(|error| nothing_written(&error))?;
    row.as_ref().map(stored).transpose()
}

/// The entities of a shard whose deadline has come, earliest first.
pub(super) async fn due(
    readers: &SqlitePool,
    shard: Shard,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(
        "SELECT kind, id, version, body, due_at, live FROM snapshots
         WHERE shard = ?1 AND due_at <= ?2 ORDER BY due_at, kind, id LIMIT ?3",
    )
    .bind(shard.index())
    .bind(now.as_millisecond())
    .bind(count(limit))
    .fetch_all(readers)
    .await
    .map_err(|error| nothing_written(&error))?;
    Ok(rows.iter().filter_map(|row| stored(row).ok()).collect())
}

/// A page of a shard's live entities, by kind and id.
pub(super) async fn live(
    readers: &SqlitePool,
    shard: Shard,
    after: Option<String>,
    limit: usize,
) -> Result<LivePage, StoreError> {
    let (kind, id) = after.as_deref().and_then(|after| after.split_once('/')).unwrap_or_default();
    let rows = sqlx::query(
        "SELECT kind, id, version, body, due_at, live FROM snapshots
         WHERE shard = ?1 AND live = 1 AND (kind, id) > (?2, ?3) ORDER BY kind, id LIMIT ?4",
    )
    .bind(shard.index())
    .bind(kind)
    .bind(id)
    .bind(count(limit))
    .fetch_all(readers)
    .await
    .map_err(|error| nothing_written(&error))?;
    let (mut items, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        match stored(row) {
            Ok(stored) => items.push(stored),
            Err(error) => unreadable.push(Unreadable { entity: entity(row).ok(), reason: error.to_string() }),
        }
    }
    let next = if rows.len() < limit { None } else { rows.last().map(name).transpose()? };
    Ok(LivePage { items, unreadable, next })
}

/// The events after a cursor, in the order in which they were committed.
pub(super) async fn events(readers: &SqlitePool, after: EventCursor, limit: usize) -> Result<EventPage, StoreError> {
    let rows = sqlx::query(
        "SELECT kind, id, seq, at, body, position FROM events WHERE position > ?1 ORDER BY position LIMIT ?2",
    )
    .bind(position(&after)?)
    .bind(count(limit))
    .fetch_all(readers)
    .await
    .map_err(|error| nothing_written(&error))?;
    let next = rows.last().map(|row| row.try_get::<i64, _>("position")).transpose();
    let next = next.map_err(|error| unreadable("an event's position", &error))?;
    let more = rows.len() >= limit;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        match event(row) {
            Ok(event) => events.push(event),
            Err(error) => set_aside::event("a row of the table events", &error),
        }
    }
    Ok(EventPage { events, next: next.map_or(after, |position| EventCursor(position.to_string())), more })
}

/// The position of the last event that is no longer there; 0 when all are.
pub(super) const TRIMMED: &str = "SELECT coalesce((SELECT min(position) - 1 FROM main.events),
            (SELECT seq FROM main.sqlite_sequence WHERE name = 'events'), 0)";

/// Whether events after a position were trimmed.
pub(super) async fn has_forgotten(readers: &SqlitePool, after: i64) -> Result<bool, StoreError> {
    let trimmed: i64 = sqlx::query_scalar(TRIMMED).fetch_one(readers).await.map_err(|error| nothing_written(&error))?;
    Ok(after < trimmed)
}

/// The position a cursor stands for; 0 is before the first event.
pub(super) fn position(cursor: &EventCursor) -> Result<i64, StoreError> {
    if cursor.0.is_empty() {
        return Ok(0);
    }
    cursor.0.parse().map_err(|_| StoreError::Corrupt {
        reason: format!("the event cursor {:?} is not of this store: a cursor here is a number", cursor.0),
    })
}

fn stored(row: &SqliteRow) -> Result<Stored, StoreError> {
    let read = || -> Result<Stored, sqlx::Error> {
        Ok(Stored {
            entity: entity(row)?,
            version: unsigned(row.try_get("version")?)?,
            snapshot: row.try_get("body")?,
            due_at: row.try_get::<Option<i64>, _>("due_at")?.map(time).transpose()?,
            live: row.try_get("live")?,
        })
    };
    read().map_err(|error| unreadable("a row of the table snapshots", &error))
}

fn event(row: &SqliteRow) -> Result<EventRecord, StoreError> {
    let read = || -> Result<EventRecord, sqlx::Error> {
        Ok(EventRecord {
            entity: entity(row)?,
            seq: unsigned(row.try_get("seq")?)?,
            at: time(row.try_get("at")?)?,
            body: row.try_get("body")?,
        })
    };
    read().map_err(|error| unreadable("a row of the table events", &error))
}

/// Where the next page of the live set begins: behind this row, whatever its kind says.
fn name(row: &SqliteRow) -> Result<String, StoreError> {
    let read = || -> Result<String, sqlx::Error> {
        Ok(format!("{}/{}", row.try_get::<&str, _>("kind")?, row.try_get::<&str, _>("id")?))
    };
    read().map_err(|error| unreadable("a row of the table snapshots", &error))
}

fn entity(row: &SqliteRow) -> Result<EntityRef, sqlx::Error> {
    let kind: &str = row.try_get("kind")?;
    let id: &str = row.try_get("id")?;
    let kind = EntityKind::parse(kind).ok_or_else(|| sqlx::Error::Decode(format!("no kind {kind:?}").into()))?;
    Ok(EntityRef::new(kind, id))
}

fn unsigned(value: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn time(milliseconds: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
