//! The one connection that writes, and its transactions.

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::error::{at_commit, gone, is_busy, nothing_written};
use crate::{actors::ports::store::StoreError, open_file::OpenFile};

/// The writing connection. It is opened anew after a failure that left its state in doubt.
pub(super) struct WriteConnection {
    options: SqliteConnectOptions,
    pub connection: Option<SqliteConnection>,
    /// Set while a transaction is open; found set by the next one when a caller went away in the middle.
    in_transaction: bool,
    closed: bool,
    /// The file; `None` until its tables are there.
    file: Option<OpenFile>,
}

impl WriteConnection {
    pub fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self {
            options: options.create_if_missing(false),
            connection: Some(connection),
            in_transaction: false,
            closed: false,
            file: None,
        }
    }

    /// From now on nothing is written once other files are there than now.
    pub fn watch(&mut self, file: OpenFile) {
        self.file = Some(file);
    }

    /// Begins a transaction that holds the file's write lock. [`WriteConnection::finish`] ends it.
    pub async fn begin(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.closed {
            let retry_after = std::time::Duration::from_secs(10);
            return Err(StoreError::Unavailable { reason: "the store is closed".to_owned(), retry_after });
        }
        if self.in_transaction {
            self.rollback().await;
        }
        if let Some(file) = &self.file {
            file.check().map_err(|missing| gone(&missing))?;
        }
        if self.connection.is_none() {
            let connection = SqliteConnection::connect_with(&self.options).await;
            self.connection = Some(connection.map_err(|error| nothing_written(&error))?);
        }
        self.in_transaction = true;
        if let Err(error) = run(&mut self.connection, "BEGIN IMMEDIATE").await {
            self.in_transaction = false;
            if !is_busy(&error) {
                self.connection = None;
            }
            return Err(nothing_written(&error));
        }
        self.connection.as_mut().ok_or_else(|| nothing_written(&sqlx::Error::WorkerCrashed))
    }

    /// Commits what was done since [`WriteConnection::begin`], or takes it back when it failed.
    pub async fn finish<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let value = match done {
            Ok(value) => value,
            Err(error) => {
                self.rollback().await;
                return Err(nothing_written(&error));
            }
        };
        match run(&mut self.connection, "COMMIT").await {
            Ok(()) => {
                self.in_transaction = false;
                Ok(value)
            }
            Err(error) => {
                self.rollback().await;
                Err(at_commit(&error))
            }
        }
    }

    /// Closes the connection, folding the log into the file. Later transactions are refused.
    pub async fn close(&mut self) {
        self.closed = true;
        if let Some(connection) = self.connection.take() {
            // Nothing waits to be written here: a failure to tidy up loses nothing.
            let _ = connection.close().await;
        }
    }

    async fn rollback(&mut self) {
        // SQLite rolls back by itself on some errors; ROLLBACK then fails and leaves nothing open either way, unless
        // the connection is broken, which a fresh one mends.
        if run(&mut self.connection, "ROLLBACK").await.is_err() {
            self.connection = None;
        }
        self.in_transaction = false;
    }
}

async fn run(connection: &mut Option<SqliteConnection>, sql: &'static str) -> Result<(), sqlx::Error> {
    let connection = connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
    sqlx::query(sql).execute(connection).await.map(drop)
}
