//! The bare server. It checks tokens' presence only, holds nothing, and writes what the real one has to write: for each
//! command a snapshot, its events and its deadlines in one commit. All commits travel through one pipelined connection.
//!
//! The round trips are those that the real server was counted to make for a lifecycle, one call at a time, by
//! `callout_store_commits_total`: request 4 (the call, the payment's intent, its outcome, the paid call with its offers),
//! accept 4 (the driver holds itself, the call takes it, the driver is engaged, effects are acknowledged), start 1,
//! complete 2. Each waits for the one before, as those of one lifecycle do.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

/// What a snapshot of the real server is long, bytes: about so much.
const SNAPSHOT_BYTES: usize = 700;

/// The one service, as `GET /v1/services` shows it.
const SERVICES: &str = r#"{"items":[{"id":"driver-call","policy":{"found_by":"offer","confirmed_by":"driver",
    "period":"none","payment_due":"with_request","start":["driver"],"complete":["driver"]}}]}"#;

#[derive(Deserialize, Serialize)]
struct NewCall {
    service: String,
    pickup: Position,
    #[serde(default)]
    dropoff: Option<Position>,
    #[serde(default)]
    payment: Option<Payment>,
}

#[derive(Deserialize, Serialize, Clone, Copy)]
struct Position {
    lat: f64,
    lng: f64,
}

#[derive(Deserialize, Serialize)]
struct Payment {
    method: String,
}

#[derive(Serialize)]
struct Money {
    amount: u64,
    currency: &'static str,
}

#[derive(Serialize)]
struct PaymentView {
    status: &'static str,
    charged: Money,
}

#[derive(Serialize)]
struct CallView<'a> {
    id: &'a str,
    service: &'a str,
    status: &'static str,
    customer_id: &'static str,
    pickup: Position,
    fare: Money,
    payment: PaymentView,
    version: u64,
    created_at: &'static str,
    updated_at: &'static str,
}

/// Serves until it is told to stop.
///
/// # Errors
/// When Redis is not there or the address is taken.
pub fn serve(store: &str, bind: &str) -> Result<()> {
    let (store, bind) = (store.to_owned(), bind.to_owned());
    actix_web::rt::System::new().block_on(async move {
        let redis = connect(&store).await?;
        start(redis, &bind)?.0.await.context("the bare server")
    })
}

/// Starts it in this system. Its future and its address.
pub(super) fn start(
    redis: MultiplexedConnection,
    bind: &str,
) -> Result<(actix_web::dev::Server, std::net::SocketAddr)> {
    let app = move || {
        App::new()
            .app_data(web::Data::new(redis.clone()))
            .route("/health/ready", web::get().to(HttpResponse::Ok))
            .route("/v1/services", web::get().to(services))
            .route("/v1/quotes", web::post().to(HttpResponse::Ok))
            .route("/v1/calls", web::post().to(request))
            .route("/v1/calls/{id}/{command}", web::post().to(command))
            .route("/v1/drivers/{id}", web::put().to(HttpResponse::Ok))
            .route("/v1/drivers/{id}/availability", web::put().to(HttpResponse::Ok))
    };
    let server = HttpServer::new(app).workers(2).bind(bind).with_context(|| format!("the address {bind}"))?;
    let address = server.addrs().first().copied().context("the bare server has no address")?;
    Ok((server.run(), address))
}

pub(super) async fn connect(store: &str) -> Result<MultiplexedConnection> {
    let client = redis::Client::open(store).with_context(|| format!("--store {store}"))?;
    client.get_multiplexed_async_connection().await.with_context(|| format!("Redis at {store}"))
}

async fn services() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(SERVICES)
}

async fn request(redis: web::Data<MultiplexedConnection>, body: web::Json<NewCall>) -> HttpResponse {
    static NUMBERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let id = format!("call_{}", NUMBERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    answer(&redis, &id, "dispatching", 4, body.pickup, 201).await
}

async fn command(redis: web::Data<MultiplexedConnection>, path: web::Path<(String, String)>) -> HttpResponse {
    let (id, command) = path.into_inner();
    let (status, commits) = match command.as_str() {
        "accept" => ("assigned", 4),
        "start" => ("started", 1),
        "complete" => ("completed", 2),
        _ => ("cancelled", 4),
    };
    answer(&redis, &id, status, commits, Position { lat: 37.5, lng: 127.0 }, 200).await
}

/// Commits one after the other, as the real server has to, then answers.
async fn answer(
    redis: &web::Data<MultiplexedConnection>,
    id: &str,
    status: &'static str,
    commits: u64,
    pickup: Position,
    code: u16,
) -> HttpResponse {
    for commit in 0..commits {
        if write(redis.get_ref().clone(), id, commit).await.is_err() {
            return HttpResponse::ServiceUnavailable().finish();
        }
    }
    let fare = Money { amount: 20_000, currency: "KRW" };
    let payment = PaymentView { status: "charged", charged: Money { amount: 20_000, currency: "KRW" } };
    let time = "2026-01-01T00:00:00Z";
    let view = CallView {
        id,
        service: "driver-call",
        status,
        customer_id: "nobody",
        pickup,
        fare,
        payment,
        version: commits,
        created_at: time,
        updated_at: time,
    };
    HttpResponse::build(actix_web::http::StatusCode::from_u16(code).unwrap_or_default()).json(view)
}

/// One commit: snapshot, event and deadline in one round trip.
async fn write(mut redis: MultiplexedConnection, id: &str, commit: u64) -> redis::RedisResult<()> {
    let snapshot = "x".repeat(SNAPSHOT_BYTES);
    let mut pipeline = redis::pipe();
    pipeline.atomic();
    pipeline
        .cmd("HSET")
        .arg(format!("ceiling:{id}:{}", commit % 2))
        .arg("v")
        .arg(commit)
        .arg("s")
        .arg(&snapshot)
        .ignore();
    pipeline
        .cmd("XADD")
        .arg("ceiling:events")
        .arg("MAXLEN")
        .arg("~")
        .arg(100_000)
        .arg("*")
        .arg("e")
        .arg(&snapshot[..200])
        .ignore();
    pipeline.cmd("ZADD").arg("ceiling:due").arg(commit).arg(id).ignore();
    pipeline.query_async(&mut redis).await
}
