//! Starting the engine: take the shards, make the world, bring back what is live, and only then wake anybody.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Arbiter, ArbiterHandle};

use super::{Engine, losses, recovery, terms::Terms};
use crate::{
    actors::{
        Fence, Ops, World,
        boards::{Boards, unsettled},
        dispatcher::{DispatchSettings, Dispatchers},
        doubts::Doubts,
        drain::Drain,
        entity::{Entities, Parts},
        fence::keep_asking,
        guard::{Guard, GuardGauge, GuardHandle, GuardSettings},
        hub::Hub,
        kinds,
        ports::{
            gateway::PaymentGateway,
            routing::Router,
            store::{Store, StoreError},
        },
        supervision::{ActorKind, Escalation, KindStats, Singleton, SupervisionTable, install_panic_hook},
        timers::{self, Timers, Waker},
        world::Repeats,
    },
    domain::{ServiceId, policy::Policies},
    vault::Vault,
};

/// How the actors run.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    /// The rules for an actor that fails. Owed effects are repeated between actors at the pace of its default.
    pub supervision: SupervisionTable,
    /// The payment guard's limits. Refunds and unknown outcomes are repeated at the pace of its `retry`.
    pub guard: GuardSettings,
    pub dispatch: DispatchSettings,
    /// How long a request waits for its payment's outcome.
    pub payment_wait: Duration,
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are live calls of services without a policy and without kept terms: no command on them could be decided.
    #[error("live calls have no policy: {}; put the files back into the configuration folder", missing(.0))]
    NoPolicies(BTreeMap<ServiceId, u64>),
}

fn missing(calls: &BTreeMap<ServiceId, u64>) -> String {
    let of = |(service, calls): (&ServiceId, &u64)| {
        format!(
            "{calls} of the service {service}, whose file services/{service}.toml is missing, and whose terms are not in the store"
        )
    };
    calls.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// The parts that the engine works with.
pub struct EngineParts {
    /// The store of the committed state.
    pub store: Arc<dyn Store>,
    pub gateway: Arc<dyn PaymentGateway>,
    /// The source of distances and travel times.
    pub router: Arc<dyn Router>,
    pub policies: Arc<Policies>,
    /// The keys that payment methods are sealed with.
    pub vault: Arc<Vault>,
    /// Where actors run; at least one.
    pub arbiters: Vec<ArbiterHandle>,
    /// Raised when another process takes over: this one must end.
    pub fence: Arc<Fence>,
    /// Called when the process should end.
    pub escalation: Escalation,
}

impl Engine {
    /// Takes over every shard, brings back what is live, and starts the supporting actors.
    ///
    /// # Errors
    /// When the store does not answer, or live calls name a service that has no policy.
    pub async fn start(parts: EngineParts, settings: EngineSettings) -> Result<Arc<Self>, StartError> {
        install_panic_hook();
        kinds::show_metrics();
        unsettled::describe_metrics();
        timers::describe_metrics();
        let EngineParts { store, gateway, router, policies, vault, arbiters, fence, escalation } = parts;
        let asked = Instant::now();
        let epoch = store.take_ownership().await?;
        fence.confirm(asked);
        // A thread of their own: under load the entities' threads have a long queue, in which nobody may wait who has to be
        // in time, or whom every call asks.
        let desk = Arbiter::new().handle();
        // The fence has one that nothing else runs on: a long search for drivers must not make this process doubt itself.
        Arbiter::new().spawn(keep_asking(Arc::clone(&fence), Arc::clone(&store), epoch));
        tracing::info!(epoch = epoch.0, "this process owns every shard");
        let terms = Terms::keep(&policies, store.as_ref()).await?;
        let shared = Parts {
            store: Arc::clone(&store),
            epoch,
            policies: Arc::clone(&policies),
            fence: Arc::clone(&fence),
            escalation: Arc::clone(&escalation),
            arbiters: arbiters.clone(),
        };
        let gauge = GuardGauge::new(settings.guard);
        let (guarded, guard_gauge) = (Arc::clone(&gateway), Arc::clone(&gauge));
        let guard = Singleton::start(
            "guard/gateway",
            desk.clone(),
            settings.supervision.of(ActorKind::Guard),
            KindStats::new("guard"),
            Arc::clone(&escalation),
            move || Guard::new(Arc::clone(&guarded), Arc::clone(&guard_gauge)),
        );
        let world = Arc::new(World {
            calls: Entities::new(&shared, settings.supervision.of(ActorKind::Call)),
            drivers: Entities::new(&shared, settings.supervision.of(ActorKind::Driver)),
            payments: Entities::new(&shared, settings.supervision.of(ActorKind::Payment)),
            accounts: Entities::new(&shared, settings.supervision.of(ActorKind::Account)),
            boards: Boards::default(),
            hub: Hub::new(),
            policies,
            router,
            guard: GuardHandle::new(guard, &*gateway, gauge),
            dispatchers: Dispatchers::default(),
            timers: Timers::default(),
            repeats: Repeats::new(settings.supervision.default.backoff, settings.guard.retry),
            doubts: Doubts::default(),
            vault,
        });
        world.kinds().for_each(|kind| kind.connect(Arc::downgrade(&world)));
        losses::remember(&world, store.as_ref()).await?;
        recovery::recover(&world, &store, &terms).await?;
        world.dispatchers.start(
            &world,
            &desk,
            settings.dispatch,
            settings.supervision.of(ActorKind::Dispatcher),
            &escalation,
        );
        let (waker_world, waker_store) = (Arc::clone(&world), Arc::clone(&store));
        let waker = Singleton::start(
            "timers/timers",
            desk.clone(),
            settings.supervision.of(ActorKind::Readmodel),
            KindStats::new("timers"),
            Arc::clone(&escalation),
            move || Waker { world: Arc::clone(&waker_world), store: Arc::clone(&waker_store) },
        );
        let drain_world = Arc::clone(&world);
        let drain = Singleton::start(
            "drain/payments",
            desk.clone(),
            settings.supervision.of(ActorKind::Readmodel),
            KindStats::new("drain"),
            Arc::clone(&escalation),
            move || Drain(Arc::clone(&drain_world)),
        );
        desk.spawn(losses::heal_for_ever(Arc::clone(&world), Arc::clone(&store), fence));
        let ops = Ops::new(&world, Arc::clone(&store));
        ops.watch(drain);
        ops.watch(waker);
        Ok(Arc::new(Self { world, ops, store, payment_wait: settings.payment_wait }))
    }
}
