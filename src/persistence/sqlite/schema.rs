//! Opening the file and bringing its tables up to date.
//!
//! `PRAGMA user_version` counts the migrations that have run. A file of a later release, or of another program, is
//! left alone.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    error::{is_busy, nothing_written, unreadable},
    writer::WriteConnection,
};
use crate::{
    actors::ports::store::{SHARDS, StoreError},
    open_file::OpenFile,
    persistence::{OpenError, StoreSettings, new_identity},
};

/// The tables, a step per release that changed them. Steps are never edited, only added.
const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE store (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        identity TEXT NOT NULL,
        probes INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE shards (shard INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT;
    CREATE TABLE snapshots (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        shard INTEGER NOT NULL,
        version INTEGER NOT NULL,
        write_id TEXT NOT NULL,
        live INTEGER NOT NULL,
        due_at INTEGER,
        body TEXT NOT NULL,
        UNIQUE (kind, id)
    ) STRICT;
    CREATE INDEX snapshots_live ON snapshots (shard, kind, id) WHERE live = 1;
    CREATE INDEX snapshots_due ON snapshots (shard, due_at, kind, id) WHERE due_at IS NOT NULL;
    CREATE TABLE events (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE terms (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        kept_at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
",
];

/// How long to wait before a file that is locked is tried again.
const LOCKED_AGAIN: Duration = Duration::from_millis(20);

/// A file that is open, migrated, and known by its identity.
pub(super) struct Opened {
    pub identity: Uuid,
    pub writer: WriteConnection,
    pub readers: SqlitePool,
}

/// Opens the file, made and migrated as needed.
pub(super) async fn open(path: &str, settings: &StoreSettings) -> Result<Opened, OpenError> {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    }
    let options = options(path, settings);
    let broken = |error: sqlx::Error| failed(path, nothing_written(&error));
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(broken)?;
    check_kind(&mut connection, path).await?;
    let mode = log_ahead(&mut connection, settings.lock_timeout()).await.map_err(broken)?;
    if mode != "wal" {
        let reason = format!("its file system cannot hold a write-ahead log (journal mode stays {mode:?})");
        return Err(OpenError::Foreign { at: path.to_owned(), reason });
    }
    let mut writer = WriteConnection::new(options.clone(), connection);
    let identity = migrate(&mut writer).await.map_err(|error| failed(path, error))?;
    // One reader stays for ever: as long as somebody has the file open, SQLite does not take its log away.
    let readers = SqlitePoolOptions::new()
        .max_connections(settings.read_connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(settings.read_timeout())
        .connect_with(options.read_only(true))
        .await
        .map_err(broken)?;
    writer.watch(OpenFile::of(Path::new(path)));
    Ok(Opened { identity, writer, readers })
}

/// The meaning of a failure for whoever starts the server.
fn failed(path: &str, source: StoreError) -> OpenError {
    let at = path.to_owned();
    match source {
        StoreError::Corrupt { reason } => OpenError::Damaged { at, reason },
        source => OpenError::Store { at, source },
    }
}

/// Turns the write-ahead log on; answers the mode that there is then. SQLite answers "locked" at once, without waiting,
/// while another connection does the same: then it is tried again for `patience`.
async fn log_ahead(connection: &mut SqliteConnection, patience: Duration) -> Result<String, sqlx::Error> {
    let until = Instant::now() + patience;
    loop {
        match sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await {
            Err(error) if is_busy(&error) && Instant::now() < until => tokio::time::sleep(LOCKED_AGAIN).await,
            answer => return answer,
        }
    }
}

fn options(path: &str, settings: &StoreSettings) -> SqliteConnectOptions {
    use sqlx::ConnectOptions;
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(settings.lock_timeout())
        .synchronous(SqliteSynchronous::Full)
        // KiB of page cache per connection, and pages of log before it is folded into the file.
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging()
}

/// Refuses a file of a later release or of another program before anything in it is changed.
pub(super) async fn check_kind(connection: &mut SqliteConnection, path: &str) -> Result<(), OpenError> {
    let at = || path.to_owned();
    let broken = |error: sqlx::Error| failed(path, nothing_written(&error));
    let found = user_version(connection).await.map_err(broken)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { at: at(), found, known });
    }
    // In one statement: between two of them another process may make the tables.
    let (any, ours): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(*) FILTER (WHERE name = 'store' AND type = 'table') FROM sqlite_schema")
            .fetch_one(connection)
            .await
            .map_err(broken)?;
    if any > 0 && ours == 0 {
        return Err(OpenError::Foreign { at: at(), reason: "it holds another program's tables".to_owned() });
    }
    Ok(())
}

async fn user_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await
}

/// Runs the steps that are missing, in one transaction, and answers the data set's identity.
async fn migrate(writer: &mut WriteConnection) -> Result<Uuid, StoreError> {
    let connection = writer.begin().await?;
    let done = run_missing(connection).await;
    let identity = writer.finish(done).await?;
    identity.parse().map_err(|error| unreadable("the store's identity", &error))
}

async fn run_missing(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    let found = usize::try_from(user_version(connection).await?).unwrap_or_default();
    for step in MIGRATIONS.iter().skip(found) {
        sqlx::raw_sql(*step).execute(&mut *connection).await?;
    }
    if found < MIGRATIONS.len() {
        // A pragma takes no parameters.
        let count = format!("PRAGMA user_version = {}", MIGRATIONS.len());
        sqlx::raw_sql(AssertSqlSafe(count)).execute(&mut *connection).await?;
    }
    if found == 0 {
        sqlx::query("INSERT INTO store (only, identity) VALUES (1, ?1)")
            .bind(new_identity().to_string())
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "INSERT INTO shards (shard, epoch)
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1) SELECT i, 0 FROM n",
        )
        .bind(i64::from(SHARDS))
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query_scalar("SELECT identity FROM store").fetch_one(connection).await
}
