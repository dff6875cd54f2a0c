//! The feeder: an actor that follows the event stream and keeps the read model up to date.
//!
//! It holds nothing that a crash could lose: where it stands is in the read model's file, so `started` only begins the
//! loop, and it may be restarted at any moment. What it cannot read or write now it tries again, for ever and in order.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Supervised, WrapFuture};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    Applied, ApplyError, ReadError, ReadModel, Snapshots, lag, log, losses, snapshots,
    sweep::{self, Compared, SWEEP_PAGE},
};
use crate::{
    actors::{
        backoff::BackoffSettings,
        hub::Hub,
        ports::store::{EntityKind, EntityRef, EventCursor, EventPage, Shard, Store, StoreError, Stored},
        supervision::Crash,
    },
    clock,
    domain::call::Call,
};

/// How many seconds the driver of a call needs to the pickup, if that is known.
pub type Eta = Arc<dyn Fn(&Call) -> Option<u64> + Send + Sync>;

const EVENTS: &str = "callout_readmodel_events_total";
const FAILURES: &str = "callout_readmodel_failures_total";
/// How long news is left to collect, at least and at most: one transaction for many events costs little more than for
/// one, and a call that changed five times meanwhile is written once.
const LINGER_MIN: Duration = Duration::from_millis(10);
const LINGER_MAX: Duration = Duration::from_millis(200);
/// In between, so many times what the last page took: under load the read model leaves most of a core to the calls.
const LINGER_SHARE: u32 = 4;
/// How long it waits after a failure.
const BACKOFF: BackoffSettings = BackoffSettings { initial_ms: 100, factor: 2.0, max_ms: 5_000, jitter: 0.5 };
/// How often the stream is trimmed and waiting payments are looked for, at most.
const TIDY_EVERY: Duration = Duration::from_secs(2);
/// After how long a comparison of what is unfinished that failed is tried again.
const SWEEP_AGAIN: Duration = Duration::from_secs(10);

/// The actor. Clones share everything: a supervisor can make it anew.
#[derive(Clone)]
pub struct Feeder {
    model: Arc<ReadModel>,
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    eta: Eta,
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("reading events: {0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Apply(#[from] ApplyError),
    #[error("{0}")]
    Read(#[from] ReadError),
}

/// The memory of a feeder between passes. A new feeder begins without it.
#[derive(Default)]
struct Memory {
    trimmed: Option<EventCursor>,
    tidied: Option<Instant>,
    took: Duration,
    /// The time of the last sweep of unfinished entities that failed.
    sweep_failed: Option<Instant>,
    /// Whether the cursor was compared with the end of the stream.
    is_within_stream: bool,
}

/// The result of a page.
struct Taken {
    /// The position up to which the read model has read.
    cursor: EventCursor,
    /// Whether there may be more.
    more: bool,
}

impl Actor for Feeder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Polled by the actor's own context: a panic in it is this actor's, and a restart drops it.
        ctx.spawn(self.clone().run().into_actor(self));
    }
}

impl Supervised for Feeder {}

impl Handler<Crash> for Feeder {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
        panic!("a drill: {0}/{0} was asked to crash", Self::KIND);
    }
}

impl Feeder {
    /// The kind of actor this is, for the supervisor and the ops interface.
    pub const KIND: &'static str = "readmodel";

    /// A feeder of `model` from `store`; what people are told goes to `hub`.
    #[must_use]
    pub fn new(model: Arc<ReadModel>, store: Arc<dyn Store>, hub: Arc<Hub>, eta: Eta) -> Self {
        describe_metrics();
        Self { model, store, hub, eta }
    }

    async fn run(self) {
        let mut committed = self.store.committed();
        let mut memory = Memory::default();
        let mut failures = 0;
        loop {
            let commits = *committed.borrow_and_update();
            match self.pass(&mut memory).await {
                Ok(ControlFlow::Continue(())) => failures = 0,
                Ok(ControlFlow::Break(())) => {
                    failures = 0;
                    self.model.commits.send_replace(commits);
                    self.wait(&mut committed, memory.took).await;
                }
                Err(_) if self.model.is_closed() => return,
                // Somebody else's transaction, cut off by a restart, was committed after all: look again.
                Err(Failure::Apply(ApplyError::Stale { .. })) => {}
                Err(failure) => {
                    metrics::counter!(FAILURES).increment(1);
                    self.model.lag.failed();
                    let pause = BACKOFF.delay(failures, clock::random_unit());
                    tracing::warn!(error = %failure, pause_ms = pause.as_millis(), "the read model cannot be fed");
                    failures = failures.saturating_add(1);
                    sleep(pause).await;
                }
            }
        }
    }

