//! An online copy of a read model's file.

use std::path::{Path, PathBuf};

use sqlx::Connection;

use super::{OpenError, ReadModelSettings, opening};
use crate::sqlite_copy::{CopyError, Snapshot};

/// A read model as a transaction sees it, to be copied.
pub struct ReadModelCopy {
    snapshot: Snapshot,
    /// The position in the event stream up to which it has read.
    pub cursor: String,
}

impl ReadModelCopy {
    /// Begins to read the file at `from`; its copy will be the new file `into`.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub async fn begin(from: &Path, into: &Path) -> Result<Self, CopyError> {
        let read = |source| CopyError::Read { path: from.to_owned(), source };
        let mut snapshot = Snapshot::begin(from, into).await?;
        let cursor =
            sqlx::query_scalar("SELECT cursor FROM main.source").fetch_one(snapshot.sql()).await.map_err(read)?;
        Ok(Self { snapshot, cursor })
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

/// The files of read models at the place that the settings name and beside it which belong to the store `identity`.
///
/// # Errors
/// When one of them cannot be read.
pub async fn files_of(settings: &ReadModelSettings, identity: &str) -> Result<Vec<PathBuf>, OpenError> {
    let mut own = Vec::new();
    for file in opening::files(settings) {
        if identity_of(&file).await?.as_deref() == Some(identity) {
            own.push(file);
        }
    }
    Ok(own)
}

/// The identity of the store that a file belongs to; `None` when there is no file, or it is nobody's yet. Nothing in it is
/// changed.
///
/// # Errors
/// When it is no read model, or cannot be read.
pub async fn identity_of(path: &Path) -> Result<Option<String>, OpenError> {
    if !path.exists() {
        return Ok(None);
    }
    let sql = |source| OpenError::of(path, source);
    let mut connection = opening::reading(path).await.map_err(sql)?;
    let owner = opening::read_owner(&mut connection, path).await?;
    connection.close().await.map_err(sql)?;
    Ok(owner)
}
