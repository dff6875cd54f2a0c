//! Finding and opening the file of this store.
//!
//! The file that the settings name belongs to the store that used it first; its identity is in the file, put there by the
//! transaction that made it. Every other store has a file of its own beside it, `<file>.<identity>`. So stores that take
//! turns find their past again, and servers of two stores in one folder do not meet. Nothing is ever renamed, overwritten or
//! deleted. Processes of one store share its file: one that takes over opens it while the other still ends.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    OpenError, ReadModelSettings,
    readers::Readers,
    schema::{self, Owner},
    views,
};
use crate::{open_file::OpenFile, sqlite_copy::is_locked};

/// How long the start waits for the first connection that reads. Later on [`Readers`] have a bound of their own.
const FIRST_CONNECTION: Duration = Duration::from_secs(60);

/// How long to wait before a file that is locked is tried again.
const LOCKED_AGAIN: Duration = Duration::from_millis(20);

/// A read model's file that is open, and belongs to this store.
pub(super) struct Opened {
    /// The settings, with the file that is this store's.
    pub settings: ReadModelSettings,
    pub options: SqliteConnectOptions,
    pub connection: SqliteConnection,
    pub readers: Readers,
    /// Which files it is.
    pub file: OpenFile,
    /// The newest notice there is; 0 when there is none.
    pub last_told: i64,
    /// The name of the numbers that notifications have in this file.
    pub numbering: String,
}

/// Opens the file of the data set `identity`. While another process makes the file, or closes it as its last user, SQLite
/// answers "locked" at once instead of waiting: then it is tried again, as long as a write waits for the file's lock.
pub(super) async fn open(settings: ReadModelSettings, identity: Uuid) -> Result<Opened, OpenError> {
    let until = Instant::now() + settings.lock_timeout();
    loop {
        match open_once(settings.clone(), identity).await {
            Err(OpenError::Sql { source, .. }) if is_locked(&source) && Instant::now() < until => {
                tokio::time::sleep(LOCKED_AGAIN).await;
            }
            other => return other,
        }
    }
}

async fn open_once(settings: ReadModelSettings, identity: Uuid) -> Result<Opened, OpenError> {
    let named = settings.file();
    if let Some(folder) = named.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Files { path: named.clone(), source })?;
    }
    let own = beside(&named, identity);
    let named_is = owner(&settings.clone().with_file(&named)).await?;
    let files = match named_is.as_deref().map(|owner| owner == identity.to_string()) {
        Some(true) => {
            if own.exists() {
                tracing::warn!(used = %named.display(), unused = %own.display(), "this store has two read models");
            }
            vec![named]
        }
        Some(false) => vec![own],
        None if own.exists() => vec![own],
        // Another store may take the file first.
        None => vec![named, own],
    };
    let mut another = String::new();
    for file in &files {
        match open_file(settings.clone().with_file(file), identity).await? {
            Ok(opened) => {
                tracing::info!(file = %file.display(), "the read model is open");
                return Ok(opened);
            }
            Err(owner) => another = owner,
        }
    }
    Err(OpenError::Taken { path: files.last().cloned().unwrap_or_default(), another, identity })
}

/// The file beside `file` for a data set that is not its owner.
fn beside(file: &Path, identity: Uuid) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{identity}"));
    PathBuf::from(name)
}

/// The file that the settings name, and those of other data sets beside it.
pub(super) fn files(settings: &ReadModelSettings) -> Vec<PathBuf> {
    let named = settings.file();
    let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_beside = |path: &PathBuf| {
        let found = path.file_name().unwrap_or_default().to_string_lossy();
        let identity = found.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
        identity.is_some_and(|identity| Uuid::parse_str(identity).is_ok())
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let beside = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_beside).collect::<Vec<_>>();
    std::iter::once(named).chain(beside).collect()
}

