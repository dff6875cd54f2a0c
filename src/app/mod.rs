//! The composition root: the only place that names every adapter. It opens the store, the gateway and the read model,
//! starts the actors, and serves until it is told to stop.

mod backup;
mod commands;
mod failures;
mod losses;
mod money;
mod reconcile;
mod shutdown;

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use actix::Arbiter;

pub use commands::main;

use self::{
    failures::Failures,
    shutdown::{Reason, Shutdown},
};
use crate::{
    actors::{
        Engine, EngineParts, EngineSettings, Fence, Standing, StartError,
        ports::store::{Store, StoreError},
        supervision::{ActorKind, Escalation, KindStats, Singleton},
    },
    config::{self, Config, Problems, Sources, auth},
    domain::{call::Call, policy::Policies},
    gateway::{self, Simulation},
    http, persistence,
    readmodel::{self, Feeder, ReadModel},
    routing, telemetry, vault,
};

/// Why the server could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error("the configuration is wrong:\n{0}")]
    Config(#[from] Problems),
    /// There is no secret for signing tokens.
    #[error(transparent)]
    Secret(#[from] auth::SecretError),
    /// The store is new, and a read model knows of another one at its place.
    #[error(
        "the store {store:?} is new, but the read model {read_model:?} belongs to a former store ({lost}), which is lost. \
         Restore that store from a backup (a file with its -wal and -shm); to begin anew without it, move {read_model:?} away"
    )]
    StoreLost { store: String, read_model: PathBuf, lost: String },
    /// The server cannot listen on the address.
    #[error("cannot listen on {bind} (http.bind): {source}")]
    Bind {
        bind: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    OpenStore(#[from] persistence::OpenError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The actors cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The gateway cannot be opened.
    #[error(transparent)]
    OpenGateway(#[from] gateway::OpenError),
    /// A seal key is none.
    #[error("gateway.seal_keys: a key {0}")]
    SealKey(#[from] vault::NoKey),
    /// The router cannot be opened.
    #[error(transparent)]
    OpenRouter(#[from] routing::OpenError),
    /// The read model cannot be opened.
    #[error(transparent)]
    OpenReadModel(#[from] readmodel::OpenError),
    /// The metrics cannot be installed.
    #[error("the metrics cannot be installed: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The server failed while it ran.
    #[error("the server failed: {0}")]
    Serve(#[source] std::io::Error),
    /// Actors must survive panics, which a build that aborts on them cannot.
    #[error("this build aborts on panic; build it with panic = \"unwind\"")]
    AbortsOnPanic,
    /// Another process took over the store.
    #[error("another process has taken over the store; this one stops so that only one answers")]
    Fenced,
    /// An actor failed too often and its settings say that the process must end.
    #[error("{0} failed too often and is configured to escalate")]
    Escalated(Arc<str>),
}

/// Serves until a signal, a takeover or an escalation.
///
/// # Errors
/// Why it could not start, or did not end well.
pub async fn serve(sources: &Sources) -> Result<(), AppError> {
    let (config, policies) = config::load(sources)?;
    let policies = Arc::new(policies);
    telemetry::init(&config.log);
    if cfg!(panic = "abort") {
        return Err(AppError::AbortsOnPanic);
    }
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let secret = auth::secret(&config)?;
    let vault = Arc::new(config.gateway.vault(&secret)?);
    let listen = |bind| TcpListener::bind(bind).map_err(|source| AppError::Bind { bind, source });
    let listener = listen(config.http.bind)?;
    let for_operators = config.ops.bind.map(listen).transpose()?;
    let ops_address = for_operators.as_ref().map(TcpListener::local_addr).transpose().map_err(AppError::Serve)?;
    let metrics = http::metrics::install()?;
    telemetry::describe_metrics();
    let shutdown = Shutdown::on_signals();

    let store = persistence::open(&config.store).await?;
    let read_model = open_read_model(&config, store.as_ref(), &policies).await?;
    let opened = gateway::open(&config.gateway, &simulation(&config))?;

    let fence = Arc::new(Fence::default());
    let failures = Failures::new(&read_model, &shutdown);
    let parts = EngineParts {
        store: Arc::clone(&store),
        gateway: opened.gateway,
        router: routing::open(&config.routing)?,
        policies: Arc::clone(&policies),
        vault: Arc::clone(&vault),
        arbiters: (0..config.actors.thread_count()).map(|_| Arbiter::new().handle()).collect(),
        fence: Arc::clone(&fence),
        escalation: failures.escalation(),
    };
    actix::spawn(watch_fence(Arc::clone(&fence), shutdown.clone()));

    let keys = http::Keys::new(&secret, &config.auth.issuer, config.auth.leeway_s);
    let engine = Engine::start(parts, engine_settings(&config)).await?;
    failures.of(&engine);
    actix::spawn(losses::tell_of_losses(Arc::clone(&engine), Arc::clone(&store), Arc::clone(&read_model)));
    actix::spawn(money::MoneyWatch::new(&engine, &read_model, &config.gateway).watch());
    start_feeder(&engine, &config, &read_model, &store, failures.escalation());
    let state = http::State::new(http::Parts {
        engine: Arc::clone(&engine),
        read_model: Arc::clone(&read_model),
        store: Arc::clone(&store),
        drill: opened.drill,
        events: opened.events,
        keys: keys.clone(),
        vault,
        metrics: Some(metrics),
        ops_address,
        http: config.http.clone(),
        limits: config.limits.clone(),
    });
    state.lifecycle().ready();
    let address = listener.local_addr().map_err(AppError::Serve)?;
    let ops_address = ops_address.map(tracing::field::display);
    tracing::info!(%address, ops_address, store = ?config.store.url, "callout is ready");
    if auth::is_development(&config) {
        commands::print_development_tokens(&keys, address);
    }
    let listeners = std::iter::once(listener).chain(for_operators).collect();
    http::run(listeners, state, shutdown.clone().wait()).await.map_err(AppError::Serve)?;
    if fence.standing() != Standing::Fenced {
        let grace = Duration::from_secs(config.http.drain_announce_s + config.http.drain_grace_s);
        engine.save(shutdown.left_of(grace)).await;
    }
    // The read model first: its feeder ends with it, and would ask a store that is closed.
    read_model.close().await;
    store.close().await;
    tracing::info!("callout has stopped");
    shutdown.outcome()
}

/// The simulated gateway's ledger is kept beside the store: like that of a real one it outlives the process.
fn simulation(config: &Config) -> Simulation {
    Simulation { ledger: Some(config.store.data_dir().join("simulated-gateway.jsonl")), seed: None }
}

fn engine_settings(config: &Config) -> EngineSettings {
    EngineSettings {
        supervision: config.actors.supervision.clone(),
        guard: config.guard.within(config.gateway.pace()),
        dispatch: config.dispatch,
        payment_wait: Duration::from_millis(config.http.payment_wait_ms),
    }
}

async fn open_read_model(
    config: &Config,
    store: &dyn Store,
    policies: &Arc<Policies>,
) -> Result<Arc<ReadModel>, AppError> {
    let (settings, identity) = (config.readmodel(), store.identity().await?);
    let place = config.store.place();
    let is_new = store.owner().await?.0 == 0;
    if is_new && let Some((lost, read_model)) = ReadModel::predecessor_at(&settings, identity, &place).await? {
        return Err(AppError::StoreLost { store: place, read_model, lost });
    }
    let read_model = ReadModel::open(settings, identity, Arc::clone(policies)).await?;
    if let Err(error) = read_model.note_place(&place).await {
        tracing::warn!(%error, "the read model cannot note where its store is");
    }
    warn_of_missing_history(&read_model, store).await;
    Ok(read_model)
}

/// Says that the read model is older than what the store still has, as an older copy is, or one without its log.
async fn warn_of_missing_history(read_model: &ReadModel, store: &dyn Store) {
    let Ok(cursor) = read_model.cursor().await else { return };
    if matches!(store.has_forgotten(cursor).await, Ok(true)) {
        tracing::warn!(
            "the read model lacks events that the store has forgotten: calls that are open are shown as the store has them, and \
             histories have gaps. If the file is an older copy or lacks its -wal, stop the server and put the right one back"
        );
    }
}

/// Starts the read model's feeder under supervision.
fn start_feeder(
    engine: &Arc<Engine>,
    config: &Config,
    read_model: &Arc<ReadModel>,
    store: &Arc<dyn Store>,
    escalation: Escalation,
) {
    let asked = Arc::clone(engine);
    let eta: readmodel::Eta = Arc::new(move |call: &Call| asked.eta(call));
    let feeder = Feeder::new(Arc::clone(read_model), Arc::clone(store), Arc::clone(engine.hub()), eta);
    let actor = Singleton::start(
        "readmodel/readmodel",
        Arbiter::new().handle(),
        config.actors.supervision.of(ActorKind::Readmodel),
        KindStats::new(Feeder::KIND),
        escalation,
        move || feeder.clone(),
    );
    engine.ops.watch(actor);
}

/// Ends the process once another one has taken over.
async fn watch_fence(fence: Arc<Fence>, shutdown: Shutdown) {
    fence.raised().await;
    shutdown.now(Reason::Fenced);
}
