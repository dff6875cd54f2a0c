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
    /// The forms of all intents that it made.
    pub intents: Vec<Fields>,
    /// The forms of all refunds that it made.
    pub refunds: Vec<Fields>,
    /// Whether the search already finds what was made.
    pub is_indexed: bool,
    /// The status of new refunds.
    pub refund_status: &'static str,
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
                .route("/v1/payment_intents", web::post().to(create_intent))
                .route("/v1/payment_intents/search", web::get().to(search))
                .route("/v1/refunds", web::post().to(create_refund))
                .route("/v1/refunds/{id}", web::get().to(read_refund))
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

async fn create_intent(request: HttpRequest, books: Data<Shared>, Form(form): Form<Fields>) -> HttpResponse {
    let method = form.get("payment_method").cloned().unwrap_or_default();
    let is_repeat = lock(&books).answers.contains_key(header(&request, "idempotency-key"));
    let response = once(&request, &books, |books| match method.as_str() {
        "pm_ok" | "pm_silent" | "pm_garbled" => make_intent(books, form, "succeeded"),
        "pm_processing" => make_intent(books, form, "processing"),
        "pm_declined" => refuse(402, "card_error", json!({"code": "card_declined"})),
        "pm_busy" => refuse(409, "invalid_request_error", json!({"code": "idempotency_key_in_use"})),
        "pm_limited" => refuse(429, "rate_limit_error", json!({})),
        "pm_broken" => refuse(500, "api_error", json!({})),
        "pm_moved" => (StatusCode::FOUND, json!({})),
        _ => refuse(400, "invalid_request_error", json!({"param": "payment_method", "code": "resource_missing"})),
    });
    match method.as_str() {
        "pm_silent" if !is_repeat => {
            actix_rt::time::sleep(Duration::from_secs(60)).await;
            response
        }
        "pm_garbled" => HttpResponse::Ok().body("{\"id\": \"pi_"),
        _ => response,
    }
}

fn make_intent(books: &mut Books, form: Fields, status: &str) -> (StatusCode, Value) {
    books.intents.push(form);
    (StatusCode::OK, json!({"id": format!("pi_{}", books.intents.len()), "object": "payment_intent", "status": status}))
}

async fn create_refund(request: HttpRequest, books: Data<Shared>, Form(form): Form<Fields>) -> HttpResponse {
    once(&request, &books, |books| {
        if books.refunds.iter().any(|known| known.get("payment_intent") == form.get("payment_intent")) {
            return refuse(400, "invalid_request_error", json!({"code": "charge_already_refunded"}));
        }
        books.refunds.push(form);
        let id = format!("re_{}", books.refunds.len());
        (StatusCode::OK, json!({"id": id, "object": "refund", "status": books.refund_status}))
    })
}

async fn read_refund(request: HttpRequest, books: Data<Shared>, id: Path<String>) -> HttpResponse {
    if is_unauthorized(&request) {
        return respond(refuse(401, "invalid_request_error", json!({})));
    }
    respond((StatusCode::OK, json!({"id": *id, "object": "refund", "status": lock(&books).refund_status})))
}

async fn search(request: HttpRequest, books: Data<Shared>, query: Query<Fields>) -> HttpResponse {
    if is_unauthorized(&request) {
        return respond(refuse(401, "invalid_request_error", json!({})));
    }
    let books = lock(&books);
    let asked = query.get("query").map(String::as_str).unwrap_or_default();
    let matches = |form: &Fields| {
        form.get("metadata[callout_key]").is_some_and(|key| asked == format!("metadata['callout_key']:'{key}'"))
    };
    let found = books.intents.iter().enumerate().filter(|(_, form)| books.is_indexed && matches(form));
    let data: Vec<Value> =
        found.map(|(place, _)| json!({"id": format!("pi_{}", place + 1), "status": "succeeded"})).collect();
    respond((StatusCode::OK, json!({"object": "search_result", "data": data, "has_more": false})))
}
