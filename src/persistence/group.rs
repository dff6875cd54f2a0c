//! Group commit: many callers' commits travel to a backend together.
//!
//! One task takes what is waiting, hands it over in one piece and answers everyone. It never waits for more to come:
//! a group is what arrived while the previous one was under way. It knows nothing of where commits go.

mod meters;
mod pace;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{meters::Meters, pace::Pace};
use super::StoreSettings;
use crate::{
    actors::ports::store::{Commit, Committed, StoreError, StoreLoad},
    claim::{Caller, Claim},
};

/// A backend's answer to one commit.
pub(super) type CommitResult = Result<Committed, StoreError>;

/// The shortest and longest time a refused caller is told to stay away.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The largest version: what a double can count to, because Lua scripts count in doubles.
const MAX_VERSION: u64 = 1 << 53;

/// Where groups of commits are written.
pub(super) trait Backend: Send + Sync + 'static {
    /// How many groups may be under way at a time.
    const UNDER_WAY: usize;

    /// Writes a group, in order, and answers each commit at its place.
    fn write(&self, group: Vec<Commit>) -> impl Future<Output = Vec<CommitResult>> + Send;
}

/// The callers' end of the group commit.
pub(super) struct GroupCommit {
    queue: mpsc::Sender<Waiting>,
    closing: CancellationToken,
    closed: CancellationToken,
    committed: watch::Sender<u64>,
    timeout: Duration,
    group_max: usize,
    group_micros: Arc<AtomicU64>,
    began: Instant,
    pace: Pace,
    meters: Meters,
}

struct Waiting {
    commit: Commit,
    claim: Arc<Claim>,
    answer: oneshot::Sender<CommitResult>,
}

impl GroupCommit {
    /// Starts the writer task on the current tokio runtime.
    pub fn start<B: Backend>(backend: Arc<B>, settings: &StoreSettings) -> Self {
        let (queue, waiting) = mpsc::channel(settings.queue_max_commits);
        let this = Self {
            queue,
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            committed: watch::Sender::new(0),
            timeout: settings.commit_timeout(),
            group_max: settings.group_max_commits,
            group_micros: Arc::default(),
            began: Instant::now(),
            pace: Pace::default(),
            meters: Meters::new(),
        };
        let writer = GroupWriter {
            backend,
            group_max: settings.group_max_commits,
            committed: this.committed.clone(),
            group_micros: Arc::clone(&this.group_micros),
            meters: this.meters.clone(),
        };
        let (closing, closed) = (this.closing.clone(), this.closed.clone().drop_guard());
        tokio::spawn(async move {
            writer.run(waiting, closing).await;
            drop(closed);
        });
        this
    }

    /// Puts a commit into the next group and waits for its answer. Given up while it waits, it is not written.
    pub async fn commit(&self, commit: Commit) -> CommitResult {
        let started = Instant::now();
        let answer = self.queue_and_wait(commit).await;
        let took = started.elapsed();
        self.meters.committed(&answer, took);
        self.pace.note(self.began.elapsed(), took);
        answer
    }