    /// Takes one page, and does what is to be done now and then. `Continue`: there may be more.
    async fn pass(&self, memory: &mut Memory) -> Result<ControlFlow<()>, Failure> {
        self.model.publish_missed(&self.hub).await?;
        let Taken { cursor, more } = self.take_page(memory).await?;
        self.tidy(memory, &cursor).await?;
        if more {
            return Ok(ControlFlow::Continue(()));
        }
        self.sweep_once(memory).await;
        Ok(ControlFlow::Break(()))
    }

    /// Takes one page of the stream.
    async fn take_page(&self, memory: &mut Memory) -> Result<Taken, Failure> {
        self.take_back().await?;
        if !std::mem::replace(&mut memory.is_within_stream, true) {
            self.stay_within_stream().await?;
        }
        let cursor = self.model.cursor().await?;
        let looked = clock::now();
        let page = self.store.events(cursor.clone(), self.model.settings.batch_max.max(1)).await?;
        if self.has_lost() {
            // The page may have events after the loss, which come in once what was lost has been taken back.
            return Ok(Taken { cursor, more: true });
        }
        if page.next == cursor {
            self.model.lag.caught_up(looked);
            return Ok(Taken { cursor, more: false });
        }
        self.model.lag.found(&page);
        let began = Instant::now();
        let applied = self.apply(&cursor, &page).await?;
        self.model.publish(&self.hub, &applied.outgoing);
        memory.took = began.elapsed();
        metrics::histogram!("callout_readmodel_batch_seconds").record(memory.took);
        metrics::counter!(EVENTS).increment(applied.events.try_into().unwrap_or(u64::MAX));
        if !page.more {
            self.model.lag.caught_up(looked);
        }
        Ok(Taken { cursor: page.next, more: page.more })
    }

    /// Whether the store has lost events that were not taken back yet.
    fn has_lost(&self) -> bool {
        self.store.lost().borrow().number != self.model.taken_back()
    }

    /// Goes back to the end of the stream, should the cursor be beyond it: a store that lost events while no process looked
    /// gives their places to others.
    async fn stay_within_stream(&self) -> Result<(), Failure> {
        let from = self.model.cursor().await?;
        let cursor = self.store.within_stream(from.clone()).await?;
        if cursor != from {
            tracing::error!("the store lost events that are shown here; what is unfinished is compared with it");
            self.model.take_back(self.model.taken_back(), &[], &from, &cursor).await?;
        }
        Ok(())
    }

    /// Takes back what the store has lost. Before that, nothing that was committed afterwards is taken in.
    async fn take_back(&self) -> Result<(), Failure> {
        let loss = Arc::clone(&self.store.lost().borrow());
        if loss.number == self.model.taken_back() {
            return Ok(());
        }
        let returned = losses::returned(&*self.store, &loss).await?;
        let from = self.model.cursor().await?;
        let cursor = self.store.within_stream(from.clone()).await?;
        tracing::warn!(loss = loss.number, entities = returned.len(), "views go back to what the store has");
        Ok(self.model.take_back(loss.number, &returned, &from, &cursor).await?)
    }

    /// Applies a page. Where events are missing, the store is asked what it has.
    async fn apply(&self, cursor: &EventCursor, page: &EventPage) -> Result<Applied, Failure> {
        let mut snapshots = Snapshots::default();
        loop {
            match self.model.apply(cursor, page, &self.eta, &snapshots).await {
                Err(ApplyError::Gaps(entities)) => snapshots.ask(&*self.store, entities).await?,
                applied => return Ok(applied?),
            }
        }
    }

    /// Compares what is unfinished with the store, once in the life of the process. A failure is tried again later; the
    /// stream is followed all the same.
    async fn sweep_once(&self, memory: &mut Memory) {
        let too_early = memory.sweep_failed.is_some_and(|before| before.elapsed() < SWEEP_AGAIN);
        if self.model.is_swept() || too_early {
            return;
        }
        let taken_back = self.model.taken_back();
        match self.sweep(memory).await {
            // A loss in between asks for another comparison.
            Ok(()) if self.model.taken_back() == taken_back => self.model.set_swept(),
            Ok(()) => {}
            Err(_) if self.model.is_closed() => {}
            Err(error) => {
                metrics::counter!(FAILURES).increment(1);
                tracing::warn!(%error, "what is unfinished cannot be compared with the store; it is tried again");
                memory.sweep_failed = Some(Instant::now());
            }
        }
    }

