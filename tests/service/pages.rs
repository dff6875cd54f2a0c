//! What the pages for operators promise is there: the metrics of `docs/operations.md`, with their labels.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::json;

use crate::harness::{Server, eventually};

/// The metrics of the page, with their labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(path).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| `callout_"));
    let columns = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let unquoted = |text: &str| text.trim_matches('`').to_owned();
    columns
        .filter(|columns| columns.len() == 5)
        .map(|columns| {
            let labels = columns[2].split(", ").filter(|label| !label.is_empty()).map(unquoted);
            (unquoted(columns[1]), labels.collect())
        })
        .collect()
}

/// The metrics that a server shows, with their labels.
fn shown(metrics: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let names = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in names.filter_map(|line| line.split(' ').next()) {
        let of_name = metrics.lines().filter(|line| line.starts_with(name));
        let labels = of_name.filter_map(|line| line.split_once('{')?.1.split_once('}')).flat_map(|(labels, _)| {
            let names = labels.split("\",").filter_map(|label| label.split_once('='));
            names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        });
        all.insert(name.to_owned(), labels.filter(|label| label != "le" && label != "quantile").collect());
    }
    all
}

#[tokio::test]
async fn every_metric_is_on_the_operations_page_with_its_labels() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    let call = customer.request_paid_call().await;
    customer.command(&call, "cancel").await.expect(200);
    socket.next_about("call", &call).await;
    server.ledger_is(&call, 1, 1).await;
    server.park("call", &call).await;
    let documented = documented();
    let shown = eventually("what happened is in the metrics", async || {
        let metrics = server.nobody().get("/metrics").await.text;
        let shown = shown(&metrics);
        let there = ["callout_actor_parked_total", "callout_readmodel_events_total", "callout_ws_sockets"];
        if there.iter().all(|name| shown.contains_key(*name)) { Ok(shown) } else { Err(metrics) }
    })
    .await;
    for (name, labels) in &shown {
        assert_eq!(documented.get(name), Some(labels), "{name} and its labels on the page");
    }
    // Redis, on the embedded store.
    let rare = documented.keys().filter(|name| !shown.contains_key(*name)).collect::<Vec<_>>();
    assert!(rare.len() <= 2, "documented, and not there: {rare:?}");
}

#[tokio::test]
async fn what_alerts_look_at_is_there_before_anything_happens() {
    let server = Server::start().await;
    let metrics = server.nobody().get("/metrics").await.text;
    let labelled = |label: &str, values: &[&str]| {
        values.iter().map(|value| format!("{{{label}=\"{value}\"}}")).collect::<Vec<_>>()
    };
    let entities = labelled("kind", &["call", "driver", "payment"]);
    let everybody = [entities.clone(), labelled("kind", &["dispatcher", "guard", "readmodel"])].concat();
    let outcomes = labelled("outcome", &["unavailable", "unknown", "conflict", "corrupt", "fenced"]);
    let plain = vec![String::new()];
    for (name, labels) in [
        ("callout_actor_parked_total", &everybody),
        ("callout_actor_restarts_total", &everybody),
        ("callout_quarantined_messages_total", &entities),
        ("callout_store_commits_total", &outcomes),
        ("callout_gateway_breaker_state", &plain),
        ("callout_ws_sockets", &plain),
        ("callout_calls_not_begun_total", &plain),
        ("callout_commit_repeats_total", &plain),
        ("callout_deadlines_forgotten_total", &plain),
        ("callout_store_unreadable_total", &labelled("record", &["snapshot", "event"])),
        ("callout_readmodel_failures_total", &plain),
        ("callout_store_commits_lost_total", &plain),
    ] {
        for labels in labels {
            let line = format!("{name}{labels} 0");
            assert!(metrics.lines().any(|shown| shown == line), "no {line:?} in:\n{metrics}");
        }
    }
}

#[tokio::test]
async fn latencies_are_histograms_with_buckets() {
    let server = Server::start().await;
    server.nobody().get("/health/live").await.expect(200);
    let metrics = server.nobody().get("/metrics").await.text;
    assert!(metrics.contains("callout_http_request_seconds_bucket{"), "{metrics}");
}

#[tokio::test]
async fn the_supporting_actors_of_the_operations_page_are_there() {
    let server = Server::start().await;
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).expect("the page");
    let tree = server.operator().get("/v1/ops/actors").await.expect(200);
    for kind in tree["items"].as_array().expect("kinds") {
        let ids = kind["ids"].as_array().cloned().unwrap_or_default();
        let one = ids.iter().any(|id| page.contains(&format!("`{}/{}`", kind["kind"], id).replace('"', "")));
        assert!(ids.is_empty() || one, "{} of {ids:?} is not on the page", kind["kind"]);
    }
    assert_ne!(tree["items"], json!([]));
}

#[tokio::test]
async fn answers_say_what_browsers_and_caches_may_do_with_them() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for (reply, private) in [
        (customer.get("/v1/me").await, true),
        (customer.get("/v1/calls/call_none").await, true),
        (server.nobody().get("/v1/me").await, true),
        (server.nobody().get("/health/live").await, false),
        (server.nobody().get("/docs").await, false),
    ] {
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{}", reply.text);
        assert_eq!(reply.header("cache-control") == Some("no-store"), private, "{}", reply.text);
    }
    let page = server.nobody().get("/docs").await;
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    assert!(!page.text.contains("<script>"), "scripts are files: {}", page.text);
}
