//! A payment gateway for tests: localstripe (PyPI), a program of its own with books of its own, and in front of it this edge.
//!
//! localstripe 1.15.10 keeps intents, charges, refunds and methods in memory and answers most requests as Stripe does.
//! Compared with the real API it lacks the following, which the edge adds:
//!
//! | real API | localstripe | here |
//! |---|---|---|
//! | idempotency keys | ignored | `keys.rs` |
//! | one secret key, 401 | any key that begins with `sk_` | `api.rs` |
//! | confirm with a method; again after a decline | 500; 400 | `intents.rs` |
//! | intents that are `processing` | only a debit that fails | `intents.rs` |
//! | `card_error` with `decline_code` and intent; `last_payment_error` | `invalid_request_error` | `attempts.rs` |
//! | codes and `param` of other refusals | a bare message | `answer.rs` |
//! | cards that are declined when they are charged | three numbers | `methods.rs` |
//! | a method without a customer is for one intent | it pays again | `methods.rs` |
//! | `next_action` with a URL; a `return_url` where it is needed | without | `intents.rs`, `server.rs` |
//! | refunds that are pending or fail; no more than was charged | they succeed, as often as asked | `refunds.rs` |
//! | lists newest first, `created[gte]` | oldest first; 400 or 500 | `lists.rs` |
//! | search, with a lag and a limit | none | `search.rs` |
//! | webhooks: tried again, for refunds and cancels too | two kinds, once, a second late | `webhooks.rs` |
//!
//! It passes on, as they are: ids, amounts, metadata, statuses, the card that asks for its payer (3-D Secure) and the endpoint
//! `POST /v1/payment_intents/{id}/_authenticate` with which the payer answers. The books are localstripe's (`books.rs`).
//! Faults are the edge's (`faults.rs`), as is the log of what it was asked (`log.rs`).
//!
//! Not here: customers, captures, other API versions, fees.

mod answer;
mod api;
mod attempts;
mod books;
mod faults;
mod intents;
mod keys;
mod lists;
mod localstripe;
mod log;
mod methods;
mod refunds;
mod request;
mod search;
mod server;
mod shown;
mod webhooks;

use std::{error::Error, sync::Arc, time::Duration};

use actix_web::dev::ServerHandle;
use parking_lot::Mutex;
use serde_json::Value;

use self::{api::Api, localstripe::Localstripe, log::until};
pub use self::{
    books::{Booked, Booking},
    faults::{Fault, When},
    log::{Entry, Reply},
    refunds::{RefundCourse, RefundEnd},
    webhooks::{Delivery, Endpoint, Event, Signing, sign},
};

/// The secret key that the edge accepts at first.
pub const API_KEY: &str = "sk_test_edge";

type Done<T> = Result<T, Box<dyn Error>>;

/// A running edge with a localstripe of its own. Both end when it is dropped, which panics if the edge did not understand an
/// answer of localstripe: such a fault of the rig must not pass for one of the gateway.
pub struct Edge {
    api: Arc<Api>,
    url: String,
    server: ServerHandle,
    localstripe: Localstripe,
}

impl Edge {
    /// Starts both on free ports of the loopback, and waits until they listen.
    pub fn start() -> Done<Self> {
        let localstripe = Localstripe::start()?;
        let api = Arc::new(Api {
            localstripe: localstripe.client()?,
            key: Mutex::new(API_KEY.into()),
            url: Mutex::default(),
            keys: keys::Keys::default(),
            faults: faults::Faults::default(),
            log: log::Log::default(),
            methods: methods::Methods::default(),
            intents: shown::IntentNotes::default(),
            refunds: refunds::RefundNotes::default(),
            search: search::Search::default(),
            webhooks: webhooks::Webhooks::new()?,
            broken: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        });
        let (server, address) = server::bind(&api)?;
        let url = format!("http://{address}");
        *api.url.lock() = url.clone();
        let handle = server.handle();
        actix_rt::spawn(server);
        Ok(Self { api, url, server: handle, localstripe })
    }

    /// Where it listens: `http://127.0.0.1:4242`. For `gateway.url`, with `stripe+` in front.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The number of localstripe's process.
    pub fn process(&self) -> u32 {
        self.localstripe.process()
    }

