//! Starting the engine: take the shards, make the world, bring back what is live, and only then wake anybody.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Arbiter, ArbiterHandle};

use super::{Engine, recovery};
use crate::{
    actors::{
        Fence, Ops, World,
        boards::Boards,
        dispatcher::{DispatchSettings, Dispatchers},
        drain::Drain,
        entities,
        entity::{Entities, Parts},
        fence::keep_asking,
        guard::{Guard, GuardGauge, GuardHandle, GuardSettings},
        hub::Hub,
        ports::{
            gateway::PaymentGateway,
            routing::Router,
            store::{Store, StoreError},
        },
        supervision::{Escalation, KindStats, Singleton, SupervisionSettings, install_panic_hook},
        timers::{Timers, Waker},
        world::Repeats,
    },
    domain::policy::Policies,
};

/// How the actors run.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Supervision of calls.
    pub call: SupervisionSettings,
    /// Supervision of drivers.
    pub driver: SupervisionSettings,
    /// Supervision of payments.
    pub payment: SupervisionSettings,
    /// Supervision of dispatchers.
    pub dispatcher: SupervisionSettings,
    /// Supervision of the payment guard.
    pub guard_supervision: SupervisionSettings,
    /// Supervision of supporting actors that have no section of their own.
    pub support: SupervisionSettings,
    /// The payment guard's limits.
    pub guard: GuardSettings,
    /// The dispatchers' pace.
    pub dispatch: DispatchSettings,
    /// How owed effects are repeated.
    pub repeats: Repeats,
    /// How long a request waits for its payment's outcome.
    pub payment_wait: Duration,
}

/// What the engine is plugged into.
pub struct EngineParts {
    /// Where committed truth lives.
    pub store: Arc<dyn Store>,
    /// Who takes payments.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Who knows the roads.
    pub router: Arc<dyn Router>,
    /// The services' rules.
    pub policies: Arc<Policies>,
    /// Where actors run; at least one.
    pub arbiters: Vec<ArbiterHandle>,
    /// Raised when another process takes over: this one must end.
    pub fence: Arc<Fence>,
    /// Told when the process should not go on.
    pub escalation: Escalation,
}

impl Engine {
    /// Takes over every shard, brings back what is live, and starts the supporting actors.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn start(parts: EngineParts, settings: EngineSettings) -> Result<Arc<Self>, StoreError> {
        install_panic_hook();
        entities::show_metrics();
        let EngineParts { store, gateway, router, policies, arbiters, fence, escalation } = parts;
        let asked = Instant::now();
        let epoch = store.take_ownership().await?;
        fence.confirm(asked);
        // A thread of their own: under load the entities' threads have a long queue, in which nobody may wait who has to be
        // in time, or whom every call asks.
        let desk = Arbiter::new().handle();
        desk.spawn(keep_asking(Arc::clone(&fence), Arc::clone(&store), epoch));
        tracing::info!(epoch = epoch.0, "this process owns every shard");
        let shared = Parts {
            store: Arc::clone(&store),
            epoch,
            policies: Arc::clone(&policies),
            fence,
            escalation: Arc::clone(&escalation),
            arbiters: arbiters.clone(),
        };
        let gauge = GuardGauge::new(settings.guard);
        let guard_gauge = Arc::clone(&gauge);
        let guard = Singleton::start(
            "guard/gateway",
            desk.clone(),
            settings.guard_supervision,
            KindStats::new("guard"),
            Arc::clone(&escalation),
            move || Guard::new(Arc::clone(&gateway), Arc::clone(&guard_gauge)),
        );
        let world = Arc::new(World {
            calls: Entities::new(&shared, settings.call),
            drivers: Entities::new(&shared, settings.driver),
            payments: Entities::new(&shared, settings.payment),
            boards: Boards::default(),
            hub: Hub::new(),
            policies,
            router,
            guard: GuardHandle::new(guard, gauge),
            dispatchers: Dispatchers::default(),
            timers: Timers::default(),
            repeats: settings.repeats,
        });
        world.calls.connect(Arc::downgrade(&world));
        world.drivers.connect(Arc::downgrade(&world));
        world.payments.connect(Arc::downgrade(&world));
        recovery::recover(&world, &store).await?;
        world.dispatchers.start(&world, &desk, settings.dispatch, settings.dispatcher, &escalation);
        let waker_world = Arc::clone(&world);
        let timers = Singleton::start(
            "timers/timers",
            desk.clone(),
            settings.support,
            KindStats::new("timers"),
            Arc::clone(&escalation),
            move || Waker(Arc::clone(&waker_world)),
        );
        let drain_world = Arc::clone(&world);
        let drain = Singleton::start(
            "drain/payments",
            desk.clone(),
            settings.support,
            KindStats::new("drain"),
            Arc::clone(&escalation),
            move || Drain(Arc::clone(&drain_world)),
        );
        let ops = Ops::new(&world, Arc::clone(&store));
        ops.watch(drain);
        ops.watch(timers);
        Ok(Arc::new(Self { world, ops, store, payment_wait: settings.payment_wait }))
    }
}
