//! The store port's adapters, and the one place that knows which URL means which of them.
//!
//! Nothing here knows what a call or a driver is: bodies are texts that are kept as they come.

mod group;
mod redis;
mod settings;
mod sqlite;

use std::{path::PathBuf, sync::Arc};

pub use self::{settings::StoreSettings, sqlite::backup};
use uuid::Uuid;

use crate::{
    actors::ports::store::{Store, StoreError},
    settings::{Finding, Section},
};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no store this program can use.
    #[error("store.url {url:?}: {reason}; use sqlite://path/to/file.db or redis://host:port/db")]
    Url {
        /// The URL, without its password.
        url: String,
        /// The mistake in it.
        reason: String,
    },
    /// A setting is outside its range.
    #[error("store.{key} {message}")]
    Setting {
        /// The setting's name in the section `store`.
        key: String,
        /// The allowed value, and the found one.
        message: String,
    },
    /// A certificate or key that a setting names cannot be read.
    #[error("store.{key} names {path:?}, which cannot be read: {source}")]
    Certificate {
        /// The setting's name in the section `store`.
        key: &'static str,
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file's folder is not there and could not be made.
    #[error("cannot create the folder {path:?} for the store: {source}")]
    Folder {
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The store was written by a later release.
    #[error("the store at {at} has schema {found}, this release knows up to {known}: use the release that wrote it")]
    Newer {
        at: String,
        found: i64,
        /// The latest schema this release knows.
        known: i64,
    },
    /// The file or database belongs to another program; it was not changed.
    #[error("{at} is not a callout store ({reason}): name another one in store.url")]
    Foreign { at: String, reason: String },
    /// The file is damaged, or is none of SQLite's.
    #[error(
        "the store {at} cannot be read: {reason}. Put it back from a backup, with its -wal and -shm, and keep the damaged files: what \
         they still hold can be taken out with `sqlite3 {at} .recover`"
    )]
    Damaged {
        at: String,
        /// What SQLite found.
        reason: String,
    },
    /// The store did not answer, or not as it should.
    #[error("cannot open the store at {at}: {source}")]
    Store { at: String, source: StoreError },
}

/// Opens the store at `settings.url`: `sqlite://path/to/file.db` (made when it is not there, with its folders),
/// `redis://[user:password@]host:port/db`, `rediss://…` for TLS, or
/// `redis+sentinel://[user:password@]sentinel:port,sentinel:port/master/db` (`rediss+sentinel://…`).
///
/// Must be called within a tokio runtime, which then runs the store's writer; the metrics recorder
/// should be installed before.
///
/// # Errors
/// When the URL is not understood, a setting is out of range, or the store cannot be reached or used.
pub async fn open(settings: &StoreSettings) -> Result<Arc<dyn Store>, OpenError> {
    let url = settings.url.as_str();
    let known = url.starts_with("sqlite://") || redis::Address::knows(url);
    if !known {
        return Err(OpenError::Url { url: settings.url.to_string(), reason: "its scheme is not known".to_owned() });
    }
    if let Some(Finding { keys, message }) = settings.problems().into_iter().next() {
        return Err(OpenError::Setting { key: keys.into_iter().next().unwrap_or_default(), message });
    }
    crate::actors::ports::set_aside::describe_metrics();
    crate::actors::ports::loss::describe_metrics();
    if let Some(path) = url.strip_prefix("sqlite://") {
        return Ok(Arc::new(sqlite::SqliteStore::open(path, settings).await?));
    }
    Ok(Arc::new(redis::RedisStore::open(url, settings).await?))
}

/// A name for a new data set.
fn new_identity() -> Uuid {
    crate::clock::random_id()
}
