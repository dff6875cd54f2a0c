//! A copy of a SQLite file that is in use, as one transaction sees it.
//!
//! Two files are copied so that they fit together: first both transactions begin, then it is decided whether they fit,
//! and then each copies what it sees. SQLite's own `VACUUM INTO` runs in no transaction, and its backup interface needs
//! code that this project forbids.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// The primary result code of SQLite for a file that another connection has locked.
const SQLITE_BUSY: i32 = 5;

/// How long another connection may take to leave a file before the file counts as in use.
const IN_USE_AFTER: Duration = Duration::from_millis(500);

/// A transaction that reads a file, and the new file for its copy.
pub struct Snapshot {
    connection: SqliteConnection,
    into: PathBuf,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{path:?} cannot be read: {source}")]
    Read { path: PathBuf, source: sqlx::Error },
    #[error("{path:?} cannot be written: {source}")]
    Write { path: PathBuf, source: sqlx::Error },
    #[error("{path:?} cannot be written: {source}")]
    Sync { path: PathBuf, source: io::Error },
}

impl Snapshot {
    /// Begins to read the file at `from`; its copy will be the new file `into`.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub async fn begin(from: &Path, into: &Path) -> Result<Self, CopyError> {
        let read = |source| CopyError::Read { path: from.to_owned(), source };
        // The connection may make files, for it makes the copy.
        from.metadata().map_err(|source| read(sqlx::Error::Io(source)))?;
        let write = |source| CopyError::Write { path: into.to_owned(), source };
        let options = SqliteConnectOptions::new().filename(from).create_if_missing(true).disable_statement_logging();
        let mut connection = options.connect().await.map_err(read)?;
        let attach = sqlx::query("ATTACH ?1 AS copy").bind(into.to_string_lossy().into_owned());
        attach.execute(&mut connection).await.map_err(write)?;
        // A copy that is not finished is thrown away: it needs no journal, and is synced at the end.
        sqlx::raw_sql("PRAGMA copy.journal_mode = OFF; PRAGMA copy.synchronous = OFF")
            .execute(&mut connection)
            .await
            .map_err(write)?;
        // The transaction sees the file as it is at its first read.
        sqlx::raw_sql("BEGIN").execute(&mut connection).await.map_err(read)?;
        sqlx::query("SELECT count(*) FROM main.sqlite_schema").fetch_one(&mut connection).await.map_err(read)?;
        Ok(Self { connection, into: into.to_owned() })
    }

    /// The connection, to look at what is copied.
    pub fn sql(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Writes the copy, and has it on the disk.
    ///
    /// # Errors
    /// When the copy cannot be written. What there is of it is of no use.
    pub async fn copy(mut self) -> Result<(), CopyError> {
        let path = self.into.clone();
        let write = |source| CopyError::Write { path: path.clone(), source };
        copy_all(&mut self.connection).await.map_err(write)?;
        self.connection.close().await.map_err(write)?;
        let sync = |source| CopyError::Sync { path: path.clone(), source };
        File::open(&self.into).and_then(|file| file.sync_all()).map_err(sync)
    }

    /// Gives the copy up.
    pub async fn give_up(self) {
        // Nothing was written; an empty file may be left, which the next attempt takes.
        let _ = self.connection.close().await;
    }
}

/// Tables first, with their rows, then what makes writing them slow: indexes and triggers.
async fn copy_all(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let version: i64 = sqlx::query_scalar("PRAGMA main.user_version").fetch_one(&mut *sql).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA copy.user_version = {version}"))).execute(&mut *sql).await?;
    let objects = sqlx::query(
        "SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY type <> 'table', rowid",
    );
    for object in objects.fetch_all(&mut *sql).await? {
        let (kind, name, made) = (object.try_get(0)?, object.try_get(1)?, object.try_get(2)?);
        sqlx::raw_sql(AssertSqlSafe(in_the_copy(kind, made))).execute(&mut *sql).await?;
        if kind == "table" {
            let name = quoted(name);
            let rows = format!("INSERT INTO copy.{name} SELECT * FROM main.{name}");
            sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut *sql).await?;
        }
    }
    let numbers = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";
    if sqlx::query_scalar::<_, i64>(numbers).fetch_one(&mut *sql).await? > 0 {
        // The highest number that was ever given, which need not be that of a row that is left.
        let copied =
            "DELETE FROM copy.sqlite_sequence; INSERT INTO copy.sqlite_sequence SELECT * FROM main.sqlite_sequence";
        sqlx::raw_sql(copied).execute(&mut *sql).await?;
    }
    sqlx::raw_sql("COMMIT").execute(sql).await.map(drop)
}

