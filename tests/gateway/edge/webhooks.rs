//! Events, and their delivery to an endpoint: signed, and tried again until it is taken.
//!
//! localstripe sends two kinds of events, once, a second late. The edge sends its own.

use std::{sync::Arc, time::Duration};

use callout::{clock, outbound::client_for};
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::watch;

/// How a delivery is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Right,
    /// With another secret.
    Wrong,
    /// Rightly, but with a time that is so much earlier.
    Stale(Duration),
    Missing,
}

/// Where events are sent, and how.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub url: String,
    pub secret: String,
    /// How often each event is sent.
    pub copies: u32,
    /// How long each event waits before it is sent.
    pub delay: Duration,
    pub signing: Signing,
    /// Whether events wait for `Edge::deliver`, in the order that a test wants.
    pub is_held: bool,
    /// How often a delivery is tried until it is answered 2xx, and how long after one try the next begins.
    pub tries: u32,
    pub again_after: Duration,
}

impl Endpoint {
    /// Each event once, at once, rightly signed.
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: secret.into(),
            copies: 1,
            delay: Duration::ZERO,
            signing: Signing::Right,
            is_held: false,
            tries: 20,
            again_after: Duration::from_millis(50),
        }
    }

    /// The header `Stripe-Signature` of a body.
    fn signature(&self, body: &str) -> Option<String> {
        let now = clock::now().as_second();
        let (time, secret) = match self.signing {
            Signing::Right => (now, self.secret.clone()),
            Signing::Wrong => (now, format!("not {}", self.secret)),
            Signing::Stale(age) => (now - i64::try_from(age.as_secs()).unwrap_or(i64::MAX), self.secret.clone()),
            Signing::Missing => return None,
        };
        Some(format!("t={time},v1={}", sign(&secret, time, body)))
    }
}

/// The signature of a body that is sent at a time in seconds: HMAC-SHA256 in hexadecimal.
pub fn sign(secret: &str, time: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{time}.{body}").as_bytes());
    format!("{:x}", mac.finalize().into_bytes())
}

/// An event as it is sent.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    /// `payment_intent.succeeded`.
    pub kind: &'static str,
    /// The whole event.
    pub body: Value,
}

impl Event {
    /// The id of the object that it is about.
    pub fn about(&self) -> &str {
        self.body["data"]["object"]["id"].as_str().unwrap_or_default()
    }
}

/// One try to deliver an event.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub event: String,
    pub kind: &'static str,
    /// The answer; `None` when there was none.
    pub status: Option<u16>,
}

/// The events so far, and where they go.
pub struct Webhooks {
    http: Client,
    pub endpoint: Mutex<Option<Endpoint>>,
    pub events: watch::Sender<Vec<Event>>,
    pub deliveries: watch::Sender<Vec<Delivery>>,
}

impl Webhooks {
    pub fn new() -> Result<Arc<Self>, Box<dyn std::error::Error>> {
        let http = client_for(&Url::parse("http://localhost")?).no_proxy().pool_max_idle_per_host(0).build()?;
        let (endpoint, events, deliveries) = (Mutex::default(), watch::Sender::default(), watch::Sender::default());
        Ok(Arc::new(Self { http, endpoint, events, deliveries }))
    }

    /// Makes an event about an object, and sends it unless it is held.
    pub fn tell(self: &Arc<Self>, kind: &'static str, object: &Value) {
        let event = event(kind, object);
        self.events.send_modify(|events| events.push(event.clone()));
        let endpoint = self.endpoint.lock().clone().filter(|endpoint| !endpoint.is_held);
        if let Some(endpoint) = endpoint {
            let webhooks = Arc::clone(self);
            tokio::spawn(async move { webhooks.send(&endpoint, &event).await });
        }
    }

    /// Sends an event as often as the endpoint wants, one after the other.
    pub async fn send(&self, endpoint: &Endpoint, event: &Event) {
        tokio::time::sleep(endpoint.delay).await;
        for _ in 0..endpoint.copies {
            for number in 1..=endpoint.tries {
                if self.try_once(endpoint, event).await {
                    break;
                }
                if number < endpoint.tries {
                    tokio::time::sleep(endpoint.again_after).await;
                }
            }
        }
    }

    /// Whether the endpoint has taken the event.
    async fn try_once(&self, endpoint: &Endpoint, event: &Event) -> bool {
        let body = event.body.to_string();
        let mut request = self.http.post(&endpoint.url).header("Content-Type", "application/json; charset=utf-8");
        if let Some(signature) = endpoint.signature(&body) {
            request = request.header("Stripe-Signature", signature);
        }
        let status = request.body(body).send().await.ok().map(|response| response.status());
        let delivery =
            Delivery { event: event.id.clone(), kind: event.kind, status: status.map(|status| status.as_u16()) };
        self.deliveries.send_modify(|deliveries| deliveries.push(delivery));
        status.is_some_and(|status| status.is_success())
    }
}

fn event(kind: &'static str, object: &Value) -> Event {
    let id = format!("evt_{}", clock::random_id().simple());
    let body = json!({
        "id": id,
        "object": "event",
        "api_version": "2025-04-30.basil",
        "created": clock::now().as_second(),
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null},
        "type": kind,
    });
    Event { id, kind, body }
}
