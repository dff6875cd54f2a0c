//! Acts when an actor has failed too often: notifies operators, and ends the process if its settings say `escalate`.

use std::sync::{Arc, Weak};

use tokio::sync::SetOnce;

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

/// The receiver of failures. Actors run before the engine is there; a failure from that time waits for the engine.
pub(super) struct Failures {
    engine: SetOnce<Weak<Engine>>,
    read_model: Arc<ReadModel>,
    shutdown: Shutdown,
}

impl Failures {
    pub(super) fn new(read_model: &Arc<ReadModel>, shutdown: &Shutdown) -> Arc<Self> {
        let (read_model, shutdown) = (Arc::clone(read_model), shutdown.clone());
        Arc::new(Self { engine: SetOnce::new(), read_model, shutdown })
    }

    /// Names the engine, once it has started.
    pub(super) fn of(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

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
        // What is parked while the engine still starts is told of once it has.
        let Some(engine) = self.engine.wait().await.upgrade() else { return };
        let panic = format!("{} ({})", failure.report.message, failure.report.place);
        for service in services(&engine, &failure.actor).await {
            let told = notify::actor_parked(engine.policies().shown(&service, None), &service, &failure.actor, &panic);
            if let Err(error) = self.read_model.tell(clock::now(), told).await {
                tracing::error!(actor = %failure.actor, %service, %error, "operators cannot be told of a parked actor");
            }
        }
    }
}

/// The services whose operators are notified: the one of the actor, or all when the actor serves them all.
async fn services(engine: &Engine, actor: &str) -> Vec<ServiceId> {
    let (kind, id) = actor.split_once('/').unwrap_or((actor, actor));
    let all = || engine.policies().services().cloned();
    match engine.ops.service_of(kind, id).await {
        Ok(Some(service)) if all().any(|known| known == service) => vec![service],
        _ => all().collect(),
    }
}
