//! The store port: where committed truth lives.
//!
//! A commit writes one entity's snapshot, its new events, its next deadline and whether it is still live, all or
//! nothing. The port knows no domain type: bodies are JSON text that the store keeps as it gets them.
//! `tests/store/` holds the one contract suite that every adapter passes.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use super::{BoxFuture, loss::Loss};

/// How many shards ids are spread over. Fixed for the life of a store: every key and every epoch depends on it.
pub const SHARDS: u16 = 64;

/// One of the [`SHARDS`] parts of the id space. A call and its payment share an id and so a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(u16);

impl Shard {
    /// The shard of an entity id: FNV-1a over its bytes, modulo [`SHARDS`]. The same in every
    /// release, on every machine.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let hash = id
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(u16::try_from(hash % u64::from(SHARDS)).unwrap_or_default())
    }

    /// Every shard, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// The shard's number, below [`SHARDS`].
    #[must_use]
    pub fn index(self) -> u16 {
        self.0
    }
}

/// The kind of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A customer: its profile and debts.
    Account,
    /// One request by a customer.
    Call,
    /// A driver, company, car or seat.
    Driver,
    /// The money of one call.
    Payment,
}

impl EntityKind {
    pub const ALL: [Self; 4] = [Self::Account, Self::Call, Self::Driver, Self::Payment];

    /// The kind's name in keys, metrics and the ops interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Driver => "driver",
            Self::Payment => "payment",
            Self::Account => "account",
        }
    }

    /// The kind with that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Names one entity: its kind and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityRef {
    pub kind: EntityKind,
    pub id: Arc<str>,
}

impl EntityRef {
    /// Names the entity of `kind` with `id`.
    pub fn new(kind: EntityKind, id: impl Into<Arc<str>>) -> Self {
        Self { kind, id: id.into() }
    }

    /// The shard of the entity.
    #[must_use]
    pub fn shard(&self) -> Shard {
        Shard::of(&self.id)
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.id)
    }
}

/// The number of an ownership of the shards: every start takes a higher epoch, and commits with a lower one are fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// One event of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Position in the entity's own history, from 1, without gaps.
    pub seq: u64,
    pub at: Timestamp,
    /// The event as JSON text.
    pub body: String,
}

/// One entity's write. All of it is written, or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The entity that is written.
    pub entity: EntityRef,
    /// The epoch under which this process owns the entity's shard.
    pub epoch: Epoch,
    /// Identifies this write. Repeating a write with the same id is answered [`Committed::Duplicate`].
    pub write_id: Uuid,
    /// The version that must be there now; 0 when the entity must not exist yet.
    pub expected_version: u64,
    /// The version afterwards: `expected_version` plus the number of events (equal when there are none).
    pub version: u64,
    /// The new snapshot, JSON text.
    pub snapshot: String,
    /// The events since `expected_version`, in order.
    pub events: Vec<NewEvent>,
    /// The earliest deadline the entity waits for, if any. Replaces the previous one.
    pub due_at: Option<Timestamp>,
    /// Whether the entity still has something ahead of it and must be found by [`Store::live`].
    pub live: bool,
    /// The entity of the same shard that it may be forgotten with: once neither is live, a store that forgets may
    /// forget both. `None`: it is kept for ever.
    pub expires_with: Option<EntityRef>,
}

/// A store's answer to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    Ok,
    /// This very write was there already: as good as [`Committed::Ok`].
    Duplicate,
    /// Another version is there; nothing was written.
    Conflict {
        /// The version found; 0 when there is none.
        found: u64,
    },
    /// A later owner has the shard; nothing was written, and nothing by this epoch ever will be.
    Fenced {
        found: Epoch,
    },
}

/// A snapshot as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The entity of the snapshot.
    pub entity: EntityRef,
    pub version: u64,
    /// The snapshot, JSON text.
    pub snapshot: String,
    /// The earliest deadline, if any.
    pub due_at: Option<Timestamp>,
    /// Whether it is in the live set.
    pub live: bool,
}

/// One committed event, as a consumer of the stream gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The entity of the event.
    pub entity: EntityRef,
    /// Position in the entity's own history.
    pub seq: u64,
    pub at: Timestamp,
    /// The event as JSON text.
    pub body: String,
}

/// Where a consumer stands in the event stream. Opaque: made by a store, only good for that store.
/// The default is the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventCursor(pub String);

/// A piece of the event stream: the events of one entity are in order; those of different ones need not be.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The events after the cursor that was given, oldest first.
    pub events: Vec<EventRecord>,
    /// The cursor for the next page. Equal to the given cursor when there was nothing new.
    pub next: EventCursor,
    /// Whether there may be more behind `next` already: it is worth asking again at once. A page may have fewer events
    /// than were asked for all the same.
    pub more: bool,
}

/// A page of the live set.
#[derive(Debug, Clone)]
pub struct LivePage {
    /// Live entities, by kind and id.
    pub items: Vec<Stored>,
    /// Records that cannot be read. They hold up no other one.
    pub unreadable: Vec<Unreadable>,
    /// Give this back to go on; `None` when that was all of the shard.
    pub next: Option<String>,
}

/// Something in the live set that cannot be read; needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The entity of the snapshot; `None` when not even that can be read.
    pub entity: Option<EntityRef>,
    /// The mistake, and its place.
    pub reason: String,
}

