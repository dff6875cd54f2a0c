//! An endpoint that receives events: it checks signatures, and answers as it is told.

use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::StatusCode,
    web::{self, Data},
};
use parking_lot::Mutex;
use serde_json::Value;

use crate::edge::sign;

/// The secret that events are signed with.
pub const SECRET: &str = "whsec_test";

/// What it has received: the event, its time by its signature, and whether it was signed rightly.
#[derive(Debug, Clone)]
pub struct Received {
    pub event: Value,
    pub time: Option<i64>,
    pub is_signed: bool,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    /// The statuses of the next answers; then 200.
    answers: Mutex<VecDeque<u16>>,
}

/// The running endpoint; it stops when dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: ServerHandle,
}

impl Receiver {
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let data = Data::from(Arc::clone(&shared));
        let app = move || App::new().app_data(data.clone()).default_service(web::to(receive));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0))?;
        let address = server.addrs().first().copied().ok_or_else(|| io::Error::other("it is bound"))?;
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Ok(Self { address, shared, server: handle })
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    /// Answers so next, and 200 afterwards.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.shared.answers.lock().extend(statuses);
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().clone()
    }

    pub fn kinds(&self) -> Vec<String> {
        self.received().iter().map(|one| one.event["type"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // The order to stop is given at once; waiting for it is not needed.
        drop(self.server.stop(false));
    }
}

async fn receive(request: HttpRequest, body: String, shared: Data<Shared>) -> HttpResponse {
    let header = request.headers().get("Stripe-Signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (time, signature) = header.split_once(",v1=").unwrap_or_default();
    let time = time.strip_prefix("t=").and_then(|time| time.parse().ok());
    let is_signed = time.is_some_and(|time| sign(SECRET, time, &body) == signature);
    let event = serde_json::from_str(&body).unwrap_or_default();
    shared.received.lock().push(Received { event, time, is_signed });
    let status = shared.answers.lock().pop_front().unwrap_or(200);
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK)).finish()
}
