//! The store on Redis: snapshots, deadlines, the live set and the event stream of a shard change together in one
//! script, and groups of commits share a round trip.
//!
//! `docs/redis.md` has the layout of the keys and says what an acknowledged commit survives.

mod acknowledged;
mod address;
mod current;
mod envelope;
mod error;
mod events;
mod greeting;
mod keys;
mod link;
mod losses;
mod lost_payments;
mod owner;
mod read;
mod terms;
mod write;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

pub(super) use self::address::Address;
use self::{
    current::CurrentServer,
    link::{Link, Purpose},
    losses::Losses,
    write::ScriptWriter,
};
use super::{OpenError, StoreSettings, group::GroupCommit};
use crate::actors::ports::{
    BoxFuture,
    loss::Loss,
    store::{
        Commit, Committed, EntityRef, Epoch, EventCursor, EventPage, LivePage, Shard, Store, StoreError, StoreLoad,
        Stored, StoredTerms,
    },
};

/// A store on a Redis.
pub(super) struct RedisStore {
    identity: Uuid,
    writer: Arc<ScriptWriter>,
    /// Reads have a connection of their own, so that a large page delays no commit. It leads to the server that takes
    /// the writes.
    reader: Link,
    group: GroupCommit,
    losses: Arc<Losses>,
    /// The epoch this process took; 0 before it took any.
    epoch: AtomicU64,
}

impl RedisStore {
    /// Connects, and names the data set when it is new.
    pub async fn open(url: &str, settings: &StoreSettings) -> Result<Self, OpenError> {
        let address = || Address::parse(url, settings);
        let current = Arc::<CurrentServer>::default();
        let losses = Arc::<Losses>::default();
        let link = |timeout, purpose| {
            let (current, losses) = (Arc::clone(&current), Arc::clone(&losses));
            Ok::<_, OpenError>(Link::new(address()?, timeout, purpose, current, losses))
        };
        let writer = link(settings.commit_timeout(), Purpose::Write)?;
        let reader = link(settings.read_timeout(), Purpose::Read)?;
        let writer = Arc::new(ScriptWriter::new(writer, settings.keep_finished_s, Arc::clone(&losses)));
        let identity = owner::identity(&writer.link, address()?.shown()).await?;
        Ok(Self {
            identity,
            group: GroupCommit::start(Arc::clone(&writer), settings),
            writer,
            reader,
            losses,
            epoch: AtomicU64::new(0),
        })
    }
}

impl Store for RedisStore {
    fn identity(&self) -> BoxFuture<'_, Result<Uuid, StoreError>> {
        Box::pin(async { Ok(self.identity) })
    }

    fn take_ownership(&self) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        Box::pin(async {
            let epoch = owner::take(&self.writer.link).await?;
            // Nobody else commits any more, so these are the counts before the first commit of this process.
            self.losses.begin(self.identity, epoch.0, owner::counts(&self.writer.link).await?);
            self.epoch.store(epoch.0, Ordering::Release);
            Ok(epoch)
        })
    }

    fn owner(&self) -> BoxFuture<'_, Result<Epoch, StoreError>> {
        Box::pin(owner::owner(&self.writer.link))
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(self.group.commit(commit))
    }

    fn load(&self, entity: EntityRef) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(read::load(&self.reader, entity))
    }

    fn due(&self, shard: Shard, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>> {
        Box::pin(read::due(&self.reader, shard, now, limit))
    }

    fn live(&self, shard: Shard, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<LivePage, StoreError>> {
        Box::pin(read::live(&self.reader, shard, after, limit))
    }

    fn events(&self, after: EventCursor, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>> {
        Box::pin(events::read(&self.reader, after, limit))
    }

    fn trim_events(&self, through: EventCursor) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            owner::check(&self.writer.link, Epoch(self.epoch.load(Ordering::Acquire))).await?;
            events::trim(&self.writer.link, &through).await
        })
    }

    fn has_forgotten(&self, after: EventCursor) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { events::has_forgotten(&self.reader, &after).await })
    }

    fn committed(&self) -> watch::Receiver<u64> {
        self.group.committed()
    }

    fn load_now(&self) -> StoreLoad {
        self.group.load()
    }

    fn lost(&self) -> watch::Receiver<Arc<Loss>> {
        self.losses.last()
    }

    fn accept_loss(&self, number: u64) {
        self.losses.accept(number);
    }

    fn keep_lost_payments(&self, records: Vec<(String, String)>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(lost_payments::keep(&self.writer.link, records))
    }

    fn lost_payments(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, StoreError>> {
        Box::pin(lost_payments::all(&self.writer.link))
    }

    fn keep_terms(&self, terms: Vec<StoredTerms>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { terms::keep(&self.writer.link, &self.losses.terms, &terms).await })
    }

    fn kept_terms(&self) -> BoxFuture<'_, Result<Vec<StoredTerms>, StoreError>> {
        Box::pin(terms::all(&self.writer.link, &self.losses.terms))
    }

    fn forget_terms(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mine = Epoch(self.epoch.load(Ordering::Acquire));
            terms::forget(&self.writer.link, &self.losses.terms, mine, &ids).await
        })
    }

    fn within_stream(&self, cursor: EventCursor) -> BoxFuture<'_, Result<EventCursor, StoreError>> {
        Box::pin(events::within(&self.reader, cursor))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            owner::probe(&self.writer.link, Epoch(self.epoch.load(Ordering::Acquire))).await?;
            self.losses.check()
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.group.close().await;
            self.writer.link.close().await;
            self.reader.close().await;
        })
    }
}

#[cfg(test)]
mod tests;
