//! The read model: My Page, lists, timelines and notifications, in one SQLite file of its own.
//!
//! It follows the store's event stream with a cursor. Events, the views made from them and the cursor are written in
//! one transaction, so each event counts once whatever crashes. It decides nothing: a command never reads it, and while
//! it is down no call is held up.
//!
//! These tables grow: `call_history` and `driver_history` by every event, `told` by a row per notification,
//! `notifications` by a row per receiver and transaction, `call_states` by a row for every 500 events of a call.
//! Nothing is ever deleted but what the store lost: once the stream is trimmed, only this file has the past, so it belongs in
//! the backup.

mod apply;
pub mod backup;
pub mod books;
mod error;
mod feeder;
mod fold;
mod history;
mod lag;
mod lists;
mod log;
mod losses;
mod notices;
mod opening;
mod page;
mod places;
mod queries;
mod readers;
mod receivers;
mod refold;
mod rows;
mod schema;
mod settings;
mod snapshots;
mod sweep;
mod timeline;
mod told;
mod views;
mod walk;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use uuid::Uuid;

pub use self::{
    apply::Applied,
    error::{ApplyError, OpenError, ReadError},
    feeder::{Eta, Feeder},
    notices::Notice,
    page::Page,
    queries::{CallFilter, DriverFilter, Summary},
    settings::ReadModelSettings,
    snapshots::Snapshots,
    timeline::{Extent, REPLAY_MAX, TIMELINE_MAX, TimelineEntry},
    told::NoticeFilter,
};
use self::{lag::Lag, readers::Readers, writer::Writer};
/// The occasions of the notices that are recorded here.
pub use crate::notify::Occasion;
use crate::{
    actors::ports::store::EventCursor,
    domain::{CallId, policy::Policies},
};

/// The read model. One per process and file; shared.
pub struct ReadModel {
    readers: Readers,
    writer: Writer,
    policies: Arc<Policies>,
    settings: ReadModelSettings,
    lag: Lag,
    /// Whether what is open was compared with the store since the process started.
    swept: AtomicBool,
    /// The number of the store's last loss that was taken back here.
    taken_back: AtomicU64,
    /// The store's count of commits of which everything is shown.
    commits: watch::Sender<u64>,
    /// Counts up with every transaction, to wake who waits to be caught up.
    progress: watch::Sender<u64>,
    /// The last notice that was handed to the hub. What was told before this process started is not handed over again.
    published: AtomicI64,
    /// The name of the numbers that notifications have in this file.
    numbering: String,
}

impl ReadModel {
    /// Opens the file of the data set `identity`, made when it is not there, with its folders. When the file that the
    /// settings name belongs to another data set, that is `<file>.<identity>` beside it. A new file is filled from the
    /// beginning of the stream. Lists of an older release are computed anew from the history in the file.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a later release or another program.
    pub async fn open(
        settings: ReadModelSettings,
        identity: Uuid,
        policies: Arc<Policies>,
    ) -> Result<Arc<Self>, OpenError> {
        let opened = opening::open(settings, identity).await?;
        Ok(Arc::new(Self {
            readers: opened.readers,
            writer: Writer::new(opened.options, opened.connection, opened.file),
            policies,
            lag: Lag::new(&opened.settings),
            settings: opened.settings,
            swept: AtomicBool::new(false),
            taken_back: AtomicU64::new(0),
            commits: watch::Sender::new(0),
            progress: watch::Sender::new(0),
            published: AtomicI64::new(opened.last_told),
            numbering: opened.numbering,
        }))
    }

    /// Where it stands in the event stream.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn cursor(&self) -> Result<EventCursor, ReadError> {
        Ok(EventCursor(
            sqlx::query_scalar("SELECT cursor FROM source").fetch_one(&mut *self.readers.begin().await?).await?,
        ))
    }

    /// Waits until everything is there that had been committed when the store's count of commits was `commits`; `false`
    /// when that took longer than `patience`.
    pub async fn caught_up_with(&self, commits: u64, patience: Duration) -> bool {
        let mut shown = self.commits.subscribe();
        tokio::time::timeout(patience, shown.wait_for(|shown| *shown >= commits)).await.is_ok_and(|shown| shown.is_ok())
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

    /// Writes what is open and closes the file. What is asked of it afterwards is answered with an error; the feeder
    /// ends.
    pub async fn close(&self) {
        // The last to close folds the log into the file, which those that only read cannot do.
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.readers.is_closed()
    }

    async fn call_version(&self, call: &CallId) -> Result<u64, ReadError> {
        let version: Option<i64> = sqlx::query_scalar("SELECT version FROM calls WHERE id = ?1")
            .bind(call.as_str())
            .fetch_optional(&mut *self.readers.begin().await?)
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