    async fn queue_and_wait(&self, commit: Commit) -> CommitResult {
        check(&commit)?;
        let (answer, answered) = oneshot::channel();
        let claim = Arc::new(Claim::default());
        let caller = Caller::of(&claim);
        self.queue.try_send(Waiting { commit, claim, answer }).map_err(|refused| self.refusal(&refused))?;
        match timeout(self.timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) if caller.give_up() => Err(unavailable("the store has stopped", RETRY_AFTER.1)),
            Ok(Err(_)) => Err(StoreError::Unknown { reason: "the store stopped before it answered".to_owned() }),
            Err(_) if caller.give_up() => {
                Err(unavailable(&format!("not written within {} ms", self.timeout.as_millis()), self.retry_after()))
            }
            Err(_) => Err(StoreError::Unknown { reason: format!("no answer within {} ms", self.timeout.as_millis()) }),
        }
    }

    /// Counts up whenever a group with something new in it has been written.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// How much there is to do.
    #[expect(clippy::cast_precision_loss, reason = "a share of a queue of a few thousand")]
    pub fn load(&self) -> StoreLoad {
        let room = self.queue.max_capacity();
        let queued = (room - self.queue.capacity()) as f64 / room as f64;
        StoreLoad { wait: self.pace.at(self.began.elapsed()), queued }
    }

    /// Refuses further commits and waits until those that are waiting have been written.
    pub async fn close(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }

    fn refusal(&self, refused: &mpsc::error::TrySendError<Waiting>) -> StoreError {
        match refused {
            mpsc::error::TrySendError::Full(_) => {
                let bound = self.queue.max_capacity();
                unavailable(&format!("{bound} commits are waiting already"), self.retry_after())
            }
            mpsc::error::TrySendError::Closed(_) => unavailable("the store is closed", RETRY_AFTER.1),
        }
    }

    /// How long the groups that are waiting now will take, judged by the last one.
    fn retry_after(&self) -> Duration {
        let waiting = self.queue.max_capacity() - self.queue.capacity();
        let groups = u64::try_from(waiting.div_ceil(self.group_max)).unwrap_or(u64::MAX);
        let micros = groups.saturating_mul(self.group_micros.load(Ordering::Relaxed));
        Duration::from_micros(micros).clamp(RETRY_AFTER.0, RETRY_AFTER.1)
    }
}

struct GroupWriter<B> {
    backend: Arc<B>,
    group_max: usize,
    committed: watch::Sender<u64>,
    group_micros: Arc<AtomicU64>,
    meters: Meters,
}

impl<B: Backend> GroupWriter<B> {
    async fn run(&self, mut queue: mpsc::Receiver<Waiting>, closing: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        let mut waiting = Vec::with_capacity(self.group_max);
        loop {
            tokio::select! {
                biased;
                Some(()) = under_way.next() => {}
                taken = queue.recv_many(&mut waiting, self.group_max), if under_way.len() < B::UNDER_WAY => {
                    if taken == 0 {
                        break;
                    }
                    let group: Vec<Waiting> = waiting.drain(..).filter(|one| one.claim.take()).collect();
                    if !group.is_empty() {
                        under_way.push(self.write(group));
                    }
                }
                () = closing.cancelled(), if !queue.is_closed() => queue.close(),
            }
        }
        while under_way.next().await.is_some() {}
    }

    async fn write(&self, group: Vec<Waiting>) {
        let started = Instant::now();
        let size = group.len();
        self.meters.group(size);
        let (commits, callers): (Vec<_>, Vec<_>) = group.into_iter().map(|one| (one.commit, one.answer)).unzip();
        let answers = AssertUnwindSafe(self.backend.write(commits)).catch_unwind().await.unwrap_or_else(|_| {
            let reason = "the store's writer panicked".to_owned();
            vec![Err(StoreError::Unknown { reason }); size]
        });
        self.group_micros.store(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if answers.iter().any(|answer| matches!(answer, Ok(Committed::Ok))) {
            self.committed.send_modify(|count| *count = count.wrapping_add(1));
        }
        for (caller, answer) in callers.into_iter().zip(answers) {
            // A caller that is gone no longer wants to know.
            let _ = caller.send(answer);
        }
    }
}

/// A commit that contradicts itself is refused before it can spoil its group.
fn check(commit: &Commit) -> Result<(), StoreError> {
    let events = u64::try_from(commit.events.len()).unwrap_or(u64::MAX);
    let counted = commit.expected_version.saturating_add(events);
    let in_order = || commit.events.iter().zip(commit.expected_version + 1..).all(|(event, seq)| event.seq == seq);
    if counted == commit.version && commit.version <= MAX_VERSION && in_order() {
        return Ok(());
    }
    let reason = format!(
        "refused a commit of {} from version {} to {}: its {events} events must be numbered from {} to {}",
        commit.entity,
        commit.expected_version,
        commit.version,
        commit.expected_version.saturating_add(1),
        commit.version
    );
    Err(StoreError::Corrupt { reason })
}

fn unavailable(reason: &str, retry_after: Duration) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), retry_after }
}

#[cfg(test)]
mod tests;
