//! What the tests of this folder share: an engine on a store of its own, with a simulated gateway.

use std::{path::PathBuf, sync::Arc, time::Duration};

use actix::Arbiter;
use callout::{
    actors::{
        Cause, Engine, EngineParts, EngineSettings, Fence,
        backoff::BackoffSettings,
        dispatcher::DispatchSettings,
        guard::GuardSettings,
        ports::{gateway::GatewayDrill, store::Store},
        supervision::{Failure, Intensity, SupervisionSettings, SupervisionTable},
    },
    clock,
    config::{Sources, policies},
    domain::{
        Asker, CallId, CustomerId, DriverId, LatLng, Party, Place, ServiceId,
        call::{Call, Request},
        driver::{Driver, Profile},
        payment::Method,
    },
    gateway::{GatewaySettings, OpenGateway, Simulation},
    persistence::{self, StoreSettings},
    routing::GreatCircle,
    settings::Overlay,
};

/// What a test returns.
pub type Tested = Result<(), Box<dyn std::error::Error>>;

/// An engine with everything it is plugged into.
pub struct Bench {
    pub engine: Arc<Engine>,
    pub drill: Arc<dyn GatewayDrill>,
    pub store: Arc<dyn Store>,
    folder: PathBuf,
    kept: Option<tempfile::TempDir>,
}

impl Bench {
    /// On a new store.
    pub async fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().to_owned();
        Ok(Self { kept: Some(folder), ..Self::on(path).await? })
    }

    /// On a new store, with `passivate_after_s = 0`.
    pub async fn that_keeps_all_in_memory() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().to_owned();
        Ok(Self { kept: Some(folder), ..Self::with(path, settings(0)).await? })
    }

    /// On the store in a folder, as after a restart.
    pub async fn on(folder: PathBuf) -> Result<Self, Box<dyn std::error::Error>> {
        Self::with(folder, settings(SupervisionSettings::default().passivate_after_s)).await
    }

    async fn with(folder: PathBuf, settings: EngineSettings) -> Result<Self, Box<dyn std::error::Error>> {
        let url = format!("sqlite://{}", folder.join("callout.db").display());
        let store = persistence::open(&StoreSettings::default().at(&url)).await?;
        let ledger = Some(folder.join("ledger.jsonl"));
        let OpenGateway { gateway, drill, .. } =
            callout::gateway::open(&GatewaySettings::default(), &Simulation { ledger, seed: Some(1) })?;
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config");
        let sources = Sources { dir: Some(dir), files: Vec::new(), env: Vec::new() };
        let parts = EngineParts {
            store: Arc::clone(&store),
            gateway,
            router: Arc::new(GreatCircle),
            policies: Arc::new(
                policies(&sources, &GatewaySettings::default()).map_err(|problems| problems.to_string())?,
            ),
            vault: Arc::new(GatewaySettings::default().vault(&"test".into())?),
            arbiters: vec![Arbiter::new().handle(), Arbiter::new().handle()],
            fence: Arc::new(Fence::default()),
            escalation: Arc::new(|_: &Failure| {}),
        };
        let engine = Engine::start(parts, settings).await?;
        Ok(Self { engine, drill: drill.ok_or("the simulated gateway has a drill")?, store, folder, kept: None })
    }

    /// The store's file.
    pub fn database(&self) -> PathBuf {
        self.folder.join("callout.db")
    }

    /// A second engine takes over the same store, as after a crash of the first, which is fenced.
    pub async fn taken_over(mut self) -> Result<Self, Box<dyn std::error::Error>> {
        let kept = self.kept.take();
        Ok(Self { kept, ..Self::on(self.folder.clone()).await? })
    }

    /// A driver at the pickup who wants calls.
    pub async fn driver(&self, id: &str) -> Result<DriverId, Box<dyn std::error::Error>> {
        let driver = DriverId::new(id)?;
        let profile = Profile { service: service(), name: id.to_owned(), phone: None, plate: None };
        self.engine
            .register_driver(&driver, profile.into(), Some(gangnam()), Asker::new(Party::System), cause())
            .await?;
        self.engine.set_availability(&driver, true, Asker::new(Party::System), cause()).await?;
        Ok(driver)
    }

    /// A call by `ann`, paid with that method.
    pub async fn request(&self, method: Option<&str>) -> Result<Arc<Call>, callout::actors::CallError> {
        self.engine.request_call(request(method), cause()).await
    }

    /// The call as it is now.
    pub async fn call(&self, id: &CallId) -> Arc<Call> {
        self.engine.call(id).await.expect("an answer").expect("a call")
    }

    /// The driver as it is now.
    pub async fn driver_now(&self, id: &DriverId) -> Arc<Driver> {
        self.engine.driver(id).await.expect("an answer").expect("a driver")
    }

    /// How often money went that way for a call.
    pub fn ledger(&self, call: &CallId) -> usize {
        self.drill.ledger(Some(call.as_str()), usize::MAX, 0).expect("the ledger").len()
    }
}

/// Quick to restart and to repeat.
fn settings(passivate_after_s: u64) -> EngineSettings {
    let supervision = SupervisionSettings {
        backoff: BackoffSettings { initial_ms: 10, factor: 2.0, max_ms: 100, jitter: 0.0 },
        intensity: Intensity { restarts_max: 3, window_s: 60 },
        passivate_after_s,
        ..SupervisionSettings::default()
    };
    let mailbox = |messages: u32| Overlay::new(toml::Table::from_iter([("mailbox_max".to_owned(), messages.into())]));
    EngineSettings {
        supervision: SupervisionTable {
            dispatcher: mailbox(10_000),
            guard: mailbox(10_000),
            ..SupervisionTable::all(supervision)
        },
        guard: GuardSettings { retry: supervision.backoff, ..GuardSettings::default() },
        dispatch: DispatchSettings { tick_ms: 100, ..DispatchSettings::default() },
        payment_wait: Duration::from_secs(8),
    }
}

pub fn service() -> ServiceId {
    ServiceId::new("driver-call").expect("an id")
}

pub fn gangnam() -> LatLng {
    LatLng::new(37.4979, 127.0276).expect("on earth")
}

pub fn cause() -> Cause {
    Cause::fresh("test")
}

pub fn ann() -> Party {
    Party::Customer(CustomerId::new("ann").expect("an id"))
}

pub fn request(method: Option<&str>) -> Request {
    let fare = callout::domain::Money::new(20_000, callout::domain::Currency::KRW);
    Request {
        id: CallId::new(format!("call_{}", clock::random_id().simple())).expect("an id"),
        service: service(),
        customer_id: CustomerId::new("ann").expect("an id"),
        pickup: Place::new(gangnam(), None).expect("a place"),
        dropoff: Some(Place::new(gangnam(), None).expect("a place")),
        note: None,
        fare,
        request_fingerprint: None,
        driver_id: None,
        period: None,
        candidates: Vec::new(),
        method: method.map(|method| Method(method.to_owned())),
    }
}

/// Waits until something is so.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    for _ in 0..1_000 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came about that {what}");
}