/// The terms of a service, kept for the calls that were made under them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTerms {
    /// Names them, whatever the service.
    pub id: String,
    /// The service's id.
    pub service: String,
    /// When they were first kept, to the millisecond.
    pub kept_at: Timestamp,
    /// What they say, JSON text.
    pub body: String,
}

/// Why a store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The request did not reach the store or was refused by it: nothing was written.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// The error of the store or the connection.
        reason: String,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// Sent, but the answer never came: it may have been written. Repeat the same write id.
    #[error("the outcome of the write is unknown: {reason}")]
    Unknown {
        /// The error of the connection.
        reason: String,
    },
    /// A stored record cannot be read; it needs a person.
    #[error("the store has a record that cannot be read: {reason}")]
    Corrupt {
        /// The mistake, and its place.
        reason: String,
    },
}

/// How much a store has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoreLoad {
    /// How long a commit takes, from asking for it to its answer: smoothed over the latest, and fading when there are
    /// none. It grows when the store is slow, and also when this process has too much to do.
    pub wait: Duration,
    /// How much of the room for waiting commits is taken, 0 to 1. It grows before `wait` does.
    pub queued: f64,
}

/// The store port. Cheap to share; all methods may be called from any thread.
pub trait Store: Send + Sync {
    /// Names the data set, not the process: made once, when the store is first used, and never changed. A consumer
    /// whose cursor belongs to another data set starts over.
    fn identity(&self) -> BoxFuture<'_, Result<Uuid, StoreError>>;

    /// Takes every shard: raises their epoch above any that was there and returns it. Whoever held them is fenced.
    fn take_ownership(&self) -> BoxFuture<'_, Result<Epoch, StoreError>>;

    /// The epoch of whoever owns the shards now; another than one's own means that another process has taken them.
    fn owner(&self) -> BoxFuture<'_, Result<Epoch, StoreError>>;

    /// Commits one write. Many callers' writes travel together (group commit).
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, StoreError>>;

    /// The latest snapshot of an entity, if it ever had one. [`StoreError::Corrupt`] when it cannot be read.
    fn load(&self, entity: EntityRef) -> BoxFuture<'_, Result<Option<Stored>, StoreError>>;

    /// Entities of a shard whose deadline is at or before `now`, earliest first, at most `limit`; without those
    /// that cannot be read.
    fn due(&self, shard: Shard, now: Timestamp, limit: usize) -> BoxFuture<'_, Result<Vec<Stored>, StoreError>>;

    /// The live entities of a shard, a page at a time; `after` is the previous page's `next`.
    fn live(&self, shard: Shard, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<LivePage, StoreError>>;

    /// Events after a cursor, at most `limit`. One that cannot be read is left out and counted: the page's cursor is
    /// behind it all the same.
    fn events(&self, after: EventCursor, limit: usize) -> BoxFuture<'_, Result<EventPage, StoreError>>;

    /// Forgets the events up to and including the cursor: every consumer of this process has them. Refused when another
    /// process owns the shards: its consumers may not.
    fn trim_events(&self, through: EventCursor) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether events after the cursor were forgotten: a consumer that stands there will never see them. A store that does not
    /// know how far it has forgotten answers `false`.
    fn has_forgotten(&self, after: EventCursor) -> BoxFuture<'_, Result<bool, StoreError>> {
        let _ = after;
        Box::pin(async { Ok(false) })
    }

    /// Changes whenever something has been committed by this process: wakes consumers of the event stream.
    fn committed(&self) -> watch::Receiver<u64>;

    /// How much there is to do.
    fn load_now(&self) -> StoreLoad;

    /// The last loss of acknowledged commits that was found. From the moment on at which it was found, commits are refused
    /// as unavailable until [`Self::accept_loss`]. A store that loses nothing never reports one.
    fn lost(&self) -> watch::Receiver<Arc<Loss>> {
        watch::Sender::default().subscribe()
    }

    /// Nothing in memory is of the time before the loss with this number: commits are taken again.
    fn accept_loss(&self, _number: u64) {}

    /// Keeps a record for each payment that lost acknowledged commits, by the payment's id: a JSON text that a person
    /// will look at. A record that is there already is replaced.
    fn keep_lost_payments(&self, _records: Vec<(String, String)>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    /// The records of payments that lost acknowledged commits, by the payments' ids.
    fn lost_payments(&self) -> BoxFuture<'_, Result<Vec<(String, String)>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Keeps terms. Those whose id is there already keep the earlier time, and are written anew: what somebody damaged is
    /// mended.
    fn keep_terms(&self, terms: Vec<StoredTerms>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// All terms that are kept, the oldest first; without those that cannot be read.
    fn kept_terms(&self) -> BoxFuture<'_, Result<Vec<StoredTerms>, StoreError>>;

    /// Forgets the terms with these ids: nothing names them any more. Refused when another process owns the shards, which
    /// may have begun to use them.
    fn forget_terms(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The cursor, moved back to the end of the stream where it is beyond it: a stream that lost events gives their
    /// places to others.
    fn within_stream(&self, cursor: EventCursor) -> BoxFuture<'_, Result<EventCursor, StoreError>> {
        Box::pin(async { Ok(cursor) })
    }

    /// Whether a commit would succeed now, tried for real.
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Writes what is waiting, then refuses further commits. Called once, at the end of a drain.
    fn close(&self) -> BoxFuture<'_, ()>;
}
