//! The payment guard: one actor between every payment and the network. It protects the gateway from us (rate, requests
//! in flight) and us from the gateway (bounded queue, deadlines, circuit breaker).
//!
//! - First in, first out, for all. Background requests may fill only a part of the queue.
//! - Refused means: nothing was sent, and here is when to come back.
//! - Requests run as tasks of their own and answer their caller themselves: a panic of the guard loses none that is
//!   under way. Those that only waited are refused, unsent; the guard begins anew with an empty queue and a closed breaker.
//! - It keeps no record of payments: what is owed is the payment actors' snapshot.

mod breaker;
mod core;
mod figures;
mod gauge;
mod handle;
mod hold;
mod job;
mod limiter;
mod meter;
mod outcome;
mod queue;
mod settings;
mod window;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler, Message, Supervised};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use self::{
    breaker::Ticket,
    core::{GuardCore, Next, Sending},
    gauge::now,
    job::{Job, RequestKind, Work},
    outcome::Outcome,
};
pub use self::{
    breaker::{BreakerMode, BreakerState},
    core::{Refusal, RefusalReason},
    figures::{BreakerFigures, Counts, GatewayFigures, InFlightFigures, LimiterFigures, QueueFigures},
    gauge::GuardGauge,
    handle::GuardHandle,
    outcome::{GuardError, whole_seconds},
    queue::Urgency,
    settings::{BreakerSettings, GuardSettings, Pace},
};
use crate::actors::{
    ports::gateway::PaymentGateway,
    supervision::{Crash, Permit},
};

/// How often the guard looks around though nothing happens: figures age, operators change the breaker.
const TICK: Duration = Duration::from_millis(250);

/// How much longer than the gateway's own time-out a request is waited for: a gateway that keeps its word ends first.
const ANSWER_MARGIN: Duration = Duration::from_secs(1);

/// The actor that stands in front of the payment gateway.
pub struct Guard {
    gateway: Arc<dyn PaymentGateway>,
    gauge: Arc<GuardGauge>,
    core: GuardCore<Job>,
    /// Numbers the starts, to tell requests that a predecessor sent from one's own.
    incarnation: u64,
    /// When the earliest timer fires.
    armed: Option<Instant>,
}

/// A request for the gateway. The permit is its place in the mailbox.
#[derive(Message)]
#[rtype(result = "()")]
struct Submit {
    job: Job,
    urgency: Urgency,
    deadline: Instant,
    permit: Permit,
}

/// A request has ended. There are never more of them than requests in flight.
#[derive(Message)]
#[rtype(result = "()")]
struct Done {
    incarnation: u64,
    ticket: Ticket,
    outcome: Outcome,
    took: Duration,
}

impl Guard {
    /// The guard in front of `gateway`, with the settings of the gauge.
    #[must_use]
    pub fn new(gateway: Arc<dyn PaymentGateway>, gauge: Arc<GuardGauge>) -> Self {
        let core = GuardCore::new(gauge.settings, Arc::clone(&gauge.slots), now());
        Self { gateway, gauge, core, incarnation: 0, armed: None }
    }

    /// Sends and refuses what is due, shows the result, and arms the timer for what comes next.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        let at = now();
        self.core.breaker.set_mode(at, self.gauge.mode());
        if self.core.is_check_due(at) {
            self.check(ctx);
        }
        while let Some(turn) = self.core.next(at) {
            match turn {
                Next::Send(job, sending) => self.send(job, sending, ctx),
                Next::Refuse(job, refusal) => self.refuse(job, refusal),
            }
        }
        self.gauge.publish(&self.core, at);
        self.arm(at, ctx);
    }

    fn send(&self, job: Job, sending: Sending, ctx: &Context<Self>) {
        self.run(job.work, sending.ticket, Some(sending.slot), ctx);
    }

    /// Asks whether the key is accepted again. The one request that does not wait in the queue: nothing else is sent then.
    fn check(&mut self, ctx: &Context<Self>) {
        let (reply, _) = oneshot::channel();
        let ticket = self.core.breaker.send(now());
        self.run(Work::Check(reply), ticket, None, ctx);
    }

    fn run(&self, work: Work, ticket: Ticket, slot: Option<OwnedSemaphorePermit>, ctx: &Context<Self>) {
        let gateway = Arc::clone(&self.gateway);
        let longest = self.gateway.answer_timeout() + ANSWER_MARGIN;
        let report = Report {
            guard: ctx.address(),
            gauge: Arc::clone(&self.gauge),
            incarnation: self.incarnation,
            kind: work.kind(),
            begun: now(),
            outcome: Outcome::NoAnswer,
            ticket,
            slot,
        };
        actix_rt::spawn(async move {
            // Moves the whole report in: a closure captures only the fields it uses, and the report must live as long as
            // the request.
            let mut report = report;
            report.outcome = work.run(&*gateway, longest).await;
        });
    }

    fn refuse(&self, job: Job, refusal: Refusal) {
        self.gauge.meter.refused(job.work.kind());
        job.work.refuse(refusal);
    }

    fn arm(&mut self, at: Instant, ctx: &mut Context<Self>) {
        let Some(wake) = self.core.wake_at() else { return };
        if self.armed.is_some_and(|armed| armed <= wake) {
            return;
        }
        self.armed = Some(wake);
        ctx.run_later(wake.saturating_duration_since(at), |guard, ctx| {
            guard.armed = None;
            guard.turn(ctx);
        });
    }
}

impl Actor for Guard {
    type Context = Context<Self>;

    /// Also runs after a restart: whatever was waiting is dropped, which its callers notice.
    fn started(&mut self, ctx: &mut Context<Self>) {
        self.core = GuardCore::new(self.gauge.settings, Arc::clone(&self.gauge.slots), now());
        self.incarnation = self.gauge.next_incarnation();
        self.armed = None;
        ctx.run_interval(TICK, Self::turn);
        self.turn(ctx);
    }
}

impl Supervised for Guard {}

impl Handler<Submit> for Guard {
    type Result = ();

    fn handle(&mut self, Submit { job, urgency, deadline, permit }: Submit, ctx: &mut Context<Self>) {
        drop(permit);
        self.core.breaker.set_mode(now(), self.gauge.mode());
        if let Err((job, refusal)) = self.core.offer(now(), job, urgency, deadline) {
            self.refuse(job, refusal);
        }
        self.turn(ctx);
    }
}

impl Handler<Crash> for Guard {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
        panic!("a drill: the payment guard was asked to crash");
    }
}

impl Handler<Done> for Guard {
    type Result = ();

    fn handle(&mut self, done: Done, ctx: &mut Context<Self>) {
        if done.incarnation == self.incarnation {
            self.core.on_done(now(), done.ticket, done.outcome, done.took);
        }
        self.turn(ctx);
    }
}

/// Tells the guard that a request has ended, even when its task panics: dropped, it reports.
struct Report {
    guard: actix::Addr<Guard>,
    gauge: Arc<GuardGauge>,
    incarnation: u64,
    kind: RequestKind,
    begun: Instant,
    outcome: Outcome,
    ticket: Ticket,
    slot: Option<OwnedSemaphorePermit>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let took = now().saturating_duration_since(self.begun);
        self.gauge.meter.ended(self.kind, self.outcome, took);
        // The slot must be free before the guard looks for one.
        drop(self.slot.take());
        let Self { incarnation, ticket, outcome, .. } = *self;
        self.guard.do_send(Done { incarnation, ticket, outcome, took });
    }
}
