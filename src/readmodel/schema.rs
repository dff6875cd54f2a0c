//! The tables of the records, and making them.
//!
//! `call_history`, `driver_history`, `snapshots`, `told`, `receivers` and `notifications` are records: they are written
//! once and never computed again. `places` says where the store was whose file this is, and `numbering` names the numbers of
//! `told`: a file that was filled anew has other ones. What can be computed from them
//! anew is in `views.rs`.
//!
//! The cost of a row is the pages that it touches. Therefore the events of a call are one row per batch, and the events
//! of a driver are only appended: only making the views anew reads them.

use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use super::views;
use crate::clock;

const RECORDS: &str = "
    CREATE TABLE IF NOT EXISTS source (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        identity TEXT NOT NULL,
        cursor TEXT NOT NULL,
        synced INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE IF NOT EXISTS call_history (
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        events TEXT NOT NULL,
        UNIQUE (id, seq)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS driver_history (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS snapshots (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (kind, id, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS told (
        id INTEGER PRIMARY KEY,
        call_id TEXT,
        service TEXT NOT NULL,
        occasion TEXT NOT NULL,
        ko TEXT NOT NULL,
        en TEXT NOT NULL,
        at INTEGER NOT NULL,
        receivers TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS receivers (
        id INTEGER PRIMARY KEY,
        role TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (role, name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS notifications (key INTEGER PRIMARY KEY, more TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS places (place TEXT PRIMARY KEY) STRICT;
    CREATE TABLE IF NOT EXISTS numbering (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        name TEXT NOT NULL
    ) STRICT;
";

/// The store that a file belongs to.
pub(super) enum Owner {
    This,
    /// That of the data set with this identity.
    Another(String),
}

/// Takes the file for the data set `identity` unless it is another's, and makes what is missing, in one transaction.
/// Answers whose file it is.
pub(super) async fn prepare(connection: &mut SqliteConnection, identity: Uuid) -> Result<Owner, sqlx::Error> {
    // Not deferred: one that reads first and writes then fails when a predecessor, still ending, writes in between.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(RECORDS).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO source (only, identity, cursor) VALUES (1, ?1, '') ON CONFLICT DO NOTHING")
        .bind(identity.to_string())
        .execute(&mut *transaction)
        .await?;
    let owner: String = sqlx::query_scalar("SELECT identity FROM source").fetch_one(&mut *transaction).await?;
    if owner != identity.to_string() {
        transaction.rollback().await?;
        return Ok(Owner::Another(owner));
    }
    sqlx::query("INSERT INTO numbering (only, name) VALUES (1, ?1) ON CONFLICT DO NOTHING")
        .bind(clock::random_id().to_string())
        .execute(&mut *transaction)
        .await?;
    if !has_packed_notifications(&mut transaction).await? {
        sqlx::raw_sql("ALTER TABLE notifications ADD COLUMN more TEXT").execute(&mut *transaction).await?;
    }
    views::bring_up_to_date(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Owner::This)
}

/// Whether a notification's row has room for more of its receiver: in the first files there was a row for each.
async fn has_packed_notifications(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) > 0 FROM pragma_table_info('notifications') WHERE name = 'more'")
        .fetch_one(connection)
        .await
}
