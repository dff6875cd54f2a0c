//! The terms of services: a table of their own, written at the start and when a store is brought back.

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    error::{nothing_written, unreadable},
    write::not_owner,
    writer::WriteConnection,
};
use crate::actors::ports::{
    set_aside,
    store::{Epoch, StoreError, StoredTerms},
};

/// Keeps terms, or writes them anew.
pub(super) async fn keep(writer: &mut WriteConnection, terms: &[StoredTerms]) -> Result<(), StoreError> {
    let connection = writer.begin().await?;
    let done = insert(connection, terms).await;
    writer.finish(done).await
}

async fn insert(connection: &mut SqliteConnection, terms: &[StoredTerms]) -> Result<(), sqlx::Error> {
    for kept in terms {
        sqlx::query(
            "INSERT INTO terms (id, service, kept_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET
                 service = excluded.service, kept_at = min(kept_at, excluded.kept_at), body = excluded.body",
        )
        .bind(&kept.id)
        .bind(&kept.service)
        .bind(kept.kept_at.as_millisecond())
        .bind(&kept.body)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// All terms, the oldest first.
pub(super) async fn all(readers: &SqlitePool) -> Result<Vec<StoredTerms>, StoreError> {
    let rows = sqlx::query("SELECT id, service, kept_at, body FROM terms ORDER BY kept_at, id")
        .fetch_all(readers)
        .await
        .map_err(|error| nothing_written(&error))?;
    let read = |row: &SqliteRow| stored(row).inspect_err(|error| set_aside::terms("the table terms", error)).ok();
    Ok(rows.iter().filter_map(read).collect())
}

fn stored(row: &SqliteRow) -> Result<StoredTerms, StoreError> {
    let broken = |error: sqlx::Error| nothing_written(&error);
    let at = row.try_get("kept_at").map_err(broken)?;
    Ok(StoredTerms {
        id: row.try_get("id").map_err(broken)?,
        service: row.try_get("service").map_err(broken)?,
        kept_at: Timestamp::from_millisecond(at).map_err(|error| unreadable("when terms were kept", &error))?,
        body: row.try_get("body").map_err(broken)?,
    })
}

/// Forgets terms, unless another process has the shards.
pub(super) async fn forget(writer: &mut WriteConnection, mine: Epoch, ids: &[String]) -> Result<(), StoreError> {
    let connection = writer.begin().await?;
    let done = delete(connection, mine, ids).await;
    match writer.finish(done).await? {
        None => Ok(()),
        Some(found) => Err(not_owner(found, mine)),
    }
}

/// Answers the epoch of another owner, if there is one: then nothing is deleted.
async fn delete(connection: &mut SqliteConnection, mine: Epoch, ids: &[String]) -> Result<Option<i64>, sqlx::Error> {
    let found: i64 = sqlx::query_scalar("SELECT max(epoch) FROM shards").fetch_one(&mut *connection).await?;
    if u64::try_from(found) != Ok(mine.0) {
        return Ok(Some(found));
    }
    for id in ids {
        sqlx::query("DELETE FROM terms WHERE id = ?1").bind(id).execute(&mut *connection).await?;
    }
    Ok(None)
}