/// The statement that made something, for the copy. SQLite keeps it from `CREATE` on, without `IF NOT EXISTS`.
fn in_the_copy(kind: &str, made: &str) -> String {
    let word = format!("{} ", kind.to_ascii_uppercase());
    made.replacen(&word, &format!("{word}copy."), 1)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether another process has the file open.
///
/// # Errors
/// When that cannot be found out, for instance because the file is damaged.
pub async fn is_in_use(path: &Path) -> Result<bool, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).busy_timeout(IN_USE_AFTER);
    let mut connection = options.disable_statement_logging().connect().await?;
    // A log can be left only by the last connection. The file is the same afterwards, with its log folded in.
    let left = sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut connection).await;
    let _ = connection.close().await;
    match left {
        Ok(_) => Ok(false),
        Err(error) if is_locked(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether another connection is in the way: SQLITE_BUSY in any of its forms (<https://sqlite.org/rescode.html>).
pub fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_BUSY)
}

/// The damage that SQLite finds in a file; `None` when it is sound.
///
/// # Errors
/// When it cannot be read at all.
pub async fn damage(path: &Path) -> Result<Option<String>, sqlx::Error> {
    let options =
        SqliteConnectOptions::new().filename(path).create_if_missing(false).read_only(true).disable_statement_logging();
    let mut connection = options.connect().await?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok((found != "ok").then_some(found))
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteJournalMode;

    use super::*;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    async fn open(path: &Path) -> Result<SqliteConnection> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        Ok(options.journal_mode(SqliteJournalMode::Wal).connect().await?)
    }

    #[tokio::test]
    async fn the_copy_is_what_the_transaction_saw_with_everything_in_it() -> Result {
        let folder = tempfile::tempdir()?;
        let (from, into) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let mut writer = open(&from).await?;
        sqlx::raw_sql(
            "CREATE TABLE \"odd name\" (n INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT) STRICT;
             CREATE UNIQUE INDEX by_t ON \"odd name\" (t);
             CREATE TABLE counts (only INTEGER PRIMARY KEY, n INTEGER) STRICT, WITHOUT ROWID;
             INSERT INTO counts VALUES (1, 0);
             CREATE TRIGGER counted AFTER INSERT ON \"odd name\" BEGIN UPDATE counts SET n = n + 1; END;
             INSERT INTO \"odd name\" (t) VALUES ('a'), ('b'), ('c');
             DELETE FROM \"odd name\" WHERE t = 'c';
             PRAGMA user_version = 7;",
        )
        .execute(&mut writer)
        .await?;
        let snapshot = Snapshot::begin(&from, &into).await?;
        sqlx::raw_sql("INSERT INTO \"odd name\" (t) VALUES ('later')").execute(&mut writer).await?;
        snapshot.copy().await?;
        let mut copy = open(&into).await?;
        let texts: Vec<String> =
            sqlx::query_scalar("SELECT t FROM \"odd name\" ORDER BY n").fetch_all(&mut copy).await?;
        assert_eq!(texts, ["a", "b"]);
        sqlx::raw_sql("INSERT INTO \"odd name\" (t) VALUES ('d')").execute(&mut copy).await?;
        let (last, counted, version): (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT max(n) FROM \"odd name\"), (SELECT n FROM counts), (SELECT user_version FROM pragma_user_version)",
        )
        .fetch_one(&mut copy)
        .await?;
        assert_eq!((last, counted, version), (4, 4, 7), "numbers go on, triggers work");
        assert!(sqlx::raw_sql("INSERT INTO \"odd name\" (t) VALUES ('a')").execute(&mut copy).await.is_err());
        copy.close().await?;
        assert_eq!(damage(&into).await?, None);
        Ok(())
    }

    #[tokio::test]
    async fn a_file_is_in_use_as_long_as_somebody_has_it_open() -> Result {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.db");
        let mut other = open(&path).await?;
        sqlx::raw_sql("CREATE TABLE a (n INTEGER)").execute(&mut other).await?;
        assert!(is_in_use(&path).await?);
        other.close().await?;
        assert!(!is_in_use(&path).await?);
        Ok(())
    }
}
