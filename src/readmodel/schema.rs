//! The tables, and opening the file.
//!
//! `call_history`, `driver_history`, `told`, `receivers` and `notifications` are records: they are written once and never
//! computed again. `calls` and `drivers` are views of the history; [`VIEWS`] numbers their shape, and a file with an older
//! number gets them folded anew.
//!
//! What a row costs is the pages it touches. So the events of a call are one row per batch that brought some, and those of
//! a driver are only ever appended: nothing but making the views anew reads them.

use std::path::{Path, PathBuf};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::{OpenError, ReadModelSettings, refold};

/// The shape of the views. Raise it whenever `calls` or `drivers`, or what is in them, changes.
const VIEWS: i64 = 1;
/// Notes that the views have the shape [`VIEWS`].
const SET_VIEWS: &str = "PRAGMA user_version = 1";

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
";

const MAKE_VIEWS: &str = "
    DROP TABLE IF EXISTS calls;
    DROP TABLE IF EXISTS drivers;
    CREATE TABLE calls (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        status TEXT NOT NULL,
        open INTEGER NOT NULL,
        customer_id TEXT NOT NULL,
        driver_id TEXT,
        created_at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        unknown_since INTEGER,
        state TEXT NOT NULL
    ) STRICT;
    CREATE INDEX calls_customer ON calls (customer_id, created_at, id);
    CREATE INDEX calls_driver ON calls (driver_id, created_at, id) WHERE driver_id IS NOT NULL;
    CREATE INDEX calls_service ON calls (service, created_at, id);
    CREATE INDEX calls_age ON calls (created_at, id);
    CREATE INDEX calls_open ON calls (created_at, id) WHERE open = 1;
    CREATE INDEX calls_unknown ON calls (unknown_since) WHERE unknown_since IS NOT NULL;
    CREATE TABLE drivers (
        id TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        status TEXT NOT NULL,
        version INTEGER NOT NULL,
        state TEXT NOT NULL
    ) STRICT;
    CREATE INDEX drivers_service ON drivers (service, id);
";

/// An opened file.
pub(super) struct Opened {
    pub options: SqliteConnectOptions,
    pub connection: SqliteConnection,
    pub readers: SqlitePool,
    /// The newest notice there is; 0 when there is none.
    pub last_told: i64,
}

/// Opens the file for the data set `identity`.
pub(super) async fn open(settings: &ReadModelSettings, identity: Uuid) -> Result<Opened, OpenError> {
    let path = settings.file.as_path();
    let files = |source| OpenError::Files { path: path.to_owned(), source };
    let sql = |source| OpenError::Sql { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(files)?;
    }
    let options = options(settings);
    let mut connection = options.connect().await.map_err(sql)?;
    let found = check_kind(&mut connection, path).await?;
    if let Some(other) = found.filter(|found| *found != identity.to_string()) {
        connection.close().await.map_err(sql)?;
        set_aside(path, &other).map_err(files)?;
        tracing::warn!(file = %path.display(), %other, "the read model belongs to another store: it is begun anew");
        connection = options.connect().await.map_err(sql)?;
    }
    prepare(&mut connection, identity).await.map_err(sql)?;
    let last_told = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM told");
    let last_told = last_told.fetch_one(&mut connection).await.map_err(sql)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(settings.read_connections.max(1))
        .acquire_timeout(settings.timeout)
        .connect_with(options.clone().create_if_missing(false).read_only(true))
        .await
        .map_err(sql)?;
    Ok(Opened { options, connection, readers, last_told })
}

/// Commits need not be synced one by one: the stream is trimmed only behind a synced cursor, and what a power cut takes
/// back is read from the stream again.
fn options(settings: &ReadModelSettings) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&settings.file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(settings.timeout)
        // KiB of page cache per connection, and pages of log before it is folded into the file.
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "4000")
        // What a statement of many rows would need to be taken back is kept in memory, not in a file.
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

/// Refuses a file of a later release or of another program; answers which data set a read model belongs to.
async fn check_kind(connection: &mut SqliteConnection, path: &Path) -> Result<Option<String>, OpenError> {
    let sql = |source| OpenError::Sql { path: path.to_owned(), source };
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
        .fetch_one(&mut *connection)
        .await
        .map_err(sql)?;
    if tables == 0 {
        return Ok(None);
    }
    let ours = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('source', 'call_history', 'told')";
    let ours: i64 = sqlx::query_scalar(ours).fetch_one(&mut *connection).await.map_err(sql)?;
    if ours < 3 {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let found = views(connection).await.map_err(sql)?;
    if found > VIEWS {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: VIEWS });
    }
    sqlx::query_scalar("SELECT identity FROM source").fetch_optional(connection).await.map_err(sql)
}

/// Makes what is missing, in one transaction.
async fn prepare(connection: &mut SqliteConnection, identity: Uuid) -> Result<(), sqlx::Error> {
    // Not deferred: one that reads first and writes then fails when a predecessor, still ending, writes in between.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(RECORDS).execute(&mut *transaction).await?;
    if !has_packed_notifications(&mut transaction).await? {
        sqlx::raw_sql("ALTER TABLE notifications ADD COLUMN more TEXT").execute(&mut *transaction).await?;
    }
    sqlx::query("INSERT INTO source (only, identity, cursor) VALUES (1, ?1, '') ON CONFLICT DO NOTHING")
        .bind(identity.to_string())
        .execute(&mut *transaction)
        .await?;
    if views(&mut transaction).await? < VIEWS {
        sqlx::raw_sql(MAKE_VIEWS).execute(&mut *transaction).await?;
        refold::refold(&mut transaction).await?;
        sqlx::raw_sql(SET_VIEWS).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// Whether a notification's row has room for more of its receiver: in the first files there was a row for each.
async fn has_packed_notifications(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) > 0 FROM pragma_table_info('notifications') WHERE name = 'more'")
        .fetch_one(connection)
        .await
}

async fn views(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await
}

/// Renames the file of another data set, with its log.
fn set_aside(path: &Path, identity: &str) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            std::fs::rename(&from, with_suffix(path, &format!(".{identity}{suffix}")))?;
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
