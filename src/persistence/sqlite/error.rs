//! Maps SQLite's errors to the errors of the store port.
//!
//! The one question that matters: can it be that the write is there? Only a commit that failed while it was being
//! synced leaves that open; everything else has been rolled back.

use std::time::Duration;

use crate::{actors::ports::store::StoreError, open_file::Gone};

/// When it is worth trying a busy or broken file again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// When it is worth asking again for a file that is gone: a person has to put it back.
const RETRY_WHEN_BACK: Duration = Duration::from_secs(10);

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// The store's error for a failed read, or a failed statement before `COMMIT`: nothing was written.
pub(super) fn nothing_written(error: &sqlx::Error) -> StoreError {
    match code(error) {
        Some(CORRUPT | NOTADB) => StoreError::Corrupt { reason: format!("the file is damaged: {error}") },
        _ if matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => {
            unreadable("a row that was written over", error)
        }
        _ => StoreError::Unavailable { reason: explain(error), retry_after: RETRY_AFTER },
    }
}

/// The store's error for a failed `COMMIT`.
pub(super) fn at_commit(error: &sqlx::Error) -> StoreError {
    match code(error) {
        // The commit mark is the last thing to be written, and these come before it.
        Some(BUSY | LOCKED | READONLY | FULL) => nothing_written(error),
        _ => StoreError::Unknown { reason: explain(error) },
    }
}

/// The store's error when the file is no longer at its path: nothing was written.
pub(super) fn gone(missing: &Gone) -> StoreError {
    StoreError::Unavailable { reason: missing.to_string(), retry_after: RETRY_WHEN_BACK }
}

/// Whether another process holds the lock: the connection itself is fine.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(BUSY | LOCKED))
}

/// A row that is not as this program writes it.
pub(super) fn unreadable(what: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { reason: format!("{what}: {error}") }
}

fn explain(error: &sqlx::Error) -> String {
    let hint = match code(error) {
        Some(BUSY | LOCKED) => "another process holds the file's write lock",
        Some(READONLY) => "the file or its folder is read-only for this user",
        Some(FULL) => "the disk is full",
        Some(CANTOPEN) => "the file cannot be opened",
        _ => return error.to_string(),
    };
    format!("{hint} ({error})")
}

/// SQLite's primary result code, when the error is SQLite's.
fn code(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(error) = error else { return None };
    let extended: i32 = error.code()?.parse().ok()?;
    Some(extended & 0xff)
}
