//! How far people have read their notifications: on every device, after a restart, and when the read model was made anew.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, Setup, eventually};

async fn page(client: &Client, query: &str) -> Value {
    client.get(&format!("/v1/me/notifications?limit=200{query}")).await.expect(200)
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Of each item whether it was read, latest first.
fn read(page: &Value) -> Vec<bool> {
    items(page).iter().map(|item| item["read"].as_bool().expect("whether it was read")).collect()
}

async fn mark(client: &Client, item: &Value) -> Value {
    client.put("/v1/me/notifications/read", json!({"up_to": item["id"]})).await.expect(200)
}

/// Waits until somebody has that many notifications.
async fn told(client: &Client, count: usize) -> Value {
    eventually(&format!("{} has {count} notifications", client.id), async || {
        let page = page(client, "").await;
        if items(&page).len() == count { Ok(page) } else { Err(page.to_string()) }
    })
    .await
}

/// A customer with four notifications: paid, cancelled and refunded, paid again.
async fn told_customer(server: &Server) -> Client {
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    customer.notified_about(&id, 1).await;
    customer.command(&id, "cancel").await.expect(200);
    customer.notified_about(&id, 3).await;
    let id = customer.request_paid_call().await;
    customer.notified_about(&id, 1).await;
    customer
}

#[tokio::test]
async fn what_was_read_stays_read_and_a_mark_never_goes_back() {
    let mut server = Server::start().await;
    let customer = told_customer(&server).await;
    let before = told(&customer, 4).await;
    assert_eq!((read(&before), &before["unread"]), (vec![false; 4], &json!(4)));
    let marked = mark(&customer, &items(&before)[2]).await;
    assert_eq!((&marked["unread"], &marked["at"]), (&json!(2), &items(&before)[2]["at"]));
    let halfway = page(&customer, "").await;
    assert_eq!((read(&halfway), &halfway["unread"]), (vec![false, false, true, true], &json!(2)));
    assert_eq!(mark(&customer, &items(&before)[3]).await, marked, "an earlier mark changes nothing");
    assert_eq!(mark(&customer, &items(&before)[2]).await, marked, "nor does a repeated one");
    server.kill_and_start_again().await;
    let customer = server.customer("mina");
    assert_eq!(page(&customer, "").await, halfway);
    assert_eq!(page(&customer, "&service=taxi").await["unread"], 2, "whatever the page shows");
    mark(&customer, &items(&before)[0]).await;
    assert_eq!(page(&customer, "").await["unread"], 0);
    let mut screen = customer.ws().await;
    customer.request_paid_call().await;
    let frame = screen.next_frame_of("notification").await;
    assert_eq!(frame["notification"]["read"], false, "{frame}");
    assert_eq!(read(&told(&customer, 5).await), [false, true, true, true, true]);
}

#[tokio::test]
async fn a_read_model_that_is_made_anew_knows_what_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("readmodel.db").display());
    let mut server = Setup::new().env("CALLOUT_READMODEL__URL", &url).start().await;
    let customer = told_customer(&server).await;
    let before = told(&customer, 4).await;
    mark(&customer, &items(&before)[0]).await;
    server.terminate();
    server.ended().await;
    for file in std::fs::read_dir(folder.path()).expect("the folder").flatten() {
        std::fs::remove_file(file.path()).expect("removed");
    }
    server.start_again().await;
    let customer = server.customer("mina");
    let after = told(&customer, 4).await;
    assert_eq!((read(&after), &after["unread"]), (vec![true; 4], &json!(0)));
    let id = customer.request_paid_call().await;
    customer.notified_about(&id, 1).await;
    let after = told(&customer, 5).await;
    assert_eq!((read(&after), &after["unread"]), (vec![false, true, true, true, true], &json!(1)));
    mark(&customer, &items(&after)[0]).await;
    assert_eq!(page(&customer, "").await["unread"], 0);
}

#[tokio::test]
async fn everybody_has_a_mark_of_its_own() {
    let server = Server::start().await;
    let driver = server.register_driver("mina", GANGNAM).await;
    let customer = told_customer(&server).await;
    let to_customer = told(&customer, 4).await;
    let offers = eventually("the driver was told", async || {
        let page = page(&driver, "").await;
        if items(&page).is_empty() { Err(page.to_string()) } else { Ok(page) }
    })
    .await;
    mark(&driver, &items(&offers)[0]).await;
    assert_eq!(page(&customer, "").await["unread"], 4, "a driver is not the customer of the same id");
    for foreign in [&items(&to_customer)[0]["id"], &json!("0"), &json!("99999999999999999999"), &json!("x")] {
        let jun = server.customer("jun");
        let refused = jun.put("/v1/me/notifications/read", json!({"up_to": foreign})).await;
        let refused = refused.problem(400, "invalid_request");
        assert_eq!(refused["detail"], "/up_to: none of your notifications has this id");
    }
    assert!(server.customer("mina").get("/v1/me").await.expect(200)["profile"].is_null());
}

#[tokio::test]
async fn notifications_can_be_asked_for_from_a_time_on() {
    let server = Server::start().await;
    let customer = told_customer(&server).await;
    let all = told(&customer, 4).await;
    let all = items(&all);
    for (index, item) in all.iter().enumerate() {
        let at = item["at"].as_str().expect("a time");
        let wanted: Vec<_> = all.iter().filter(|item| item["at"].as_str() >= Some(at)).collect();
        let found = page(&customer, &format!("&since={at}")).await;
        assert_eq!(items(&found).iter().collect::<Vec<_>>(), wanted, "{index}");
        let first = customer.get(&format!("/v1/me/notifications?limit=1&since={at}")).await.expect(200);
        assert_eq!((&first["items"][0], first["next_cursor"].is_null()), (&all[0], wanted.len() == 1));
    }
    assert_eq!(page(&customer, "&since=2999-01-01T00:00:00Z").await["items"], json!([]));
    assert_eq!(items(&page(&customer, "&since=2000-01-01T00:00:00%2B09:00").await).len(), 4);
    let refused = customer.get("/v1/me/notifications?since=yesterday").await.problem(400, "invalid_request");
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|detail| detail.starts_with("the query parameter since: must be a time")),
        "{refused}"
    );
}
