//! The composition root: the only place that names every adapter. It opens the store, the gateway and the read model,
//! starts the actors, and serves until it is told to stop.

mod commands;
mod failures;
mod logging;
mod settings;
mod shutdown;

use std::{
    net::{SocketAddr, TcpListener},
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
        Engine, EngineParts, Fence,
        ports::store::{Store, StoreError},
        supervision::{Escalation, KindStats, Singleton},
    },
    config::{Config, Problems, Sources, auth},
    domain::{call::Call, policy::Policies},
    gateway, http, persistence,
    readmodel::{self, Feeder, ReadModel, ReadModelSettings},
    routing,
};

/// Why the server could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error("the configuration is wrong:\n{0}")]
    Config(#[from] Problems),
    /// There is no secret to sign tokens with.
    #[error(transparent)]
    Secret(#[from] auth::SecretError),
    /// The address cannot be listened on.
    #[error("cannot listen on {bind} (http.bind): {source}")]
    Bind {
        /// Which.
        bind: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    OpenStore(#[from] persistence::OpenError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway cannot be opened.
    #[error(transparent)]
    OpenGateway(#[from] gateway::OpenError),
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
    let config = Config::load(sources)?;
    let policies = Arc::new(crate::config::policies(sources)?);
    logging::init(&config.log);
    if cfg!(panic = "abort") {
        return Err(AppError::AbortsOnPanic);
    }
    let secret = auth::secret(&config)?;
    let bind = config.http.bind;
    let listener = TcpListener::bind(bind).map_err(|source| AppError::Bind { bind, source })?;
    let metrics = http::metrics::install()?;
    let shutdown = Shutdown::on_signals();

    let store = persistence::open(config.store.url.as_str(), &settings::store(&config)).await?;
    let read_model = open_read_model(&config, store.as_ref(), &policies).await?;
    let opened = gateway::open(&settings::gateway(&config))?;

    let fence = Arc::new(Fence::default());
    let failures = Failures::new(&read_model, &shutdown);
    let parts = EngineParts {
        store: Arc::clone(&store),
        gateway: opened.gateway,
        router: routing::open(&settings::routing(&config))?,
        policies: Arc::clone(&policies),
        arbiters: settings::arbiter_count(&config).map(|_| Arbiter::new().handle()).collect(),
        fence: Arc::clone(&fence),
        escalation: failures.escalation(),
    };
    actix::spawn(watch_fence(fence, shutdown.clone()));

    let keys = http::Keys::new(&secret, &config.auth.issuer, config.auth.leeway_s);
    let engine = Engine::start(parts, settings::engine(&config)).await?;
    failures.of(&engine);
    start_feeder(&engine, &config, &read_model, &store, failures.escalation());
    let state = http::State::new(http::Parts {
        engine,
        read_model: Arc::clone(&read_model),
        store: Arc::clone(&store),
        drill: opened.drill,
        keys: keys.clone(),
        metrics: Some(metrics),
        http: config.http.clone(),
        limits: config.limits.clone(),
    });
    state.lifecycle().ready();
    let address = listener.local_addr().map_err(AppError::Serve)?;
    tracing::info!(%address, store = ?config.store.url, "callout is ready");
    if auth::is_development(&config) {
        commands::print_development_tokens(&keys, address);
    }
    http::run(listener, state, shutdown.clone().wait()).await.map_err(AppError::Serve)?;
    store.close().await;
    read_model.close().await;
    tracing::info!("callout has stopped");
    shutdown.outcome()
}

async fn open_read_model(
    config: &Config,
    store: &dyn Store,
    policies: &Arc<Policies>,
) -> Result<Arc<ReadModel>, AppError> {
    let section = &config.readmodel;
    let settings = ReadModelSettings {
        batch_max: section.batch_max as usize,
        poll: Duration::from_millis(section.poll_ms),
        ..ReadModelSettings::new(config.readmodel_url().rest())
    };
    Ok(ReadModel::open(settings, store.identity().await?, Arc::clone(policies)).await?)
}

/// Starts the read model's feeder under supervision.
fn start_feeder(
    engine: &Arc<Engine>,
    config: &Config,
    read_model: &Arc<ReadModel>,
    store: &Arc<dyn Store>,
    escalation: Escalation,
) {
    let world = Arc::clone(engine.world());
    let eta: readmodel::Eta = Arc::new(move |call: &Call| {
        let driver = call.phase.current_driver()?;
        let fix = world.boards.supply.position(&driver.id)?;
        world.eta_of_call(call, fix.position)
    });
    let feeder = Feeder::new(Arc::clone(read_model), Arc::clone(store), Arc::clone(&engine.hub), eta);
    let actor = Singleton::start(
        "readmodel/readmodel",
        Arbiter::new().handle(),
        settings::supervision(config, crate::config::ActorKind::Readmodel),
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
