//! A store like any other, until a test makes its event stream fail or come in small pages.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::time::Duration;

use callout::actors::ports::{
    BoxFuture,
    store::{
        Commit, Committed, EntityRef, Epoch, EventCursor, EventPage, LivePage, Shard, Store, StoreError, StoreLoad,
        Stored, StoredTerms,
    },
};
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

/// The store.
pub struct FaultyStore {
    store: Arc<dyn Store>,
    /// Whether events cannot be read.
    pub silent: AtomicBool,
    /// How many events a page has at most, however many are asked for.
    pub page_max: AtomicUsize,
}

impl FaultyStore {
    /// One without faults.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, silent: AtomicBool::new(false), page_max: AtomicUsize::new(usize::MAX) }
    }
}

impl Store for FaultyStore {
    fn identity(&self) -> BoxFuture<'_, Result<Uuid, StoreError>> {
        self.store.identity()
    }

    fn take_ownership(&self) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        self.store.take_ownership()
    }

    fn owner(&self) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        self.store.owner()
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        self.store.commit(commit)
    }

    fn load(&self, entity: EntityRef) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        self.store.load(entity)
    }

    fn due(&self, shard: Shard, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>> {
        self.store.due(shard, now, limit)
    }

    fn live(&self, shard: Shard, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<LivePage, StoreError>> {
        self.store.live(shard, after, limit)
    }

    fn events(&self, after: EventCursor, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>> {
        if self.silent.load(Ordering::Acquire) {
            let reason = "a test made it silent".to_owned();
            return Box::pin(async { Err(StoreError::Unavailable { reason, retry_after: Duration::ZERO }) });
        }
        self.store.events(after, limit.min(self.page_max.load(Ordering::Acquire)))
    }

    fn trim_events(&self, through: EventCursor) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.trim_events(through)
    }

    fn keep_terms(&self, terms: Vec<StoredTerms>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.keep_terms(terms)
    }

    fn kept_terms(&self) -> BoxFuture<'_, Result<Vec<StoredTerms>, StoreError>> {
        self.store.kept_terms()
    }

    fn forget_terms(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.forget_terms(ids)
    }

    fn committed(&self) -> watch::Receiver<u64> {
        self.store.committed()
    }

    fn load_now(&self) -> StoreLoad {
        self.store.load_now()
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.ready()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close()
    }
}
