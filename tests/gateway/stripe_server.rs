//! A small server that speaks the Stripe protocol over real HTTP: keys, intents, refunds, and the ways it can fail.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::StatusCode,
    web::{self, Data, Form, Path, Query},
};
use serde_json::{Value, json};

/// The secret key that it accepts.
pub const API_KEY: &str = "sk_test_right";

type Fields = HashMap<String, String>;
type Shared = Arc<Mutex<Books>>;

/// What it knows.
#[derive(Default)]
pub struct Books {
    /// The first answer to each idempotency key.
    answers: HashMap<String, (StatusCode, Value)>,
    pub intents: Vec<Intent>,
    /// The forms of all refunds that it made.
    pub refunds: Vec<Fields>,
    /// The status of every refund.
    pub refund_status: &'static str,
    /// The paths of all requests, in order.
    pub heard: Vec<String>,
    /// Whether answers are about real money.
    pub livemode: bool,
}

/// An intent: the form it was opened with, and how it stands.
pub struct Intent {
    pub opened: Fields,
    pub status: &'static str,
    /// The methods that it was confirmed with.
    pub methods: Vec<String>,
    refused: Option<String>,
}

/// The running server; it stops when dropped.
pub struct StripeServer {
    pub address: SocketAddr,
    books: Shared,
    handle: ServerHandle,
}

impl StripeServer {
    pub fn start() -> Result<Self, std::io::Error> {
        let books = Shared::new(Mutex::new(Books { refund_status: "succeeded", ..Books::default() }));
        let shared = Data::new(Arc::clone(&books));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/v1/payment_intents", web::post().to(open))
                .route("/v1/payment_intents", web::get().to(check))
                .route("/v1/payment_intents/{id}", web::get().to(look))
                .route("/v1/payment_intents/{id}/confirm", web::post().to(confirm))
                .route("/v1/payment_intents/{id}/cancel", web::post().to(cancel))
                .route("/v1/refunds", web::post().to(create_refund))
                .route("/v1/refunds", web::get().to(list_refunds))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
        let address = server.addrs().first().copied().ok_or_else(|| std::io::Error::other("it is bound"))?;
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Ok(Self { address, books, handle })
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }
}

impl Drop for StripeServer {
    fn drop(&mut self) {
        // The order to stop is given at once; waiting for it is not needed.
        drop(self.handle.stop(false));
    }
}

fn lock(books: &Shared) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn refuse(status: u16, kind: &str, extra: Value) -> (StatusCode, Value) {
    let mut error = json!({"type": kind, "message": format!("{kind}, as asked for")});
    if let (Some(error), Value::Object(extra)) = (error.as_object_mut(), extra) {
        error.extend(extra);
    }
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), json!({ "error": error }))
}

fn respond((status, body): (StatusCode, Value)) -> HttpResponse {
    HttpResponse::build(status).json(body)
}

fn is_unauthorized(request: &HttpRequest) -> bool {
    header(request, "authorization") != format!("Bearer {API_KEY}") || header(request, "stripe-version").is_empty()
}

/// The answer to a key: the first one, when there is one.
fn once(request: &HttpRequest, books: &Shared, make: impl FnOnce(&mut Books) -> (StatusCode, Value)) -> HttpResponse {
    if is_unauthorized(request) {
        return respond(refuse(401, "invalid_request_error", json!({})));
    }
    let key = header(request, "idempotency-key").to_owned();
    let mut books = lock(books);
    books.heard.push(request.path().to_owned());
    if let Some(answer) = books.answers.get(&key) {
        return respond(answer.clone());
    }
    let answer = make(&mut books);
    let is_final = answer.0.is_success() || answer.0 == StatusCode::PAYMENT_REQUIRED || answer.0.is_server_error();
    if is_final && !key.is_empty() {
        books.answers.insert(key, answer.clone());
    }
    respond(answer)
}

impl Books {
    /// As if every idempotency key were too old.
    pub fn forget_keys(&mut self) {
        self.answers.clear();
    }

    fn show(&self, id: &str) -> (StatusCode, Value) {
        let Some(intent) = place(id).and_then(|place| self.intents.get(place)) else {
            return refuse(404, "invalid_request_error", json!({"code": "resource_missing", "param": "intent"}));
        };
        let amount: u64 = intent.opened.get("amount").and_then(|amount| amount.parse().ok()).unwrap_or_default();
        let shown = json!({
            "id": id,
            "object": "payment_intent",
            "status": intent.status,
            "amount": amount,
            "currency": intent.opened.get("currency"),
            "livemode": self.livemode,
            "client_secret": format!("{id}_secret"),
            "next_action": (intent.status == "requires_action").then(|| json!({"type": "use_stripe_sdk"})),
            "last_payment_error": intent.refused.as_ref().map(|message| json!({"type": "card_error", "message": message})),
        });
        (StatusCode::OK, shown)
    }
}

fn place(id: &str) -> Option<usize> {
    id.strip_prefix("pi_")?.parse::<usize>().ok()?.checked_sub(1)
}

