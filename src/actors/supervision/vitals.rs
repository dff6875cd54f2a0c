//! An actor's state of health, and its mailbox's bound: shared between the actor, its supervisor and its callers.
//!
//! actix does not bound a mailbox for fresh addresses, so callers take a permit first. The same counter closes the door
//! when an actor leaves memory: nobody can slip a message in between the last look and the end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering},
};

use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use super::PanicReport;

/// Whether an actor can take messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ActorStatus)]
pub enum Status {
    /// It takes messages.
    Running,
    /// It panicked and waits for its restart; messages queue up.
    BackingOff,
    /// It failed too often and waits for an operator.
    Parked,
    /// It is not in memory; a message brings it back.
    Passive,
}

/// An actor's state of health.
#[derive(Debug, Default)]
pub struct Vitals {
    status: AtomicU8,
    restarts: AtomicU32,
    queued: AtomicU32,
    frozen: AtomicBool,
    last_panic: Mutex<Option<Arc<PanicReport>>>,
}

/// The figures of one kind of actor.
#[derive(Debug, Default)]
pub struct KindStats {
    kind: &'static str,
    /// Entities that are not finished, in memory or not.
    pub live: AtomicI64,
    pub running: AtomicI64,
    parked: AtomicI64,
    restarts: AtomicU64,
    mailbox_high_water: AtomicU32,
}

/// The right to have one message in a mailbox. Given back when the message is taken out, or lost.
#[derive(Debug)]
pub struct Permit(Arc<Vitals>);

/// The answer to a caller who asks for a place in the mailbox.
#[derive(Debug)]
pub enum Admission {
    Granted(Permit),
    /// The mailbox is full.
    Full,
    /// The actor leaves memory; ask for it again.
    Closed,
}

const RESTARTS: &str = "callout_actor_restarts_total";
const PARKED: &str = "callout_actor_parked_total";

/// The queue length of an actor that takes no more messages.
const CLOSED: u32 = u32::MAX;

impl Vitals {
    /// How the actor is.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.status.load(Ordering::Acquire) {
            0 => Status::Running,
            1 => Status::BackingOff,
            2 => Status::Parked,
            _ => Status::Passive,
        }
    }

    /// Notes how the actor is.
    pub(super) fn set(&self, status: Status) {
        let code = match status {
            Status::Running => 0,
            Status::BackingOff => 1,
            Status::Parked => 2,
            Status::Passive => 3,
        };
        self.status.store(code, Ordering::Release);
    }

    /// Takes room in the mailbox for one message.
    pub fn admit(self: &Arc<Self>, mailbox_max: u32, stats: &KindStats) -> Admission {
        let room = |queued: u32| (queued < mailbox_max).then_some(queued + 1);
        match self.queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, room) {
            Ok(before) => {
                stats.mailbox_high_water.fetch_max(before + 1, Ordering::Relaxed);
                Admission::Granted(Permit(Arc::clone(self)))
            }
            Err(CLOSED) => Admission::Closed,
            Err(_) => Admission::Full,
        }
    }

    /// Closes the mailbox if it is empty. Afterwards nobody is admitted any more.
    #[must_use]
    pub fn close_if_empty(&self) -> bool {
        self.queued.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    #[must_use]
    pub fn queued(&self) -> u32 {
        match self.queued.load(Ordering::Acquire) {
            CLOSED => 0,
            queued => queued,
        }
    }

    /// How often it was restarted.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Acquire)
    }

    #[must_use]
    pub fn last_panic(&self) -> Option<Arc<PanicReport>> {
        self.last_panic.lock().clone()
    }

    /// Whether the outcome of a write is unknown: nothing is answered until it is known.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// Notes whether the outcome of a write is unknown.
    pub fn set_frozen(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::Release);
    }

    /// The state of health of a new actor, with the counters of the one before it.
    #[must_use]
    pub fn successor(&self) -> Self {
        let next = Self::default();
        next.restarts.store(self.restarts(), Ordering::Release);
        *next.last_panic.lock() = self.last_panic();
        next
    }

    pub(super) fn panicked(&self, report: Arc<PanicReport>) {
        self.set_frozen(false);
        *self.last_panic.lock() = Some(report);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = self.0.queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, |queued| {
            (queued != CLOSED).then(|| queued.saturating_sub(1))
        });
    }
}

impl KindStats {
    /// Figures for a kind, all zero, and shown as such: what is first shown as 1 has not increased.
    #[must_use]
    pub fn new(kind: &'static str) -> Arc<Self> {
        metrics::describe_counter!(RESTARTS, metrics::Unit::Count, "Restarts of actors after a panic, by kind");
        metrics::describe_counter!(
            PARKED,
            metrics::Unit::Count,
            "Actors parked because they failed too often, by kind"
        );
        metrics::counter!(RESTARTS, "kind" => kind).increment(0);
        metrics::counter!(PARKED, "kind" => kind).increment(0);
        Arc::new(Self { kind, ..Self::default() })
    }

    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    #[must_use]
    pub fn parked_now(&self) -> i64 {
        self.parked.load(Ordering::Relaxed)
    }

    /// Restarts since the start of the process.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// The longest any mailbox of the kind has been.
    #[must_use]
    pub fn mailbox_high_water(&self) -> u32 {
        self.mailbox_high_water.load(Ordering::Relaxed)
    }

    pub(super) fn restarted(&self, vitals: &Vitals) {
        vitals.restarts.fetch_add(1, Ordering::AcqRel);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(RESTARTS, "kind" => self.kind).increment(1);
    }

    pub(super) fn parked(&self, vitals: &Vitals) {
        vitals.set(Status::Parked);
        self.parked.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(PARKED, "kind" => self.kind).increment(1);
    }

    /// A parked actor goes back to work.
    pub fn resumed(&self) {
        self.parked.fetch_sub(1, Ordering::Relaxed);
    }
}
