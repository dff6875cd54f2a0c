//! An online copy of the embedded store and its read model, and the way back.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use crate::{
    harness::{Client, Server, Setup, eventually},
    taxi::TAXI,
};

async fn embedded() -> Server {
    Setup::new().on_store("sqlite://").start().await
}

/// What people see of a call: itself, its timeline, and that it is in the list.
async fn seen(customer: &Client, call: &str) -> (Value, Value, bool) {
    let timeline = customer.get(&format!("/v1/calls/{call}/timeline")).await.expect(200);
    let list = customer.get("/v1/me/calls?limit=200").await.expect(200);
    let listed = list["items"].as_array().is_some_and(|items| items.iter().any(|item| item["id"] == call));
    (customer.call(call).await, timeline, listed)
}

/// Pays calls until it is told to stop, and says how many were answered.
async fn drive(customer: Client, stop: Arc<AtomicBool>) -> usize {
    let mut calls = 0;
    while !stop.load(Ordering::Relaxed) {
        customer.request_paid_call().await;
        calls += 1;
    }
    calls
}

async fn stop(server: &mut Server) {
    server.terminate();
    assert!(server.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_everything_that_was_answered_before_it_and_fits_together() {
    let mut server = embedded().await;
    let customer = server.customer("mina");
    let mut before = Vec::new();
    for _ in 0..20 {
        before.push(customer.request_paid_call().await);
    }
    // The store has forgotten the events of these calls by then, so that only the read model has them.
    server.stream_is_trimmed().await;
    let stopped = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(drive(server.customer("jun"), Arc::clone(&stopped)));
    for round in 0..5 {
        let folder = format!("backup-{round}");
        let (succeeded, said) = tokio::task::block_in_place(|| server.runs(&["backup", &folder]));
        assert!(succeeded, "{said}");
        before.push(customer.request_paid_call().await);
    }
    stopped.store(true, Ordering::Relaxed);
    assert!(load.await.expect("the load") > 5, "something was done meanwhile");
    let last = before.pop().expect("the call after the last backup");
    let mut expected = Vec::new();
    for call in &before {
        server.call_is(call, &["dispatching"]).await;
        expected.push(seen(&customer, call).await);
    }
    stop(&mut server).await;
    let (succeeded, said) = server.runs(&["restore", "backup-4"]);
    assert!(succeeded, "{said}");
    server.start_again().await;
    for (call, expected) in before.iter().zip(expected) {
        eventually("the call is as it was, with its history", async || {
            let found = seen(&customer, call).await;
            if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
        })
        .await;
    }
    customer.get(&format!("/v1/calls/{last}")).await.problem(404, "not_found");
    let log = server.log();
    assert!(!log.contains("events were missed") && !log.contains("two read models"), "{log}");
    let again = customer.request_paid_call().await;
    customer.command(&again, "cancel").await.expect(200);
    server.ledger_is(&again, 1, 1).await;
}

#[tokio::test]
async fn what_cannot_be_restored_changes_nothing_and_says_why() {
    let mut server = embedded().await;
    let id = server.customer("mina").request_paid_call().await;
    let (succeeded, said) = server.runs(&["backup", "good"]);
    assert!(succeeded, "{said}");
    let refused = |server: &Server, arguments: &[&str], why: &str| {
        let (succeeded, said) = server.runs(arguments);
        assert!(!succeeded && said.contains(why), "{arguments:?}: {said}");
    };
    refused(&server, &["restore", "good"], "is in use: stop the server first");
    refused(&server, &["backup", "good"], "is not empty");
    refused(&server, &["restore", "elsewhere"], "it is no backup");
    stop(&mut server).await;
    let folder = server.folder().to_owned();
    fs::create_dir(folder.join("bad")).expect("a folder");
    let store = fs::read(folder.join("good/store.db")).expect("the copy");
    fs::write(folder.join("bad/store.db"), &store[..store.len() / 2]).expect("half a copy");
    refused(&server, &["restore", "bad"], "store.db is damaged");
    fs::write(folder.join("bad/store.db"), &store).expect("the copy");
    fs::write(folder.join("bad/readmodel.db"), "no database").expect("a file");
    refused(&server, &["restore", "bad"], "readmodel.db is damaged");
    let another = embedded().await;
    another.customer("mina").request_paid_call().await;
    assert!(another.runs(&["backup", "copy"]).0);
    fs::copy(another.folder().join("copy/readmodel.db"), folder.join("bad/readmodel.db")).expect("another's copy");
    refused(&server, &["restore", "bad"], "belongs to another store");
    server.start_again().await;
    server.call_is(&id, &["dispatching"]).await;
}

#[tokio::test]
async fn a_store_that_is_lost_comes_back_and_what_was_there_is_kept() {
    let mut server = embedded().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let (succeeded, said) = server.runs(&["backup", "copy"]);
    assert!(succeeded, "{said}");
    stop(&mut server).await;
    fs::write(server.folder().join("callout.db"), "damaged").expect("a damaged store");
    let (succeeded, said) = server.runs(&["restore", "copy"]);
    assert!(succeeded, "{said}");
    let kept = fs::read_dir(server.folder()).expect("the folder");
    let kept = kept.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().contains(".before-restore-")
    });
    assert_eq!(kept.count(), 2, "the damaged store, and the read model");
    server.start_again().await;
    server.call_is(&id, &["dispatching"]).await;
}

#[tokio::test]
async fn a_backup_has_the_terms_of_the_calls_in_it() {
    let mut server = embedded().await;
    let customer = server.customer("mina");
    let (ride, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.edit_service(TAXI, "steps.complete", vec!["operator"]);
    server.stop_and_start_again().await;
    let (succeeded, said) = server.runs(&["backup", "kept"]);
    assert!(succeeded, "{said}");
    assert_eq!(taxi.command(&ride, "complete").await.expect(200)["status"], "completed");
    server.driver_is("taxi-a", &["available"]).await;
    server.stop_and_start_again().await;
    stop(&mut server).await;
    let (succeeded, said) = server.runs(&["restore", "kept"]);
    assert!(succeeded, "{said}");
    server.start_again().await;
    assert_eq!(customer.call(&ride).await["status"], "started");
    assert_eq!(taxi.command(&ride, "complete").await.expect(200)["status"], "completed");
}
