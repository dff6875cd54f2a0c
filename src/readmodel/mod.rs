//! The read model: My Page, lists, timelines and notifications, in one SQLite file of its own.
//!
//! It follows the store's event stream with a cursor. Events, what they mean and the cursor are written in one
//! transaction, so each event counts once whatever crashes. It decides nothing: a command never reads it, and while it is
//! down no call is held up.
//!
//! What grows: `call_history` and `driver_history` by every event, `told` by one per thing that people are told,
//! `notifications` by one per receiver and transaction. Nothing is ever deleted: once the stream behind it is trimmed, this
//! file is the only place that has the past, so it belongs in the backup.

mod apply;
mod error;
mod feeder;
mod fold;
mod history;
mod notices;
mod page;
mod queries;
mod receivers;
mod refold;
mod rows;
mod schema;
mod settings;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::SqlitePool;
use tokio::sync::watch;
use uuid::Uuid;

use self::writer::Writer;
pub use self::{
    apply::Applied,
    error::{ApplyError, OpenError, ReadError},
    feeder::{Eta, Feeder},
    history::TimelineEntry,
    notices::Notice,
    page::Page,
    queries::{CallFilter, DriverFilter, Summary},
    settings::ReadModelSettings,
};
use crate::{
    actors::ports::store::EventCursor,
    domain::{CallId, policy::Policies},
};

/// The read model. One per process and file; shared.
pub struct ReadModel {
    readers: SqlitePool,
    writer: Writer,
    policies: Arc<Policies>,
    settings: ReadModelSettings,
    /// Counts up with every transaction, to wake who waits to be caught up.
    progress: watch::Sender<u64>,
    /// The last notice that was handed to the hub. What was told before this process started is not handed over again.
    published: AtomicI64,
}

impl ReadModel {
    /// Opens the file for the data set `identity`, made when it is not there, with its folders. A file that belongs to
    /// another data set is set aside (`<file>.<its identity>`) and a new one begun: it is filled from the beginning of the
    /// stream. Lists of an older release are computed anew from the history in the file.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a later release or another program.
    pub async fn open(
        settings: ReadModelSettings,
        identity: Uuid,
        policies: Arc<Policies>,
    ) -> Result<Arc<Self>, OpenError> {
        let opened = schema::open(&settings, identity).await?;
        Ok(Arc::new(Self {
            readers: opened.readers,
            writer: Writer::new(opened.options, opened.connection),
            policies,
            settings,
            progress: watch::Sender::new(0),
            published: AtomicI64::new(opened.last_told),
        }))
    }

    /// Where it stands in the event stream.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn cursor(&self) -> Result<EventCursor, ReadError> {
        Ok(EventCursor(sqlx::query_scalar("SELECT cursor FROM source").fetch_one(&self.readers).await?))
    }

    /// Waits until a call is there in at least this version; `false` when that took longer than `patience`.
    pub async fn caught_up_to(&self, call: &CallId, version: u64, patience: Duration) -> bool {
        let mut progress = self.progress.subscribe();
        let caught_up = async {
            loop {
                progress.borrow_and_update();
                if self.call_version(call).await.is_ok_and(|found| found >= version) {
                    return;
                }
                if progress.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(patience, caught_up).await.is_ok()
    }

    /// Writes what is open and closes the file. What is asked of it afterwards is answered with an error; the feeder ends.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.readers.is_closed()
    }

    async fn call_version(&self, call: &CallId) -> Result<u64, ReadError> {
        let version: Option<i64> = sqlx::query_scalar("SELECT version FROM calls WHERE id = ?1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await?;
        Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or_default())
    }

    fn progressed(&self) {
        self.progress.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn published(&self) -> i64 {
        self.published.load(Ordering::Acquire)
    }

    fn set_published(&self, told: i64) {
        self.published.fetch_max(told, Ordering::AcqRel);
    }
}