/// The data set that a file belongs to; `None` when it is none's yet.
async fn owner(settings: &ReadModelSettings) -> Result<Option<String>, OpenError> {
    let path = &settings.file();
    if !path.exists() {
        return Ok(None);
    }
    let sql = |source| OpenError::of(path, source);
    let mut connection = options(settings).create_if_missing(false).connect().await.map_err(sql)?;
    let owner = read_owner(&mut connection, path).await?;
    connection.close().await.map_err(sql)?;
    Ok(owner)
}

/// The data set that the file of the settings belongs to, if that was once at `place`.
pub(super) async fn owner_at(settings: &ReadModelSettings, place: &str) -> Result<Option<String>, OpenError> {
    let Some(owner) = owner(settings).await? else { return Ok(None) };
    let path = &settings.file();
    let sql = |source| OpenError::of(path, source);
    let mut connection = options(settings).create_if_missing(false).connect().await.map_err(sql)?;
    let notes = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'places'";
    let notes: i64 = sqlx::query_scalar(notes).fetch_one(&mut connection).await.map_err(sql)?;
    let was_there = if notes == 0 {
        0
    } else {
        let was_there = sqlx::query_scalar("SELECT count(*) FROM places WHERE place = ?1").bind(place);
        was_there.fetch_one(&mut connection).await.map_err(sql)?
    };
    connection.close().await.map_err(sql)?;
    Ok(Some(owner).filter(|_| was_there > 0))
}

/// As [`owner`], of an open file. One of another program is refused.
pub(super) async fn read_owner(connection: &mut SqliteConnection, path: &Path) -> Result<Option<String>, OpenError> {
    let sql = |source| OpenError::of(path, source);
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
    sqlx::query_scalar("SELECT identity FROM source").fetch_optional(connection).await.map_err(sql)
}

/// Opens a file, made when it is not there. Answers its owner when that is another data set: nothing in it was changed.
async fn open_file(settings: ReadModelSettings, identity: Uuid) -> Result<Result<Opened, String>, OpenError> {
    let path = &settings.file();
    let sql = |source| OpenError::of(path, source);
    let options = options(&settings);
    let mut connection = options.connect().await.map_err(sql)?;
    let found = read_owner(&mut connection, path).await?;
    if let Some(another) = found.filter(|found| *found != identity.to_string()) {
        connection.close().await.map_err(sql)?;
        return Ok(Err(another));
    }
    let found = views::shape(&mut connection).await.map_err(sql)?;
    if found > views::SHAPE {
        return Err(OpenError::Newer { path: path.clone(), found, known: views::SHAPE });
    }
    if let Owner::Another(another) = schema::prepare(&mut connection, identity).await.map_err(sql)? {
        connection.close().await.map_err(sql)?;
        return Ok(Err(another));
    }
    let last_told = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM told");
    let last_told = last_told.fetch_one(&mut connection).await.map_err(sql)?;
    let numbering = sqlx::query_scalar("SELECT name FROM numbering").fetch_one(&mut connection).await.map_err(sql)?;
    // One reader stays for ever: as long as somebody has the file open, SQLite does not take its log away.
    let readers = SqlitePoolOptions::new()
        .max_connections(settings.read_connections.max(1))
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(FIRST_CONNECTION)
        .connect_with(options.clone().create_if_missing(false).read_only(true))
        .await
        .map_err(sql)?;
    let readers = Readers::new(readers, settings.read_timeout());
    let file = OpenFile::of(&settings.file());
    Ok(Ok(Opened { settings, options, connection, readers, file, last_told, numbering }))
}

/// A connection that only reads.
pub(super) async fn reading(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging().connect().await
}

/// Commits need not be synced one by one: the stream is trimmed only behind a synced cursor, and what a power cut takes
/// back is read from the stream again.
fn options(settings: &ReadModelSettings) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(settings.file())
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(settings.lock_timeout())
        // KiB of page cache per connection, and pages of log before it is folded into the file.
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "4000")
        // Bytes that are left of a log that is begun anew: see `log.rs`.
        .pragma("journal_size_limit", settings.log_max_bytes.to_string())
        // What a statement of many rows would need to be taken back is kept in memory, not in a file.
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}
