//! The writes: groups of commits, ownership, trimming, the readiness probe.
//!
//! A statement through the driver costs far more than the row it writes, so a group is one `SELECT` and two `INSERT`s
//! over JSON arrays, whatever its size.

use std::time::Duration;

use serde::Serialize;
use sqlx::{Row, SqliteConnection};

use super::{
    decide::{Found, Head},
    writer::WriteConnection,
};
use crate::actors::ports::store::{Commit, Committed, Epoch, StoreError};

const FIND: &str = "
    SELECT (SELECT json_group_array(epoch) FROM (SELECT epoch FROM shards ORDER BY shard)),
           (SELECT json_group_array(json_array(wanted.key, s.version, s.write_id))
            FROM json_each(?1) AS wanted
            CROSS JOIN snapshots AS s ON s.kind = wanted.value ->> 0 AND s.id = wanted.value ->> 1)";

const PUT_SNAPSHOTS: &str = "
    INSERT INTO snapshots (kind, id, shard, version, write_id, live, due_at, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    FROM json_each(?1) WHERE true
    ON CONFLICT (kind, id) DO UPDATE SET
        version = excluded.version, write_id = excluded.write_id, live = excluded.live, due_at = excluded.due_at,
        body = excluded.body";

const PUT_EVENTS: &str = "
    INSERT INTO events (kind, id, seq, at, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)";

/// Writes a group: all that may be written, in order, in one transaction.
pub(super) async fn group(writer: &mut WriteConnection, group: &[Commit]) -> Result<Vec<Committed>, StoreError> {
    let connection = writer.begin().await?;
    let done = write_group(connection, group).await;
    writer.finish(done).await
}

async fn write_group(connection: &mut SqliteConnection, group: &[Commit]) -> Result<Vec<Committed>, sqlx::Error> {
    let mut found = find(connection, group).await?;
    let answers: Vec<Committed> = group.iter().map(|commit| found.decide(commit)).collect();
    let accepted =
        || group.iter().zip(&answers).filter(|(_, answer)| **answer == Committed::Ok).map(|(commit, _)| commit);
    let snapshots: Vec<_> = accepted().map(snapshot_row).collect();
    if !snapshots.is_empty() {
        sqlx::query(PUT_SNAPSHOTS).bind(json(&snapshots)?).execute(&mut *connection).await?;
    }
    let events: Vec<_> = accepted().flat_map(event_rows).collect();
    if !events.is_empty() {
        sqlx::query(PUT_EVENTS).bind(json(&events)?).execute(connection).await?;
    }
    Ok(answers)
}

fn snapshot_row(commit: &Commit) -> impl Serialize {
    (
        commit.entity.kind.as_str(),
        &*commit.entity.id,
        commit.entity.shard().index(),
        commit.version,
        commit.write_id.to_string(),
        commit.live,
        commit.due_at.map(|at| at.as_millisecond()),
        &commit.snapshot,
    )
}

fn event_rows(commit: &Commit) -> impl Iterator<Item = impl Serialize> {
    let (kind, id) = (commit.entity.kind.as_str(), &*commit.entity.id);
    commit.events.iter().map(move |event| (kind, id, event.seq, event.at.as_millisecond(), &event.body))
}

/// The epochs, and the versions and write ids of the group's entities.
async fn find<'a>(connection: &mut SqliteConnection, group: &'a [Commit]) -> Result<Found<'a>, sqlx::Error> {
    let wanted: Vec<_> = group.iter().map(|commit| (commit.entity.kind.as_str(), &*commit.entity.id)).collect();
    let row = sqlx::query(FIND).bind(json(&wanted)?).fetch_one(connection).await?;
    let epochs = parse::<Vec<u64>>(row.try_get(0)?)?;
    let heads = parse::<Vec<(usize, u64, String)>>(row.try_get(1)?)?;
    let heads = heads
        .into_iter()
        .filter_map(|(at, version, write_id)| {
            let entity = &group.get(at)?.entity;
            Some(((entity.kind, &*entity.id), Head { version, write_id }))
        })
        .collect();
    Ok(Found { epochs, heads })
}

/// Raises every shard's epoch above any that was there.
pub(super) async fn take_ownership(writer: &mut WriteConnection) -> Result<Epoch, StoreError> {
    let connection = writer.begin().await?;
    let done = raise_epochs(connection).await;
    let epoch = writer.finish(done).await?;
    u64::try_from(epoch).map(Epoch).map_err(|error| super::error::unreadable("the shards' epoch", &error))
}

async fn raise_epochs(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let epoch: i64 = sqlx::query_scalar("SELECT max(epoch) + 1 FROM shards").fetch_one(&mut *connection).await?;
    sqlx::query("UPDATE shards SET epoch = ?1").bind(epoch).execute(connection).await?;
    Ok(epoch)
}

/// How many events are deleted in one transaction: some ten milliseconds, in which no commit is written.
const TRIM_PIECE: i64 = 2_000;

/// Deletes the oldest events up to and including a position, at most [`TRIM_PIECE`] of them; `false` when there are no
/// more. Refused when another process has the shards: its read model may not have those events yet.
pub(super) async fn trim_some_events(
    writer: &mut WriteConnection,
    mine: Epoch,
    through: i64,
) -> Result<bool, StoreError> {
    let connection = writer.begin().await?;
    let done = delete_oldest_events(connection, mine, through).await;
    match writer.finish(done).await? {
        Trimmed::Some { more } => Ok(more),
        Trimmed::NotOwner { found } => Err(not_owner(found, mine)),
    }
}

enum Trimmed {
    Some { more: bool },
    NotOwner { found: i64 },
}

async fn delete_oldest_events(
    connection: &mut SqliteConnection,
    mine: Epoch,
    through: i64,
) -> Result<Trimmed, sqlx::Error> {
    let found: i64 = sqlx::query_scalar("SELECT max(epoch) FROM shards").fetch_one(&mut *connection).await?;
    if u64::try_from(found) != Ok(mine.0) {
        return Ok(Trimmed::NotOwner { found });
    }
    let oldest: Option<i64> =
        sqlx::query_scalar("SELECT min(position) FROM events").fetch_one(&mut *connection).await?;
    let Some(oldest) = oldest.filter(|oldest| *oldest <= through) else { return Ok(Trimmed::Some { more: false }) };
    let last = oldest.saturating_add(TRIM_PIECE - 1).min(through);
    sqlx::query("DELETE FROM events WHERE position <= ?1").bind(last).execute(connection).await?;
    Ok(Trimmed::Some { more: last < through })
}

/// Writes something harmless, and looks whether the shards are still this process's.
pub(super) async fn probe(writer: &mut WriteConnection, mine: Epoch) -> Result<(), StoreError> {
    let connection = writer.begin().await?;
    let done = write_probe(connection).await;
    let found = writer.finish(done).await?;
    if mine.0 == 0 || u64::try_from(found) == Ok(mine.0) {
        return Ok(());
    }
    Err(not_owner(found, mine))
}

/// The refusal of a write that only the owner of the shards may do.
pub(super) fn not_owner(found: i64, mine: Epoch) -> StoreError {
    StoreError::Unavailable {
        reason: format!("another process has taken the shards over: their epoch is {found}, this one's is {}", mine.0),
        retry_after: Duration::from_secs(10),
    }
}

async fn write_probe(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query("UPDATE store SET probes = probes + 1").execute(&mut *connection).await?;
    sqlx::query_scalar("SELECT max(epoch) FROM shards").fetch_one(connection).await
}

fn json(rows: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}
