//! An online copy of the store's file.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::{read, schema};
use crate::{
    persistence::OpenError,
    sqlite_copy::{CopyError, Snapshot},
};

/// The store as a transaction sees it, to be copied.
pub struct StoreCopy {
    snapshot: Snapshot,
    /// The identity of the store.
    pub identity: String,
    /// The position of the last event that the store no longer has; 0 when it has all.
    trimmed: i64,
}

impl StoreCopy {
    /// Begins to read the store's file at `from`; its copy will be the new file `into`.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub async fn begin(from: &Path, into: &Path) -> Result<Self, CopyError> {
        let failed = |source| CopyError::Read { path: from.to_owned(), source };
        let mut snapshot = Snapshot::begin(from, into).await?;
        let identity =
            sqlx::query_scalar("SELECT identity FROM main.store").fetch_one(snapshot.sql()).await.map_err(failed)?;
        let trimmed = sqlx::query_scalar(read::TRIMMED).fetch_one(snapshot.sql()).await.map_err(failed)?;
        Ok(Self { snapshot, identity, trimmed })
    }

    /// Whether the copy has all events after the cursor of a read model.
    #[must_use]
    pub fn has_events_after(&self, cursor: &str) -> bool {
        cursor.parse::<i64>().unwrap_or_default() >= self.trimmed
    }

    /// Writes the copy.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn copy(self) -> Result<(), CopyError> {
        self.snapshot.copy().await
    }

    /// Gives the copy up.
    pub async fn give_up(self) {
        self.snapshot.give_up().await;
    }
}

/// The identity of the store in a file, which must be one of this release or an earlier one. Nothing in it is changed.
///
/// # Errors
/// When it is none, or cannot be read.
pub async fn identity_of(path: &Path) -> Result<String, OpenError> {
    let at = path.display().to_string();
    let damaged = |error: sqlx::Error| OpenError::Damaged { at: at.clone(), reason: error.to_string() };
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let mut connection = options.connect().await.map_err(damaged)?;
    schema::check_kind(&mut connection, &at).await?;
    let identity =
        sqlx::query_scalar("SELECT identity FROM store").fetch_one(&mut connection).await.map_err(damaged)?;
    connection.close().await.map_err(damaged)?;
    Ok(identity)
}
