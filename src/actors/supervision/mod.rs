//! Supervision: what happens between an actor's panic and its next message.
//!
//! actix drops an actor that panics, with its mailbox and every address. Here each actor's context is polled inside a
//! future of ours that catches the panic, waits out a backoff without polling, and restarts the context: the address
//! and the queued messages survive, the actor's state does not. `Actor::started` runs again after each restart and must
//! build the state anew.

mod panics;
mod settings;
mod singleton;
mod vitals;

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use actix::{Actor, Context, Supervised, dev::ContextFut};
use futures_util::{
    FutureExt,
    stream::{AbortRegistration, Abortable},
};
use tokio::time::Instant;

pub use panics::{PanicReport, install_panic_hook};
pub use settings::{ActorKind, Intensity, OnExceeded, SupervisionSettings, SupervisionTable};
pub use singleton::{Crash, Singleton, SingletonError};
pub use vitals::{Admission, KindStats, Permit, Status, Vitals};

use crate::clock;

/// An actor that has failed too often.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The actor's name: `call/call_…`.
    pub actor: Arc<str>,
    pub report: Arc<PanicReport>,
    /// The reaction in its settings. After [`OnExceeded::Escalate`] the process should end.
    pub on_exceeded: OnExceeded,
}

/// Told when an actor has failed too often. Must be quick; must not wait.
pub type Escalation = Arc<dyn Fn(&Failure) + Send + Sync>;

/// The data that a supervisor needs about its actor.
#[derive(Clone)]
pub struct Watch {
    /// The actor's name in logs: `call/call_…`.
    pub name: Arc<str>,
    /// Its state of health, shared with those who talk to it.
    pub vitals: Arc<Vitals>,
    /// The figures of its kind.
    pub stats: Arc<KindStats>,
    /// The reaction to its failures.
    pub settings: Arc<SupervisionSettings>,
    /// The receiver of the report when it has failed too often.
    pub escalation: Escalation,
}

/// Runs an actor until it stops by itself, fails too often or is dropped: then nothing that it waits for goes on, and its
/// messages are gone. The future belongs on the arbiter that owns the actor.
pub async fn supervise<A>(context: Context<A>, actor: A, watch: Watch, dropped: AbortRegistration)
where
    A: Actor<Context = Context<A>> + Supervised,
{
    let mut running = context.into_future(actor);
    if Abortable::new(keep_running(&mut running, &watch), dropped).await.is_err() {
        watch.vitals.set(Status::Passive);
    }
    // Dropping the context polls it once more; a panic in there must not reach the arbiter.
    let _ = std::panic::catch_unwind(AssertUnwindSafe(move || drop(running)));
}

async fn keep_running<A>(mut running: &mut ContextFut<A, Context<A>>, watch: &Watch)
where
    A: Actor<Context = Context<A>> + Supervised,
{
    let mut restarts: VecDeque<Instant> = VecDeque::new();
    watch.vitals.set(Status::Running);
    loop {
        let Err(payload) = panics::caught(AssertUnwindSafe(&mut running).catch_unwind()).await else {
            break watch.vitals.set(Status::Passive);
        };
        let report = Arc::new(PanicReport::new(payload, clock::now()));
        watch.vitals.panicked(Arc::clone(&report));
        tracing::error!(actor = %watch.name, place = %report.place, panic = %report.message, "an actor panicked");
        let Some(wait) = next_wait(&mut restarts, watch) else {
            exceeded(watch, report);
            break;
        };
        watch.vitals.set(Status::BackingOff);
        tokio::time::sleep(wait).await;
        watch.stats.restarted(&watch.vitals);
        tracing::warn!(actor = %watch.name, restarts = watch.vitals.restarts(), "an actor is restarted");
        running.restart();
        watch.vitals.set(Status::Running);
    }
}

/// How long to wait before the restart; `None` when there were too many.
fn next_wait(restarts: &mut VecDeque<Instant>, watch: &Watch) -> Option<Duration> {
    let now = Instant::now();
    let window = watch.settings.intensity.window();
    while restarts.front().is_some_and(|at| now.duration_since(*at) > window) {
        restarts.pop_front();
    }
    if restarts.len() >= watch.settings.intensity.restarts_max as usize {
        return None;
    }
    let attempt = u32::try_from(restarts.len()).unwrap_or(u32::MAX);
    restarts.push_back(now);
    Some(watch.settings.backoff.delay(attempt, clock::random_unit()))
}

fn exceeded(watch: &Watch, report: Arc<PanicReport>) {
    let intensity = watch.settings.intensity;
    tracing::error!(
        actor = %watch.name,
        restarts_max = intensity.restarts_max,
        window_s = intensity.window_s,
        on_exceeded = ?watch.settings.on_exceeded,
        "an actor failed too often"
    );
    match watch.settings.on_exceeded {
        OnExceeded::Park | OnExceeded::Escalate => watch.stats.parked(&watch.vitals),
        OnExceeded::Stop => watch.vitals.set(Status::Passive),
    }
    let on_exceeded = watch.settings.on_exceeded;
    (watch.escalation)(&Failure { actor: Arc::clone(&watch.name), report, on_exceeded });
}
