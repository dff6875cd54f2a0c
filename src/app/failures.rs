//! What follows when an actor has failed too often: operators are told, and the process ends where that is asked for.

use std::sync::{Arc, OnceLock, Weak};

use serde_json::Value;

use super::shutdown::{Reason, Shutdown};
use crate::{
    actors::{
        Engine,
        supervision::{Escalation, Failure, OnExceeded},
    },
    clock,
    domain::ServiceId,
    notify,
    readmodel::ReadModel,
};

/// Whom failures are told to; the engine comes later than the first actor.
pub(super) struct Failures {
    engine: OnceLock<Weak<Engine>>,
    read_model: Arc<ReadModel>,
    shutdown: Shutdown,
}

impl Failures {
    pub(super) fn new(read_model: &Arc<ReadModel>, shutdown: &Shutdown) -> Arc<Self> {
        let (read_model, shutdown) = (Arc::clone(read_model), shutdown.clone());
        Arc::new(Self { engine: OnceLock::new(), read_model, shutdown })
    }

    /// Names the engine, once it has started.
    pub(super) fn of(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// What supervisors call.
    pub(super) fn escalation(self: &Arc<Self>) -> Escalation {
        let this = Arc::clone(self);
        Arc::new(move |failure: &Failure| {
            if failure.on_exceeded == OnExceeded::Escalate {
                this.shutdown.now(Reason::Escalated(Arc::clone(&failure.actor)));
            }
            actix::spawn(Arc::clone(&this).tell_operators(failure.clone()));
        })
    }

    async fn tell_operators(self: Arc<Self>, failure: Failure) {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else { return };
        let panic = format!("{} ({})", failure.report.message, failure.report.place);
        for service in services(&engine, &failure.actor).await {
            let told = notify::actor_parked(engine.policies.get(&service), &service, &failure.actor, &panic);
            if let Err(error) = self.read_model.tell(clock::now(), told).await {
                tracing::error!(actor = %failure.actor, %service, %error, "operators cannot be told of a parked actor");
            }
        }
    }
}

/// Whose operators an actor concerns: those of its service; those of all services when it serves them all.
async fn services(engine: &Engine, actor: &str) -> Vec<ServiceId> {
    let (kind, id) = actor.split_once('/').unwrap_or((actor, actor));
    // A payment belongs to the service of its call, which has its id.
    let kind = if kind == "payment" { "call" } else { kind };
    let state = engine.ops.actor(kind, id).await.map(|figures| figures.state).unwrap_or_default();
    let named = [&state["service"], &state["profile"]["service"]];
    let named = named.into_iter().filter_map(Value::as_str).chain([id]);
    let all = || engine.policies.iter().map(|policy| policy.service.clone());
    let known = named.filter_map(|name| all().find(|service| service.as_str() == name));
    known.map(|service| vec![service]).next().unwrap_or_else(|| all().collect())
}
