//! The guard's decisions, without actors, tasks or clocks: who may wait, who may be sent now, who is refused.
//!
//! `offer` lets a request in or gives it back; `next`, asked until it answers `None`, says what is to be done
//! with those that are waiting; `on_done` takes note of an end. Nothing is ever sent twice or forgotten: a job
//! leaves only through `next`.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    breaker::{Breaker, Ticket},
    hold::Hold,
    limiter::Limiter,
    outcome::Outcome,
    queue::{Urgency, WaitQueue},
    settings::GuardSettings,
};

/// Something that waits to be sent.
pub(super) trait Waiting {
    /// Whether anyone still waits for it.
    fn is_wanted(&self) -> bool;

    /// Marks it as sent. `false` when it was withdrawn a moment ago.
    fn begin(&self) -> bool;
}

/// The guard's decisions without its actor: the queue, the breaker, and the places of requests in flight.
pub(super) struct GuardCore<J> {
    settings: GuardSettings,
    limiter: Limiter,
    queue: WaitQueue<J>,
    pub(super) breaker: Breaker,
    slots: Arc<Semaphore>,
    limited_until: Option<Instant>,
    hold: Hold,
}

/// The next step for a job that waited.
pub(super) enum Next<J> {
    Send(J, Sending),
    /// Tell its caller that it was not sent.
    Refuse(J, Refusal),
}

/// The ticket and the place of a request in flight.
pub(super) struct Sending {
    pub(super) ticket: Ticket,
    /// Its place among the requests in flight; free again when this is dropped.
    pub(super) slot: OwnedSemaphorePermit,
}

/// Why a request was not sent, and when another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub reason: RefusalReason,
    /// When to come back.
    pub retry_after: Duration,
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// As many wait already as may.
    QueueFull,
    /// The gateway fails, and is left alone for a while.
    BreakerOpen,
    /// Its turn did not come in time.
    WaitedTooLong,
    /// The gateway asked for patience.
    GatewayBusy,
    /// The gateway does not accept the API key.
    Unauthorized,
    /// The guard failed, and is being restarted.
    Restarting,
    /// The guard failed too often, and waits for an operator.
    Parked,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "too many payments are waiting",
            Self::BreakerOpen => "the payment gateway is failing and is left alone for a while",
            Self::WaitedTooLong => "the payment gateway was too busy to take the payment in time",
            Self::GatewayBusy => "the payment gateway takes no more requests for a moment",
            Self::Unauthorized => "the payment gateway does not accept this server's key; operators have been told",
            Self::Restarting => "the payment guard is being restarted",
            Self::Parked => "the payment guard failed too often and waits for an operator",
        })
    }
}

impl<J: Waiting> GuardCore<J> {
    /// Nothing waits, the breaker is closed. `slots` bounds the requests in flight; it may outlive the core, so that
    /// requests which a predecessor sent still count.
    pub(super) fn new(settings: GuardSettings, slots: Arc<Semaphore>, now: Instant) -> Self {
        Self {
            settings,
            limiter: Limiter::new(now, settings.pace()),
            queue: WaitQueue::new(settings.queue_max, settings.background_max()),
            breaker: Breaker::new(settings.breaker, now),
            slots,
            limited_until: None,
            hold: Hold::default(),
        }
    }

    /// Lets a request in, to wait until `deadline` at most, or gives it back.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        job: J,
        urgency: Urgency,
        deadline: Instant,
    ) -> Result<(), (J, Refusal)> {
        if let Some(refusal) = self.refusal(now) {
            return Err((job, refusal));
        }
        self.queue
            .push(job, urgency, now, deadline)
            .map_err(|job| (job, Refusal { reason: RefusalReason::QueueFull, retry_after: self.drain_time(now) }))
    }

    /// The next step for one of the waiting jobs; `None` when all have to wait on.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next<J>> {
        self.limited_until = None;
        if let Some(job) = self.queue.pop_expired(now) {
            let refusal = Refusal { reason: RefusalReason::WaitedTooLong, retry_after: self.drain_time(now) };
            return Some(Next::Refuse(job, refusal));
        }
        if let Some(refusal) = self.refusal(now) {
            return self.queue.pop().map(|job| Next::Refuse(job, refusal));
        }
        self.send_first(now)
    }

    /// Takes note how a request ended, and how long it took.
    pub(super) fn on_done(&mut self, now: Instant, ticket: Ticket, outcome: Outcome, took: Duration) {
        self.hold.note(now, outcome);
        self.breaker.record(now, ticket, outcome.health(), took);
    }

    /// Whether it is time to ask the gateway whether it accepts the key again.
    pub(super) fn is_check_due(&mut self, now: Instant) -> bool {
        self.hold.is_check_due(now)
    }

    /// What the gateway asked for, or refuses.
    pub(super) fn hold(&self) -> &Hold {
        &self.hold
    }

    fn refusal(&self, now: Instant) -> Option<Refusal> {
        let open = |retry_after| Refusal { reason: RefusalReason::BreakerOpen, retry_after };
        self.hold.refusal(now).or_else(|| self.breaker.admission(now).err().map(open))
    }

    /// The time at which `next` should be asked again, unless something happens before.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let deadline = self.queue.deadline()?;
        Some(self.limited_until.map_or(deadline, |limited| limited.min(deadline)))
    }

    /// How long until those who wait now are gone: at the pace of late, but no longer than any of them may wait.
    pub(super) fn drain_time(&self, now: Instant) -> Duration {
        let longest = self.settings.queue_wait();
        let drained = self.breaker.pace(now).map(|pace| self.queue.len() as f64 / pace);
        drained.and_then(|secs| Duration::try_from_secs_f64(secs).ok()).map_or(longest, |time| time.min(longest))
    }

    pub(super) fn queue_len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn oldest_wait(&self, now: Instant) -> Option<Duration> {
        self.queue.oldest_wait(now)
    }

    fn send_first(&mut self, now: Instant) -> Option<Next<J>> {
        loop {
            while !self.queue.front()?.is_wanted() {
                self.queue.pop();
            }
            if !self.breaker.can_send(now) {
                return None;
            }
            let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
            if let Err(wait) = self.limiter.take(now) {
                self.limited_until = Some(now + wait);
                return None;
            }
            let job = self.queue.pop()?;
            if job.begin() {
                let ticket = self.breaker.send(now);
                return Some(Next::Send(job, Sending { ticket, slot }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
