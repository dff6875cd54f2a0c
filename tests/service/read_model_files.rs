//! Servers of different stores whose settings name one file for the read model.

use std::path::Path;

use crate::harness::{Client, Server, Setup, eventually};

async fn server_with_read_model_in(folder: &Path) -> Server {
    let url = format!("sqlite://{}", folder.join("readmodel.db").display());
    Setup::new().env("CALLOUT_READMODEL__URL", &url).start().await
}

/// Waits until operators see exactly these calls.
async fn lists(operator: &Client, calls: &[String]) {
    eventually("the list has the calls of this store", async || {
        let page = operator.get("/v1/calls").await.expect(200);
        let mut found: Vec<_> = page["items"].as_array().expect("items").iter().map(crate::harness::id_of).collect();
        found.sort();
        if found == calls { Ok(()) } else { Err(format!("{found:?} instead of {calls:?}")) }
    })
    .await;
}

async fn request(server: &Server, customers: &[&str]) -> Vec<String> {
    let mut calls = Vec::new();
    for customer in customers {
        calls.push(server.customer(customer).request_paid_call().await);
    }
    calls.sort();
    calls
}

#[tokio::test]
async fn servers_of_two_stores_keep_to_their_own_calls_at_the_same_time_and_in_turns() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut one = server_with_read_model_in(folder.path()).await;
    let ones = request(&one, &["mina", "jun", "sora", "hana", "yuna"]).await;
    lists(&one.operator(), &ones).await;
    let mut two = server_with_read_model_in(folder.path()).await;
    let twos = request(&two, &["mina", "jun"]).await;
    lists(&two.operator(), &twos).await;
    lists(&one.operator(), &ones).await;
    for server in [&mut one, &mut two] {
        server.terminate();
        server.ended().await;
    }
    for _ in 0..2 {
        for (server, calls) in [(&mut one, &ones), (&mut two, &twos)] {
            server.start_again().await;
            lists(&server.operator(), calls).await;
            server.terminate();
            server.ended().await;
        }
    }
}

#[tokio::test]
async fn a_read_model_that_lacks_what_the_store_has_forgotten_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = server_with_read_model_in(folder.path()).await;
    let id = server.customer("mina").request_paid_call().await;
    server.stream_is_trimmed().await;
    server.terminate();
    assert!(server.ended().await.success());
    server.start_again().await;
    let warning = "the read model lacks events that the store has forgotten";
    assert!(!server.log().contains(warning), "{}", server.log());
    server.terminate();
    assert!(server.ended().await.success());
    std::fs::remove_file(folder.path().join("readmodel.db")).expect("the read model");
    server.start_again().await;
    assert!(server.log().contains(warning), "{}", server.log());
    server.call_is(&id, &["dispatching"]).await;
}
