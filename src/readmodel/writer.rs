//! The one connection that writes, and its transactions.
//!
//! A caller may be dropped in the middle of a transaction: the feeder is when it is restarted. The connection then goes with
//! it, which takes the transaction back, and the next caller opens another one.

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{Mutex, MutexGuard};

use crate::open_file::OpenFile;

/// Where write transactions come from, one at a time.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    file: OpenFile,
    idle: Mutex<Slot>,
}

enum Slot {
    /// To be opened when it is needed.
    Missing,
    /// Not in a transaction. Boxed: it is moved in and out.
    Idle(Box<SqliteConnection>),
    Closed,
}

/// An open transaction that holds the file's write lock. Dropped without [`Transaction::commit`], it is taken back.
pub(super) struct Transaction<'a> {
    slot: MutexGuard<'a, Slot>,
    connection: Box<SqliteConnection>,
}

impl Writer {
    /// Writes to `file` with the connection, and with others like it.
    pub fn new(options: SqliteConnectOptions, connection: SqliteConnection, file: OpenFile) -> Self {
        Self { options: options.create_if_missing(false), file, idle: Mutex::new(Slot::Idle(Box::new(connection))) }
    }

    pub async fn begin(&self) -> Result<Transaction<'_>, sqlx::Error> {
        let mut slot = self.idle.lock().await;
        let mut connection = self.take(&mut slot).await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        Ok(Transaction { slot, connection })
    }

    /// Folds the log into the file and cuts it off; `false` when a read went on for longer than the file's lock is waited
    /// for.
    pub async fn fold_log(&self) -> Result<bool, sqlx::Error> {
        let mut slot = self.idle.lock().await;
        let mut connection = self.take(&mut slot).await?;
        let fold = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)");
        let held_up: bool = fold.fetch_one(&mut *connection).await?;
        *slot = Slot::Idle(connection);
        Ok(!held_up)
    }

    /// The connection, opened if need be, unless the file is no longer at its path. Until it is put back, none is idle.
    async fn take(&self, slot: &mut Slot) -> Result<Box<SqliteConnection>, sqlx::Error> {
        self.file.check().map_err(|gone| sqlx::Error::Io(std::io::Error::other(gone)))?;
        match std::mem::replace(slot, Slot::Missing) {
            Slot::Idle(connection) => Ok(connection),
            Slot::Missing => Ok(Box::new(self.options.connect().await?)),
            Slot::Closed => {
                *slot = Slot::Closed;
                Err(sqlx::Error::PoolClosed)
            }
        }
    }

    /// Closes the connection, folding the log into the file. Later transactions are refused.
    pub async fn close(&self) {
        let mut slot = self.idle.lock().await;
        if let Slot::Idle(connection) = std::mem::replace(&mut *slot, Slot::Closed) {
            // Nothing waits to be written here: a failure to tidy up loses nothing.
            let _ = connection.close().await;
        }
    }
}

impl Transaction<'_> {
    /// The connection, inside the transaction.
    pub fn sql(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Commits, and leaves the connection to the next one.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("COMMIT").execute(&mut *self.connection).await?;
        *self.slot = Slot::Idle(self.connection);
        Ok(())
    }

    /// Takes everything back, and leaves the connection to the next one.
    pub async fn roll_back(mut self) {
        if sqlx::query("ROLLBACK").execute(&mut *self.connection).await.is_ok() {
            *self.slot = Slot::Idle(self.connection);
        }
    }

    /// Commits and syncs to the disk, this and every transaction before it.
    pub async fn commit_synced(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("COMMIT").execute(&mut *self.connection).await?;
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut *self.connection).await?;
        sqlx::query("UPDATE source SET synced = synced + 1").execute(&mut *self.connection).await?;
        sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *self.connection).await?;
        *self.slot = Slot::Idle(self.connection);
        Ok(())
    }
}