async fn open(request: HttpRequest, books: Data<Shared>, Form(form): Form<Fields>) -> HttpResponse {
    once(&request, &books, |books| {
        let status = "requires_payment_method";
        books.intents.push(Intent { opened: form, status, methods: Vec::new(), refused: None });
        let id = format!("pi_{}", books.intents.len());
        books.show(&id)
    })
}

async fn confirm(
    request: HttpRequest,
    books: Data<Shared>,
    id: Path<String>,
    Form(form): Form<Fields>,
) -> HttpResponse {
    let method = form.get("payment_method").cloned().unwrap_or_default();
    let is_repeat = lock(&books).answers.contains_key(header(&request, "idempotency-key"));
    let response = once(&request, &books, |books| {
        let Some(intent) = place(&id).and_then(|place| books.intents.get_mut(place)) else {
            return refuse(404, "invalid_request_error", json!({"code": "resource_missing", "param": "intent"}));
        };
        if !matches!(intent.status, "requires_payment_method" | "requires_confirmation") {
            return refuse(400, "invalid_request_error", json!({"code": "payment_intent_unexpected_state"}));
        }
        intent.methods.push(method.clone());
        match method.as_str() {
            "pm_ok" | "pm_silent" | "pm_garbled" => intent.status = "succeeded",
            "pm_processing" => intent.status = "processing",
            "pm_action" => intent.status = "requires_action",
            "pm_declined" => {
                intent.refused = Some("card_error, as asked for".to_owned());
                return refuse(402, "card_error", json!({"code": "card_declined"}));
            }
            "pm_used" => return refuse(400, "invalid_request_error", json!({})),
            "pm_busy" => return refuse(409, "idempotency_error", json!({"code": "idempotency_key_in_use"})),
            "pm_limited" => return refuse(429, "invalid_request_error", json!({"code": "rate_limit"})),
            "pm_broken" => return refuse(500, "api_error", json!({})),
            "pm_between" => return (StatusCode::BAD_GATEWAY, json!({})),
            "pm_moved" => return (StatusCode::FOUND, json!({})),
            _ => {
                let details = json!({"param": "payment_method", "code": "resource_missing"});
                return refuse(400, "invalid_request_error", details);
            }
        }
        books.show(&id)
    });
    match method.as_str() {
        "pm_silent" if !is_repeat => {
            actix_rt::time::sleep(Duration::from_secs(60)).await;
            response
        }
        "pm_garbled" => HttpResponse::Ok().body("{\"id\": \"pi_"),
        "pm_limited" => {
            let mut response = response;
            let wait = actix_web::http::header::HeaderValue::from_static("7");
            response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, wait);
            response
        }
        _ => response,
    }
}

async fn look(request: HttpRequest, books: Data<Shared>, id: Path<String>) -> HttpResponse {
    once(&request, &books, |books| books.show(&id))
}

async fn cancel(request: HttpRequest, books: Data<Shared>, id: Path<String>) -> HttpResponse {
    once(&request, &books, |books| {
        let Some(intent) = place(&id).and_then(|place| books.intents.get_mut(place)) else {
            return refuse(404, "invalid_request_error", json!({"code": "resource_missing", "param": "intent"}));
        };
        if matches!(intent.status, "succeeded" | "processing") {
            return refuse(400, "invalid_request_error", json!({"code": "payment_intent_unexpected_state"}));
        }
        intent.status = "canceled";
        books.show(&id)
    })
}

async fn check(request: HttpRequest, books: Data<Shared>) -> HttpResponse {
    once(&request, &books, |_| (StatusCode::OK, json!({"object": "list", "data": []})))
}

async fn create_refund(request: HttpRequest, books: Data<Shared>, Form(form): Form<Fields>) -> HttpResponse {
    once(&request, &books, |books| {
        let intent = form.get("payment_intent").and_then(|id| books.intents.get(place(id)?));
        if intent.is_none_or(|intent| intent.status != "succeeded") {
            return refuse(400, "invalid_request_error", json!({"param": "payment_intent"}));
        }
        let is_same = |known: &&Fields| known.get("payment_intent") == form.get("payment_intent");
        if books.refunds.iter().any(|known| is_same(&known)) && books.refund_status != "failed" {
            return refuse(400, "invalid_request_error", json!({"code": "charge_already_refunded"}));
        }
        books.refunds.push(form);
        let id = format!("re_{}", books.refunds.len());
        (StatusCode::OK, json!({"id": id, "object": "refund", "status": books.refund_status}))
    })
}

async fn list_refunds(request: HttpRequest, books: Data<Shared>, query: Query<Fields>) -> HttpResponse {
    once(&request, &books, |books| {
        let of = |form: &&Fields| form.get("payment_intent") == query.get("payment_intent");
        let status = books.refund_status;
        let found: Vec<Value> =
            books.refunds.iter().filter(of).map(|_| json!({"id": "re_1", "status": status})).collect();
        (StatusCode::OK, json!({"object": "list", "data": found, "has_more": false}))
    })
}
