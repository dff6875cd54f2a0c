//! What can go wrong with the read model.

use std::path::PathBuf;

/// Why the read model could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file's folder, or the file of another data set, could not be moved or made.
    #[error("the read model's file {path:?} cannot be prepared: {source}")]
    Files {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is there was written by a later release.
    #[error(
        "the read model {path:?} has schema {found}, this release knows up to {known}: use the release that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The latest schema this release knows.
        known: i64,
    },
    /// What is there belongs to something else; it has been left as it was.
    #[error("{path:?} is not a read model of this release: name another file in readmodel.url")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("cannot open the read model {path:?}: {source}")]
    Sql {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The cursor is none that this list gave out.
    #[error("cursor is not one that this list gave; leave it out to begin at the start")]
    BadCursor,
    /// The file cannot be read now.
    #[error("the read model is unavailable: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The file holds something that this release cannot read.
    #[error("the read model holds something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Why a page of events was not applied: nothing of it was written, unless said otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The page does not begin where the read model stands: read the cursor again.
    #[error("the read model stands at {found:?}, not where the page begins")]
    Stale {
        /// Where it stands.
        found: String,
    },
    /// SQLite refused. A failure of the commit itself leaves open whether it was written; the cursor tells.
    #[error("the read model cannot be written: {0}")]
    Sql(#[from] sqlx::Error),
    /// What is stored cannot be read.
    #[error("the read model holds something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
}
