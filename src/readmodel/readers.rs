//! The connections that read, and the bound on the time that one read may take.
//!
//! SQLite cannot fold its log into the file past what a read in progress still needs, so a read without an end would let the
//! log grow without one.

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

/// After how many steps of its machine SQLite looks at the clock: some tens of microseconds.
const STEPS: i32 = 1_000;

/// The connections that read.
pub(super) struct Readers {
    pool: SqlitePool,
    /// How long a read may take, the wait for a connection included.
    patience: Duration,
}

/// A connection for one read, which is interrupted when its time is up: see [`ReadError`](super::ReadError).
pub(super) struct Reader(PoolConnection<Sqlite>);

impl Readers {
    /// Readers on the connections of a pool.
    pub fn new(pool: SqlitePool, patience: Duration) -> Self {
        Self { pool, patience }
    }

    /// A connection for a read that begins now.
    pub async fn begin(&self) -> Result<Reader, sqlx::Error> {
        let until = Instant::now() + self.patience;
        let acquired = tokio::time::timeout(self.patience, self.pool.acquire()).await;
        let mut connection = acquired.map_err(|_| sqlx::Error::PoolTimedOut)??;
        connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
        Ok(Reader(connection))
    }

    /// Closes all connections. Later reads are refused.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether they were closed.
    pub fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;
    use crate::readmodel::ReadError;

    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    #[tokio::test]
    async fn a_read_without_an_end_is_interrupted_and_leaves_its_connection_to_the_next() -> Result<(), ReadError> {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
        let readers = Readers::new(pool, Duration::from_millis(100));
        for _ in 0..2 {
            let endless = sqlx::query(ENDLESS).fetch_one(&mut *readers.begin().await?).await;
            assert!(matches!(endless.map_err(ReadError::from), Err(ReadError::TooSlow)));
        }
        let held = readers.begin().await?;
        let waited = readers.begin().await.map(drop).map_err(ReadError::from);
        assert!(matches!(waited, Err(ReadError::TooSlow)), "no connection was free: {waited:?}");
        drop(held);
        let one: i64 = sqlx::query_scalar("SELECT 1").fetch_one(&mut *readers.begin().await?).await?;
        assert_eq!(one, 1);
        Ok(())
    }
}
