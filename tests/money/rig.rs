//! A server and its payment gateway, and what the tests ask both of them.

use std::time::Duration;

use serde_json::Value;

use crate::{
    edge::{API_KEY, Booked, Edge, Endpoint, Fault},
    harness::{Client, Knob, Server, Setup, eventually, id_of, trip_paid_with},
};

pub const OPEN: &str = "/v1/payment_intents";
pub const INTENT: &str = "/v1/payment_intents/*";
pub const CONFIRM: &str = "/v1/payment_intents/*/confirm";
pub const WITHDRAW: &str = "/v1/payment_intents/*/cancel";
pub const REFUNDS: &str = "/v1/refunds";

pub const VISA: &str = "pm_card_visa";
pub const DECLINED: &str = "pm_card_visa_chargeDeclined";

/// The secret that the gateway signs its webhooks with.
const WEBHOOK_SECRET: &str = "whsec_money";

/// A server that waits 500 ms for an answer of the gateway at this edge.
pub fn impatient(edge: &Edge) -> Setup {
    Setup::new()
        .with(Knob::GatewayTimeoutMs(500))
        .with(Knob::BreakerOpensAfter(100_000))
        .env("CALLOUT_HTTP__PAYMENT_WAIT_MS", "700")
        .env("CALLOUT_GATEWAY__URL", &format!("stripe+{}", edge.url()))
        .env("CALLOUT_GATEWAY__API_KEY", API_KEY)
        .env("CALLOUT_GATEWAY__WEBHOOK_SECRET", WEBHOOK_SECRET)
}

/// The same, but it waits longer than the gateway takes to answer on a machine that is busy with other tests.
pub fn patient(edge: &Edge) -> Setup {
    impatient(edge).with(Knob::GatewayTimeoutMs(8_000)).env("CALLOUT_HTTP__PAYMENT_WAIT_MS", "9000")
}

/// Where the edge sends its events.
pub fn webhooks(server: &Server) -> Endpoint {
    Endpoint::new(format!("{}/v1/gateway/webhooks/stripe", server.base()), WEBHOOK_SECRET)
}

/// Has every look at an intent fail, so that what is unknown stays so until the faults are mended.
pub fn blind(edge: &Edge) {
    edge.order(Fault::status(503, crate::edge::When::Before).on("GET", INTENT).always());
}

/// How often one payment was charged and refunded, in the books, and how much that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    pub charges: usize,
    /// Their sum, in won.
    pub charged: u64,
    pub refunds: usize,
    /// Their sum, in won.
    pub refunded: u64,
}

/// The books of a payment.
pub async fn account(edge: &Edge, payment: &str) -> Account {
    let mut account = Account::default();
    let books = edge.books().await.expect("the books");
    for booking in books.into_iter().filter(|booking| booking.payment_id == payment) {
        assert_eq!(booking.currency, "krw");
        let (count, sum) = match booking.booked {
            Booked::Charge => (&mut account.charges, &mut account.charged),
            Booked::Refund => (&mut account.refunds, &mut account.refunded),
        };
        *count += 1;
        *sum += booking.amount;
    }
    account
}

/// Asserts how often a payment was charged and refunded, once nothing is under way at the gateway.
pub async fn booked(edge: &Edge, payment: &str, charges: usize, refunds: usize) {
    edge.until_idle().await;
    let account = account(edge, payment).await;
    assert_eq!((account.charges, account.refunds), (charges, refunds), "{payment}: {account:?}");
}

/// A call whose charge was begun and whose outcome the server does not know.
pub async fn unknown(server: &Server, customer: &Client) -> String {
    let reply = customer.post("/v1/calls", trip_paid_with(VISA)).await;
    let id = id_of(&reply.problem(503, "payment_pending")["call"]);
    server.payment_is(&id, &["unknown"]).await;
    id
}

/// The money that waits, in a state.
pub async fn waiting(server: &Server, state: &str) -> Vec<Value> {
    let page = server.operator().get(&format!("/v1/ops/payments?state={state}&limit=200")).await.expect(200);
    page["items"].as_array().cloned().unwrap_or_else(|| panic!("no items in {page}"))
}

/// Waits until a payment is on the list of money that waits, with what the gateway said.
pub async fn listed(server: &Server, state: &str, payment: &str) -> Value {
    eventually(&format!("{payment} is listed as {state} with a reason"), async || {
        let items = waiting(server, state).await;
        let is_it = |item: &&Value| item["payment_id"] == payment && item["last_error"].is_string();
        items.iter().find(is_it).cloned().ok_or_else(|| format!("{items:?}"))
    })
    .await
}

/// Waits until operators are told, on an occasion, of something.
pub async fn operators_told(server: &Server, occasion: &str, of: &str) -> Value {
    let operator = server.operator();
    eventually(&format!("operators are told {occasion} of {of}"), async || {
        let page = operator.get("/v1/me/notifications?limit=200").await.expect(200);
        let told = page["items"].as_array().cloned().unwrap_or_default();
        let names = |notice: &&Value| {
            notice["occasion"] == occasion && notice["text"]["en"].as_str().is_some_and(|text| text.contains(of))
        };
        told.iter().find(names).cloned().ok_or_else(|| page.to_string())
    })
    .await
}

/// The value of a metric without labels.
pub async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.nobody().get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// Waits until a metric without labels has a value.
pub async fn metric_is(server: &Server, name: &str, wanted: f64) {
    eventually(&format!("{name} is {wanted}"), async || {
        let found = metric(server, name).await;
        if found.total_cmp(&wanted).is_eq() { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

/// Waits until the timeline of a call says something, and answers all that it says.
pub async fn timeline_says(customer: &Client, call: &str, words: &str) -> String {
    eventually(&format!("the timeline of {call} says {words:?}"), async || {
        let timeline = customer.timeline(call).await;
        let said: Vec<&str> = timeline.iter().filter_map(|entry| entry["description"]["en"].as_str()).collect();
        let said = said.join("\n");
        if said.contains(words) { Ok(said) } else { Err(said) }
    })
    .await
}

/// Sends a request to the edge as somebody who has the secret key, and answers its body: a form is posted, without one it is
/// read.
pub async fn ask_gateway(edge: &Edge, path: &str, form: &[(&str, &str)]) -> Value {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client");
    let url = format!("{}{path}", edge.url());
    let request = if form.is_empty() { http.get(url) } else { http.post(url).form(form) };
    request.bearer_auth(API_KEY).send().await.expect("an answer of the edge").json().await.expect("JSON")
}
