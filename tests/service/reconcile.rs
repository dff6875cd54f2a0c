//! `callout reconcile`: the gateway's books against the payments, while the server runs.

use std::fs;

use callout::clock;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{Server, eventually};

/// Everything from yesterday to tomorrow, as one JSON object. Waits until it says what is wanted, as histories come a moment
/// after the answers.
async fn reconciled(server: &Server, wanted: impl Fn(bool, &Value) -> bool) -> Value {
    let day = |days: i64| (clock::now() + SignedDuration::from_hours(24 * days)).strftime("%F").to_string();
    eventually("the books are compared", async || {
        let (is_good, said) = server.runs(&["reconcile", "--from", &day(-1), "--to", &day(1), "--json"]);
        match serde_json::from_str(&said) {
            Ok(report) if wanted(is_good, &report) => Ok(report),
            _ => Err(said),
        }
    })
    .await
}

fn kinds(report: &Value) -> Vec<&str> {
    let found = report["differences"].as_array().into_iter().flatten();
    found.filter_map(|difference| difference["kind"].as_str()).collect()
}

/// Rewrites the simulated gateway's books behind its back.
fn change_books(server: &Server, change: impl Fn(&str) -> Vec<String>) {
    // Beside the embedded store, or in the data folder where that is Redis.
    let places = ["simulated-gateway.jsonl", "data/simulated-gateway.jsonl"].map(|place| server.folder().join(place));
    let path = places.iter().find(|place| place.exists()).expect("the gateway's books");
    let books = fs::read_to_string(path).expect("the gateway's books");
    let changed: Vec<String> = books.lines().flat_map(change).collect();
    fs::write(path, changed.join("\n") + "\n").expect("they can be written");
}

#[tokio::test]
async fn books_that_agree_have_no_difference_and_each_that_do_not_is_named() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(customer.request_paid_call().await);
    }
    customer.command(&calls[0], "cancel").await.expect(200);
    server.ledger_is(&calls[0], 1, 1).await;
    let report = reconciled(&server, |is_good, _| is_good).await;
    assert_eq!(
        (&report["charges"], &report["refunds"], &report["gateway"]),
        (&json!(3), &json!(1), &json!("simulated"))
    );

    let (twice, gone, other) = (calls[0].clone(), calls[1].clone(), calls[2].clone());
    change_books(&server, |line| {
        let is_charge_of = |id: &str| line.contains(&format!("\"{id}:charge:1\""));
        if is_charge_of(&twice) {
            vec![line.to_owned(), line.replace(":charge:1\"", ":charge:2\"")]
        } else if is_charge_of(&gone) {
            vec![line.replace(&gone, "call_stranger")]
        } else if is_charge_of(&other) {
            vec![line.replace("26000", "26001")]
        } else {
            vec![line.to_owned()]
        }
    });
    let report = reconciled(&server, |is_good, report| !is_good && kinds(report).len() == 4).await;
    assert_eq!(kinds(&report), ["missing_here", "missing_there", "other_amount", "charged_twice"]);
    let (is_good, said) = server.runs(&["reconcile", "--from", "2026-01-01", "--to", "2099-01-01"]);
    assert!(!is_good && said.contains(&format!("charged_twice {twice} charge: gateway 26000 KRW")), "{said}");
    assert!(said.contains(&format!("missing_there {gone}")) && said.contains("4 differences"), "{said}");
}

#[tokio::test]
async fn a_span_that_is_none_is_refused_with_what_would_be_right() {
    let server = Server::start().await;
    for (from, to, wanted) in
        [("2026-11-02", "2026-11-01", "the span is empty"), ("yesterday", "2026-11-01", "2026-11-01T00:00:00Z")]
    {
        let (is_good, said) = server.runs(&["reconcile", "--from", from, "--to", to]);
        assert!(!is_good && said.contains(wanted), "{said}");
    }
}
