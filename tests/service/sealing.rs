//! Payment methods are secrets: what is kept, logged or shown has none of them, and a change of seal keys loses none.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    harness::{Client, Knob, Server, Setup, id_of, trip_paid_with},
    taxi::ride,
};

/// What every method of the simulated gateway begins with.
const TOKEN: &str = "tok_";
/// What every sealed text begins with.
const SEALED: &str = "v1.";

const FIRST: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SECOND: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// The files below a folder that have a text in them, but for the configuration.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() && !entry.ends_with("config") {
            found.extend(files_with(&entry, text));
        } else if let Ok(bytes) = fs::read(&entry)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(entry.display().to_string());
        }
    }
    found
}

/// What everybody is shown of a call, in one text.
async fn everything_shown(server: &Server, customer: &Client, id: &str) -> String {
    let operator = server.operator();
    let mut shown = String::new();
    for path in
        ["call", "payment"].map(|kind| format!("/v1/ops/actors/{kind}/{id}")).iter().chain(&[format!("/v1/calls/{id}")])
    {
        shown.push_str(&operator.get(path).await.text);
    }
    for path in [format!("/v1/calls/{id}/timeline"), "/v1/me/calls".to_owned(), "/v1/me/notifications".to_owned()] {
        shown.push_str(&customer.get(&path).await.text);
    }
    shown
}

#[tokio::test]
async fn no_payment_method_is_in_what_is_kept_logged_or_shown() {
    let setup = Setup::new().with(Knob::GatewayTimeoutMs(300)).with(Knob::BreakerOpensAfter(1_000));
    let mut server = setup.env("CALLOUT_LOG", "trace").start().await;
    let customer = server.customer("mina");
    let mut calls = Vec::new();
    for (key, method) in [("a", "tok_ok"), ("b", "tok_declined"), ("c", "tok_timeout")] {
        let request = customer.request(reqwest::Method::POST, "/v1/calls").header("Idempotency-Key", key);
        let reply = Client::send(request.json(&trip_paid_with(method))).await;
        calls.push(id_of(if reply.status < 300 { &reply.body } else { &reply.body["call"] }));
    }
    // One that keeps its method until the gateway is back, and one until the drop-off.
    server.simulate(serde_json::json!({"down": true})).await;
    calls.push(id_of(
        &customer.post("/v1/calls", trip_paid_with("tok_slow")).await.problem(503, "payment_unavailable")["call"],
    ));
    calls.push(id_of(&customer.post("/v1/calls", ride("tok_ok")).await.expect(201)));
    for id in &calls {
        let shown = everything_shown(&server, &customer, id).await;
        assert!(!shown.contains(TOKEN) && !shown.contains(SEALED), "{shown}");
    }
    let kept: Value = server.operator().get(&format!("/v1/ops/actors/payment/{}", calls[4])).await.expect(200);
    assert_eq!(kept["state"]["method"], "…", "{kept}");
    server.kill();
    assert!(!files_with(server.folder(), SEALED).is_empty(), "the methods that are kept are sealed");
    assert_eq!(files_with(server.folder(), TOKEN), [""; 0]);
    let lines: Vec<_> = server.log().lines().filter(|line| line.contains(TOKEN)).map(str::to_owned).collect();
    assert!(lines.is_empty(), "{lines:#?}");
}

/// A server with these seal keys, and its file that has them.
async fn sealing_with(keys: &[&str]) -> Server {
    Setup::new().config(&seal_keys(keys)).start().await
}

fn seal_keys(keys: &[&str]) -> String {
    format!("[gateway]\nseal_keys = {keys:?}\n")
}

impl Server {
    /// Starts the process again with other seal keys.
    async fn seals_with(&mut self, keys: &[&str]) {
        fs::write(self.folder().join("extra.toml"), seal_keys(keys)).expect("the file with the keys");
        self.kill_and_start_again().await;
    }
}

#[tokio::test]
async fn a_method_that_an_older_key_sealed_is_charged_while_that_key_is_kept() {
    let mut server = sealing_with(&[]).await;
    let (id, taxi) = server.ride_under_way(&server.customer("mina"), "tok_ok").await;
    // From the key that is derived to one of its own, and on to the next.
    server.seals_with(&[FIRST]).await;
    taxi.command(&id, "complete").await.expect(200);
    assert_eq!(server.ledger(&id).await.charges, 1);
    let (id, taxi) = server.ride_under_way(&server.customer("jun"), "tok_ok").await;
    server.seals_with(&[SECOND, FIRST]).await;
    taxi.command(&id, "complete").await.expect(200);
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn a_method_that_no_key_opens_is_declined_and_another_one_can_be_given() {
    let mut server = sealing_with(&[FIRST]).await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.seals_with(&[SECOND]).await;
    let problem = taxi.command(&id, "complete").await.problem(402, "payment_declined");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("can no longer be read")), "{problem}");
    assert!(server.log().contains("no key in gateway.seal_keys has this id"), "{}", server.log());
    assert_eq!(server.ledger(&id).await.charges, 0);
    customer.pay(&id, "tok_ok").await.expect(200);
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn a_repeated_request_is_known_again_after_a_change_of_keys() {
    let mut server = sealing_with(&[FIRST]).await;
    let customer = server.customer("mina");
    let request = async |method: &str| {
        let request = customer.request(reqwest::Method::POST, "/v1/calls").header("Idempotency-Key", "one");
        Client::send(request.json(&trip_paid_with(method))).await
    };
    let id = id_of(&request("tok_ok").await.expect(201));
    server.seals_with(&[SECOND, FIRST]).await;
    assert_eq!(id_of(&request("tok_ok").await.expect(200)), id);
    request("tok_slow").await.problem(409, "idempotency_conflict");
}
