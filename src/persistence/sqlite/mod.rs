//! The embedded store: one SQLite file, nothing else to install.
//!
//! One connection writes, a few read. Every group of commits is one transaction and one sync to disk (WAL,
//! `synchronous=FULL`), so what was answered survives a crash of the process and of the machine.

pub mod backup;
mod decide;
mod error;
mod read;
mod schema;
mod terms;
mod write;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use sqlx::SqlitePool;
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use self::writer::WriteConnection;
use super::{
    OpenError, StoreSettings,
    group::{Backend, CommitResult, GroupCommit},
};
use crate::actors::ports::{
    BoxFuture,
    store::{
        Commit, Committed, EntityRef, Epoch, EventCursor, EventPage, LivePage, Shard, Store, StoreError, StoreLoad,
        Stored, StoredTerms,
    },
};

/// A store in one SQLite file.
pub(super) struct SqliteStore {
    identity: Uuid,
    file: Arc<File>,
    readers: SqlitePool,
    group: GroupCommit,
    /// The epoch this process took; 0 before it took any.
    epoch: AtomicU64,
}

/// The file's writing end.
struct File {
    writer: Mutex<WriteConnection>,
}

impl SqliteStore {
    /// Opens the file at `path`, making it and its folders when they are not there.
    pub async fn open(path: &str, settings: &StoreSettings) -> Result<Self, OpenError> {
        let opened = schema::open(path, settings).await?;
        let file = Arc::new(File { writer: Mutex::new(opened.writer) });
        Ok(Self {
            identity: opened.identity,
            readers: opened.readers,
            group: GroupCommit::start(Arc::clone(&file), settings),
            file,
            epoch: AtomicU64::new(0),
        })
    }
}

impl Backend for File {
    /// A second transaction would only wait for the first.
    const UNDER_WAY: usize = 1;

    async fn write(&self, group: Vec<Commit>) -> Vec<CommitResult> {
        let mut writer = self.writer.lock().await;
        match write::group(&mut writer, &group).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(StoreError::Corrupt { .. }) if group.len() > 1 => write_one_by_one(&mut writer, &group).await,
            Err(error) => vec![Err(error); group.len()],
        }
    }
}

/// Something that one of the group writes over cannot be read. Nothing was written; the others must not suffer for it.
async fn write_one_by_one(writer: &mut WriteConnection, group: &[Commit]) -> Vec<CommitResult> {
    let mut answers = Vec::with_capacity(group.len());
    for commit in group {
        let written = write::group(writer, std::slice::from_ref(commit)).await;
        answers.extend(written.map_or_else(|error| vec![Err(error)], |answers| answers.into_iter().map(Ok).collect()));
    }
    answers
}

impl Store for SqliteStore {
    fn identity(&self) -> BoxFuture<'_, Result<Uuid, StoreError>> {
        Box::pin(async { Ok(self.identity) })
    }

    fn take_ownership(&self) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        Box::pin(async {
            let epoch = write::take_ownership(&mut *self.file.writer.lock().await).await?;
            self.epoch.store(epoch.0, Ordering::Release);
            Ok(epoch)
        })
    }

    fn owner(&self) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        Box::pin(read::owner(&self.readers))
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(self.group.commit(commit))
    }

    fn load(&self, entity: EntityRef) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(read::load(&self.readers, entity))
    }

    fn due(&self, shard: Shard, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>> {
        Box::pin(read::due(&self.readers, shard, now, limit))
    }

    fn live(&self, shard: Shard, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<LivePage, StoreError>> {
        Box::pin(read::live(&self.readers, shard, after, limit))
    }

    fn events(&self, after: EventCursor, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>> {
        Box::pin(read::events(&self.readers, after, limit))
    }

    fn trim_events(&self, through: EventCursor) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let through = read::position(&through)?;
            // The writer is let go after each piece: commits that waited for it go first.
            let mine = Epoch(self.epoch.load(Ordering::Acquire));
            while write::trim_some_events(&mut *self.file.writer.lock().await, mine, through).await? {}
            Ok(())
        })
    }

    fn has_forgotten(&self, after: EventCursor) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { read::has_forgotten(&self.readers, read::position(&after)?).await })
    }

    fn committed(&self) -> watch::Receiver<u64> {
        self.group.committed()
    }

    fn load_now(&self) -> StoreLoad {
        self.group.load()
    }

    fn keep_terms(&self, terms: Vec<StoredTerms>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { terms::keep(&mut *self.file.writer.lock().await, &terms).await })
    }

    fn kept_terms(&self) -> BoxFuture<'_, Result<Vec<StoredTerms>, StoreError>> {
        Box::pin(terms::all(&self.readers))
    }

    fn forget_terms(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mine = Epoch(self.epoch.load(Ordering::Acquire));
            terms::forget(&mut *self.file.writer.lock().await, mine, &ids).await
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            let mine = self.epoch.load(Ordering::Acquire);
            write::probe(&mut *self.file.writer.lock().await, Epoch(mine)).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.group.close().await;
            self.readers.close().await;
            self.file.writer.lock().await.close().await;
        })
    }
}

#[cfg(test)]
mod tests;
