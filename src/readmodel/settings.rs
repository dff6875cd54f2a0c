//! How the read model is kept.

use std::{path::PathBuf, time::Duration};

/// Where the read model is and how it follows the stream.
#[derive(Debug, Clone)]
pub struct ReadModelSettings {
    /// The SQLite file.
    pub file: PathBuf,
    /// How many events are taken in one transaction, at least 1.
    pub batch_max: usize,
    /// How long to wait before looking for events that no commit of this process announced.
    pub poll: Duration,
    /// How many connections read at the same time, at least 1.
    pub read_connections: u32,
    /// How long a read may wait for a connection, and a write for the file's lock.
    pub timeout: Duration,
    /// After how long operators are told that the outcome of a charge is still not known.
    pub payment_unknown_after: Duration,
}

impl ReadModelSettings {
    /// The usual settings, for that file.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            batch_max: 4_000,
            poll: Duration::from_secs(1),
            read_connections: 4,
            timeout: Duration::from_secs(5),
            payment_unknown_after: Duration::from_secs(60),
        }
    }
}