    async fn sweep(&self, memory: &mut Memory) -> Result<(), Failure> {
        let mut live = HashSet::new();
        for shard in Shard::all() {
            let mut after = None;
            loop {
                let page = self.store.live(shard, after, SWEEP_PAGE).await?;
                live.extend(page.items.iter().map(|stored| stored.entity.clone()));
                self.mend(memory, page.items, Vec::new()).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        for kind in [EntityKind::Call, EntityKind::Driver] {
            let mut page = self.model.unfinished(kind, "").await?;
            while let Some(last) = page.last().cloned() {
                let (mut found, mut gone) = (Vec::new(), Vec::new());
                for entity in sweep::not_live(page, &live) {
                    match self.store.load(entity.clone()).await {
                        Ok(Some(stored)) => found.push(stored),
                        Ok(None) => gone.push(entity),
                        Err(error @ StoreError::Corrupt { .. }) => {
                            tracing::error!(%entity, %error, "left as it is shown");
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                self.mend(memory, found, gone).await?;
                page = self.model.unfinished(kind, &last.id).await?;
            }
        }
        Ok(())
    }

    /// Makes those views anew that are behind what the store had a moment ago.
    async fn mend(&self, memory: &mut Memory, found: Vec<Stored>, gone: Vec<EntityRef>) -> Result<(), Failure> {
        let Compared { behind, ahead } = self.model.compare(found).await?;
        let returned = losses::still_ahead(&*self.store, ahead).await?;
        if !returned.is_empty() {
            let cursor = self.model.cursor().await?;
            self.model.take_back(self.model.taken_back(), &returned, &cursor, &cursor).await?;
        }
        // Only what does not come with the stream was missed. This also keeps up with the stream while there is much to compare.
        while self.take_page(memory).await?.more {}
        if behind.is_empty() && gone.is_empty() {
            return Ok(());
        }
        Ok(self.model.mend(&behind, &gone).await?)
    }

    /// Waits for news: a commit of this process, or anybody's within the poll time.
    async fn wait(&self, committed: &mut watch::Receiver<u64>, took: Duration) {
        match timeout(self.model.settings.poll(), committed.changed()).await {
            Ok(Ok(())) => sleep((took * LINGER_SHARE).clamp(LINGER_MIN, LINGER_MAX)).await,
            // The store is closed; its events can still be read.
            Ok(Err(_)) => sleep(self.model.settings.poll()).await,
            Err(_) => {}
        }
    }

    /// Now and then: tells of payments that hang, keeps the file's log short, and lets the store forget what is safely
    /// here.
    async fn tidy(&self, memory: &mut Memory, cursor: &EventCursor) -> Result<(), Failure> {
        if memory.tidied.is_some_and(|before| before.elapsed() < TIDY_EVERY) {
            return Ok(());
        }
        memory.tidied = Some(Instant::now());
        let now = clock::now();
        if self.model.tell_of_unknown_payments(now, before(now, self.model.settings.payment_unknown_after())).await? > 0
        {
            self.model.publish_missed(&self.hub).await?;
        }
        self.model.keep_log_short().await?;
        if memory.trimmed.as_ref() != Some(cursor) {
            let synced = self.model.synced_cursor().await?;
            self.store.trim_events(synced.clone()).await?;
            memory.trimmed = Some(synced);
        }
        Ok(())
    }
}

impl ReadModel {
    /// Where it stands, on the disk for certain: no power cut makes it ask for earlier events again.
    async fn synced_cursor(&self) -> Result<EventCursor, ApplyError> {
        let mut transaction = self.writer.begin().await?;
        let cursor: String = sqlx::query_scalar("SELECT cursor FROM source").fetch_one(transaction.sql()).await?;
        transaction.commit_synced().await?;
        Ok(EventCursor(cursor))
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

/// Names the figures and lets the counters begin at 0.
fn describe_metrics() {
    use metrics::Unit;
    lag::describe_metrics();
    log::describe_metrics();
    snapshots::describe_metrics();
    metrics::describe_counter!(EVENTS, Unit::Count, "Events taken into the read model");
    metrics::describe_counter!(FAILURES, Unit::Count, "Pages that had to be tried again");
    metrics::describe_histogram!(
        "callout_readmodel_batch_seconds",
        Unit::Seconds,
        "How long a page took to be applied"
    );
    for counter in [EVENTS, FAILURES] {
        metrics::counter!(counter).increment(0);
    }
}
