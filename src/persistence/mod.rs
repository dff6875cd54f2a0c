//! The store port's adapters, and the one place that knows which URL means which of them.
//!
//! Nothing here knows what a call or a driver is: bodies are texts that are kept as they come.

mod group;
mod redis;
mod settings;
mod sqlite;

use std::{path::PathBuf, sync::Arc};

pub use settings::StoreSettings;
use uuid::Uuid;

use crate::actors::ports::store::{Store, StoreError};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no store this program can use.
    #[error("store.url {url:?}: {reason}; use sqlite://path/to/file.db or redis://host:port/db")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is outside its range.
    #[error("store.{key} is {found}; it must be {range}")]
    Setting {
        /// The setting's name in the section `store`.
        key: &'static str,
        /// Its value.
        found: u64,
        /// What would be right.
        range: &'static str,
    },
    /// A certificate or key that a setting names cannot be read.
    #[error("store.{key} names {path:?}, which cannot be read: {source}")]
    Certificate {
        /// The setting's name in the section `store`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's folder is not there and could not be made.
    #[error("cannot create the folder {path:?} for the store: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is there was written by a later release.
    #[error("the store at {at} has schema {found}, this release knows up to {known}: use the release that wrote it")]
    Newer {
        /// Where it is.
        at: String,
        /// The schema found.
        found: i64,
        /// The latest schema this release knows.
        known: i64,
    },
    /// What is there belongs to something else; it has been left as it was.
    #[error("{at} is not a callout store ({reason}): name another one in store.url")]
    Foreign {
        /// Where it is.
        at: String,
        /// What was found.
        reason: String,
    },
    /// The store did not answer, or not as it should.
    #[error("cannot open the store at {at}: {source}")]
    Store {
        /// Where it is.
        at: String,
        /// What happened.
        source: StoreError,
    },
}

/// Opens the store at `url`: `sqlite://path/to/file.db` (made when it is not there, with its folders),
/// `redis://[user:password@]host:port/db`, `rediss://…` for TLS, or
/// `redis+sentinel://[user:password@]sentinel:port,sentinel:port/master/db` (`rediss+sentinel://…`).
///
/// Must be called within a tokio runtime, which then runs the store's writer; the metrics recorder should be
/// installed before.
///
/// # Errors
/// When the URL is not understood, a setting is out of range, or the store cannot be reached or used.
pub async fn open(url: &str, settings: &StoreSettings) -> Result<Arc<dyn Store>, OpenError> {
    settings.check()?;
    if let Some(path) = url.strip_prefix("sqlite://") {
        return Ok(Arc::new(sqlite::SqliteStore::open(path, settings).await?));
    }
    if redis::Address::knows(url) {
        return Ok(Arc::new(redis::RedisStore::open(url, settings).await?));
    }
    Err(OpenError::Url { url: settings::without_password(url), reason: "its scheme is not known".to_owned() })
}

/// A name for a new data set.
fn new_identity() -> Uuid {
    crate::clock::random_id()
}