    /// Accepts this secret key from now on, and no other.
    pub fn accept_key(&self, key: &str) {
        *self.api.key.lock() = key.to_owned();
    }

    /// How long idempotency keys are kept: 24 h unless it is said.
    pub fn keep_keys(&self, time: Duration) {
        self.api.keys.keep_for(time);
    }

    pub fn forget_keys(&self) {
        self.api.keys.forget();
    }

    /// The search finds what is so old: everything unless it is said.
    pub fn search_lag(&self, lag: Duration) {
        *self.api.search.lag.lock() = lag;
    }

    /// How many searches a second are answered: 20 unless it is said.
    pub fn search_limit(&self, per_s: u32) {
        *self.api.search.per_s.lock() = per_s;
    }

    /// Orders a fault.
    pub fn order(&self, fault: Fault) {
        self.api.faults.order(fault);
    }

    /// Takes back all faults; says how many requests they would still have met, 0 when all have struck.
    pub fn mend(&self) -> u64 {
        self.api.faults.mend()
    }

    /// Lets go on every request and answer that was ordered to be held.
    pub fn release(&self) {
        self.api.faults.release();
    }

    /// What becomes of refunds that are made from now on.
    pub fn refunds(&self, course: RefundCourse) {
        *self.api.refunds.course.lock() = course;
    }

    /// Ends a refund, also one that has succeeded.
    pub async fn end_refund(&self, id: &str, end: RefundEnd) -> Done<Value> {
        Ok(self.api.end_refund(id, end).await?)
    }

    /// Ends the processing of an intent, as its method says.
    pub async fn settle(&self, intent: &str) -> Done<Value> {
        Ok(self.api.settle(intent).await?)
    }

    /// Sends events from now on to this endpoint.
    pub fn send_events_to(&self, endpoint: Endpoint) {
        *self.api.webhooks.endpoint.lock() = Some(endpoint);
    }

    /// The events so far, sent or not.
    pub fn events(&self) -> Vec<Event> {
        self.api.webhooks.events.borrow().clone()
    }

    /// Waits for the first event of a kind, and gives it.
    pub async fn until_event(&self, kind: &str) -> Event {
        let is_there = |events: &Vec<Event>| events.iter().any(|event| event.kind == kind);
        let events = until(&self.api.webhooks.events, is_there).await;
        events.into_iter().find(|event| event.kind == kind).expect("it is there")
    }

    /// Sends events to the endpoint in this order, each when the one before has been taken or given up.
    pub async fn deliver<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> Done<()> {
        let endpoint = self.api.webhooks.endpoint.lock().clone().ok_or("there is no endpoint")?;
        for event in events {
            self.api.webhooks.send(&endpoint, event).await;
        }
        Ok(())
    }

    /// The tries to deliver events so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.api.webhooks.deliveries.borrow().clone()
    }

    /// Waits until there were so many tries.
    pub async fn until_deliveries(&self, count: usize) -> Vec<Delivery> {
        until(&self.api.webhooks.deliveries, |deliveries| deliveries.len() >= count).await
    }

    /// What it was asked so far, in order.
    pub fn log(&self) -> Vec<Entry> {
        self.api.log.entries()
    }

    /// The requests of this method and path so far; `*` stands for any one segment of the path.
    pub fn asked(&self, method: &str, path: &str) -> Vec<Entry> {
        self.log().into_iter().filter(|entry| entry.is(method, path)).collect()
    }

    /// Waits until there were so many requests of this method and path.
    pub async fn until_asked(&self, method: &str, path: &str, count: usize) {
        self.api.log.until(|log| log.iter().filter(|entry| entry.is(method, path)).count() >= count).await;
    }

    /// Waits until every request has been performed to its end, also those whose client has hung up.
    pub async fn until_idle(&self) {
        self.api.log.until(|log| log.iter().all(|entry| entry.reply != Reply::UnderWay)).await;
    }

    /// localstripe's books: every charge that succeeded, then every refund that was paid out.
    pub async fn books(&self) -> Done<Vec<Booking>> {
        Ok(self.api.books().await?)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // The order to stop is given at once; waiting for it is not needed.
        drop(self.server.stop(false));
        let broken = self.api.broken.lock();
        assert!(broken.is_empty() || std::thread::panicking(), "{broken:#?}");
    }
}
