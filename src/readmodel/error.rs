//! The errors of the read model.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::actors::ports::store::EntityRef;

/// Why the read model could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file's folder could not be made.
    #[error("the read model's file {path:?} cannot be prepared: {source}")]
    Files {
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file was written by a later release.
    #[error(
        "the read model {path:?} has schema {found}, this release knows up to {known}: use the release that wrote it"
    )]
    Newer {
        path: PathBuf,
        found: i64,
        /// The latest schema this release knows.
        known: i64,
    },
    /// The file belongs to another program; it was not changed.
    #[error("{path:?} is not a read model of this release: name another file in readmodel.url")]
    Foreign { path: PathBuf },
    /// The file that would be this store's belongs to another one; it has been left as it was.
    #[error(
        "the read model {path:?} belongs to the store {another}, not to {identity}: move it away, or name another file in readmodel.url"
    )]
    Taken {
        path: PathBuf,
        /// The identity of the store that it belongs to.
        another: String,
        /// The identity of this process's store.
        identity: Uuid,
    },
    /// The file is damaged, or is none of SQLite's.
    #[error(
        "the read model {path:?} is damaged ({source}): put it back from a backup, with its -wal and -shm, or move the three away; \
         then a new one is made from what the store has, without the histories of calls whose events the store no longer keeps"
    )]
    Damaged { path: PathBuf, source: sqlx::Error },
    #[error("cannot open the read model {path:?}: {source}")]
    Sql { path: PathBuf, source: sqlx::Error },
}

impl OpenError {
    /// The meaning of an error of SQLite for the file at `path`.
    pub(super) fn of(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        if is_damage(&source) { Self::Damaged { path, source } } else { Self::Sql { path, source } }
    }
}

/// Whether an error of SQLite says that a file is damaged: `SQLITE_CORRUPT` or `SQLITE_NOTADB`, in any of their forms
/// (<https://sqlite.org/rescode.html>).
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// `SQLITE_INTERRUPT`: the time of a read was up.
const INTERRUPTED: &str = "9";

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The cursor is none that this list gave out.
    #[error("cursor is not from this list; leave it out to begin at the start")]
    BadCursor,
    /// It took longer than a read may take, or no connection was free for as long.
    #[error("the read took longer than readmodel.read_timeout_ms")]
    TooSlow,
    /// The file cannot be read now.
    #[error("the read model is unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// The file holds something that this release cannot read.
    #[error("the read model has a record that cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some(INTERRUPTED) || matches!(error, sqlx::Error::PoolTimedOut) {
            Self::TooSlow
        } else {
            Self::Unavailable(error)
        }
    }
}

/// Why a page of events was not applied: nothing of it was written, unless said otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The page does not begin where the read model stands: read the cursor again.
    #[error("the read model's cursor is {found:?}, which is not the beginning of the page")]
    Stale { found: String },
    /// Events of these entities are missing: what the store has of them is to be given.
    #[error("events of {0:?} are missing")]
    Gaps(Vec<EntityRef>),
    /// SQLite refused. A failure of the commit itself leaves open whether it was written; the cursor tells.
    #[error("the read model cannot be written: {0}")]
    Sql(#[from] sqlx::Error),
    /// A stored record cannot be read.
    #[error("the read model has a record that cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}
