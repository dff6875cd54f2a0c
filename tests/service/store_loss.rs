//! The files of the embedded store or of the read model are deleted, replaced or emptied under a server, or between two of its runs; a
//! Redis is emptied between two runs.

use std::path::Path;

use crate::harness::{GANGNAM, Server, Setup, eventually, pause, trip_paid_with};

async fn embedded(folder: &Path) -> Server {
    let url = |name: &str| format!("sqlite://{}", folder.join(name).display());
    Setup::new()
        .env("CALLOUT_STORE__URL", &url("callout.db"))
        .env("CALLOUT_READMODEL__URL", &url("readmodel.db"))
        .start()
        .await
}

fn remove_store(folder: &Path) {
    for name in ["callout.db", "callout.db-wal", "callout.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

#[tokio::test]
async fn a_server_whose_store_was_deleted_takes_nothing_more() {
    takes_nothing_more_after(remove_store).await;
}

#[tokio::test]
async fn a_server_whose_stores_log_was_deleted_takes_nothing_more() {
    takes_nothing_more_after(|folder| std::fs::remove_file(folder.join("callout.db-wal")).expect("it was there")).await;
}

#[tokio::test]
async fn a_server_whose_store_was_replaced_takes_nothing_more() {
    takes_nothing_more_after(|folder| {
        std::fs::copy(folder.join("callout.db"), folder.join("copy.db")).expect("a copy");
        std::fs::rename(folder.join("copy.db"), folder.join("callout.db")).expect("replaced");
    })
    .await;
}

#[tokio::test]
async fn a_server_whose_store_was_emptied_takes_nothing_more() {
    takes_nothing_more_after(|folder| {
        let file = std::fs::File::options().write(true).open(folder.join("callout.db")).expect("the store");
        file.set_len(0).expect("emptied");
    })
    .await;
}

async fn takes_nothing_more_after(loss: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = embedded(folder.path()).await;
    server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    customer.request_paid_call().await;
    loss(folder.path());
    let refused = customer.post("/v1/calls", trip_paid_with("tok_ok")).await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    refused.any_problem();
    eventually("it is not ready any more", async || {
        let ready = server.nobody().get("/health/ready").await;
        if ready.status == 503 { Ok(()) } else { Err(ready.text) }
    })
    .await;
    assert!(server.log().contains("is no longer the file that this process has open"), "{}", server.log());
}

#[tokio::test]
async fn an_empty_store_beside_the_read_model_of_another_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = embedded(folder.path()).await;
    server.customer("mina").request_paid_call().await;
    server.terminate();
    assert!(server.ended().await.success());
    let kept = std::fs::read(folder.path().join("callout.db")).expect("the store");
    remove_store(folder.path());
    for content in [None, Some(&b""[..])] {
        if let Some(content) = content {
            std::fs::write(folder.path().join("callout.db"), content).expect("a file");
        }
        server.start_process();
        assert!(!server.ended().await.success(), "it must not start");
        let log = server.log();
        assert!(
            log.contains("is new, but the read model") && log.contains("Restore that store from a backup"),
            "{log}"
        );
        remove_store(folder.path());
    }
    std::fs::write(folder.path().join("callout.db"), kept).expect("the store is back");
    server.start_again().await;
    assert_eq!(
        server.customer("mina").get("/v1/me/calls").await.expect(200)["items"].as_array().map(Vec::len),
        Some(1)
    );
}

/// A server on the store that the tests run on, with a read model whose file the test knows.
async fn with_read_model_in(folder: &Path) -> Server {
    let url = format!("sqlite://{}", folder.join("readmodel.db").display());
    Setup::new().env("CALLOUT_READMODEL__URL", &url).start().await
}

#[tokio::test]
async fn events_are_kept_in_the_store_once_the_read_model_was_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = with_read_model_in(folder.path()).await;
    let customer = server.customer("mina");
    customer.request_paid_call().await;
    server.stream_is_trimmed().await;
    for name in ["readmodel.db", "readmodel.db-wal", "readmodel.db-shm"] {
        std::fs::remove_file(folder.path().join(name)).expect("it was there");
    }
    let call = customer.request_paid_call().await;
    eventually("the loss is in the log", async || {
        let log = server.log();
        if log.contains("is no longer the file that this process has open") { Ok(()) } else { Err(log) }
    })
    .await;
    // Longer than the stream is left untrimmed.
    pause(std::time::Duration::from_secs(3)).await;
    server.kill();
    server.start_again().await;
    eventually("the call has its timeline", async || {
        let timeline = server.customer("mina").get(&format!("/v1/calls/{call}/timeline")).await;
        let entries = timeline.body.as_array().map_or(0, Vec::len);
        if entries >= 3 { Ok(()) } else { Err(timeline.text) }
    })
    .await;
}

#[tokio::test]
async fn a_store_that_was_emptied_between_two_runs_is_refused_whichever_of_the_read_models_knows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = with_read_model_in(folder.path()).await;
    let mut second = with_read_model_in(folder.path()).await;
    for server in [&mut first, &mut second] {
        server.customer("mina").request_paid_call().await;
        server.terminate();
        assert!(server.ended().await.success());
        server.empty_the_store();
        server.start_process();
        assert!(!server.ended().await.success(), "it must not start");
        let log = server.log();
        assert!(
            log.contains("is new, but the read model") && log.contains("Restore that store from a backup"),
            "{log}"
        );
    }
}
