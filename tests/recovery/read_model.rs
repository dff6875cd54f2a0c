//! A server that is back on a machine whose read model was not there while others ran: what it missed is shown as the store
//! has it.

use std::path::Path;

use crate::harness::{Client, GANGNAM, SEOUL_STATION, Server, Setup, eventually, id_of};

/// Ends the server and keeps its read model's file as it is.
async fn end_and_copy(server: &mut Server, from: &Path, to: &Path) {
    server.terminate();
    server.ended().await;
    std::fs::copy(from, to).expect("a copy of the read model");
}

/// Waits until operators' lists have exactly these calls and statuses.
async fn lists(operator: &Client, wanted: &[(&str, &str)]) {
    let mut wanted: Vec<_> = wanted.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect();
    wanted.sort();
    eventually("the list is as the store has it", async || {
        let page = operator.get("/v1/calls").await.expect(200);
        let items = page["items"].as_array().expect("items");
        let mut found: Vec<_> =
            items.iter().map(|call| (id_of(call), call["status"].as_str().unwrap_or_default().to_owned())).collect();
        found.sort();
        if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    })
    .await;
}

#[tokio::test]
async fn back_on_a_machine_whose_read_model_missed_events_lists_show_what_the_store_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, old) = (folder.path().join("readmodel.db"), folder.path().join("old.db"));
    let url = format!("sqlite://{}", file.display());
    let mut server = Setup::new().env("CALLOUT_READMODEL__URL", &url).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mina = server.customer("mina");
    let ended = mina.request_paid_call().await;
    let cancelled = server.customer("jun").request_paid_call().await;
    lists(&server.operator(), &[(&ended, "dispatching"), (&cancelled, "dispatching")]).await;
    end_and_copy(&mut server, &file, &old).await;

    // Meanwhile, elsewhere.
    server.start_again().await;
    driver.take(&ended).await;
    for command in ["start", "complete"] {
        driver.command(&ended, command).await.expect(200);
    }
    server.customer("jun").command(&cancelled, "cancel").await.expect(200);
    let made = server.customer("sora").request_call().await;
    let made = id_of(&made);
    server.register_driver("driver-b", SEOUL_STATION).await;
    let shown = [(ended.as_str(), "completed"), (&cancelled, "cancelled"), (&made, "requested")];
    lists(&server.operator(), &shown).await;
    server.stream_is_trimmed().await;
    server.terminate();
    server.ended().await;

    std::fs::copy(&old, &file).expect("the old read model");
    server.start_again().await;
    lists(&server.operator(), &shown).await;
    let drivers = server.operator().get("/v1/drivers").await.expect(200);
    let drivers: Vec<_> = drivers["items"].as_array().expect("items").iter().map(id_of).collect();
    assert_eq!(drivers, ["driver-a", "driver-b"]);
    assert_eq!(mina.call(&ended).await["status"], "completed");
    let timeline = mina.timeline(&ended).await;
    assert_eq!(timeline.last().expect("an entry")["event"], "history_missing", "{timeline:?}");
    server.customer("sora").command(&made, "cancel").await.expect(200);
    lists(&server.operator(), &[(&ended, "completed"), (&cancelled, "cancelled"), (&made, "cancelled")]).await;
}
