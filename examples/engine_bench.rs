//! How fast the engine is without a front end: whole lifecycles per second, and recovery of live calls.
//!
//! `cargo run --release --example engine_bench -- [STORE_URL] [LIFECYCLES] [LIVE_CALLS]`; the default store is a SQLite file
//! in a temporary folder. Prints what it measured on this machine; it judges nothing.

use std::{
    error::Error,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix::Arbiter;
use callout::{
    actors::{
        Cause, Engine, EngineParts, EngineSettings, Fence,
        dispatcher::DispatchSettings,
        guard::GuardSettings,
        ports::store::Store,
        supervision::{Failure, SupervisionSettings, SupervisionTable},
    },
    clock,
    config::{Sources, policies},
    domain::{
        Asker, CallId, Currency, CustomerId, DriverId, LatLng, Money, Party, Place, ServiceId, call::Request,
        driver::Profile, payment::Method,
    },
    gateway::{GatewaySettings, Simulation},
    persistence::{self, StoreSettings},
};
use futures_util::{StreamExt, stream};

type Done = Result<(), Box<dyn Error>>;

/// Drivers, each of whom serves one call after the other.
const DRIVERS: usize = 256;

fn main() -> Done {
    actix_rt::System::new().block_on(run())
}

async fn run() -> Done {
    let folder = tempfile::tempdir()?;
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let lifecycles: usize = args.next().map_or(Ok(10_000), |text| text.parse())?;
    let live: usize = args.next().map_or(Ok(10_000), |text| text.parse())?;
    let mut out = std::io::stdout();

    let (engine, _) = start(&url).await?;
    let drivers = register_drivers(&engine).await?;
    let begun = Instant::now();
    serve(&engine, &drivers, lifecycles).await;
    let took = begun.elapsed();
    writeln!(out, "{lifecycles} lifecycles in {took:.2?}: {:.0}/s", lifecycles as f64 / took.as_secs_f64())?;

    stream::iter(0..live)
        .for_each_concurrent(512, |_| async {
            engine.request_call(request(None), cause()).await.expect("taken");
        })
        .await;
    drop(engine);
    let (_, recovery) = start(&url).await?;
    writeln!(out, "{live} live calls recovered in {recovery:.2?}")?;
    Ok(())
}

async fn start(url: &str) -> Result<(Arc<Engine>, Duration), Box<dyn Error>> {
    let store: Arc<dyn Store> = persistence::open(&StoreSettings::default().at(url)).await?;
    let parts = EngineParts {
        store,
        gateway: callout::gateway::open(&GatewaySettings::default(), &Simulation::default())?.gateway,
        router: Arc::new(callout::routing::GreatCircle),
        policies: Arc::new(policies(&Sources::default(), &GatewaySettings::default()).map_err(|p| p.to_string())?),
        vault: Arc::new(GatewaySettings::default().vault(&"bench".into())?),
        arbiters: (0..2).map(|_| Arbiter::new().handle()).collect(),
        fence: Arc::new(Fence::default()),
        escalation: Arc::new(|_: &Failure| {}),
    };
    let supervision = SupervisionSettings { mailbox_max: 100_000, ..SupervisionSettings::default() };
    let settings = EngineSettings {
        supervision: SupervisionTable::all(supervision),
        guard: GuardSettings { rate_per_s: Some(1_000_000), burst: Some(1_000_000), ..GuardSettings::default() },
        dispatch: DispatchSettings::default(),
        payment_wait: Duration::from_secs(30),
    };
    let begun = Instant::now();
    let engine = Engine::start(parts, settings).await?;
    Ok((engine, begun.elapsed()))
}

async fn register_drivers(engine: &Engine) -> Result<Vec<DriverId>, Box<dyn Error>> {
    let mut drivers = Vec::new();
    for number in 0..DRIVERS {
        let id = DriverId::new(format!("driver-{number}"))?;
        let profile =
            Profile { service: ServiceId::new("driver-call")?, name: id.to_string(), phone: None, plate: None };
        engine.register_driver(&id, profile.into(), Some(pickup(number)), Asker::new(Party::System), cause()).await?;
        engine.set_availability(&id, true, Asker::new(Party::System), cause()).await?;
        drivers.push(id);
    }
    Ok(drivers)
}

async fn serve(engine: &Arc<Engine>, drivers: &[DriverId], lifecycles: usize) {
    let begun = AtomicUsize::new(0);
    stream::iter(drivers.iter().enumerate())
        .for_each_concurrent(drivers.len() / 2, |(number, driver)| {
            let begun = &begun;
            async move {
                while begun.fetch_add(1, Ordering::Relaxed) < lifecycles {
                    serve_one(engine, number, driver).await;
                }
            }
        })
        .await;
}

async fn serve_one(engine: &Engine, number: usize, _: &DriverId) {
    let mut request = request(Some("tok_ok"));
    request.pickup = Place::new(pickup(number), None).expect("a place");
    let call = engine.request_call(request, cause()).await.expect("paid");
    let driver = loop {
        let now = engine.call(&call.id).await.expect("an answer").expect("a call");
        let offered = match &now.phase {
            callout::domain::call::Phase::Dispatching(search) => {
                search.open_offers().map(|(driver, _)| driver.clone()).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        let mut taken = None;
        for driver in offered {
            if engine.accept(&call.id, &driver, cause()).await.is_ok() {
                taken = Some(driver);
                break;
            }
        }
        if let Some(driver) = taken {
            break driver;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    engine.start_call(&call.id, Party::Driver(driver.clone()), cause()).await.expect("started");
    engine.complete(&call.id, Party::Driver(driver), cause()).await.expect("completed");
}

fn pickup(number: usize) -> LatLng {
    let offset = number as f64 * 0.0004;
    LatLng::new(37.46 + offset, 127.03).expect("on earth")
}

fn request(method: Option<&str>) -> Request {
    Request {
        id: CallId::new(format!("call_{}", clock::ordered_id().simple())).expect("an id"),
        service: ServiceId::new("driver-call").expect("an id"),
        customer_id: CustomerId::new("ann").expect("an id"),
        pickup: Place::new(pickup(0), None).expect("a place"),
        dropoff: None,
        note: None,
        request_fingerprint: None,
        driver_id: None,
        period: None,
        candidates: Vec::new(),
        fare: Money::new(20_000, Currency::KRW),
        method: method.map(|method| Method(method.to_owned())),
    }
}

fn cause() -> Cause {
    Cause::fresh("bench")
}
