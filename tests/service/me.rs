//! My Page: a person's calls, their history and notifications, for customers and for drivers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, eventually, id_of};

/// Follows `next_cursor` to the end of a list, `limit` at a time.
async fn every_item(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200);
        let found = page["items"].as_array().expect("items");
        assert!(found.len() <= limit, "{page}");
        items.extend(found.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
        assert!(items.len() < 1_000, "the list never ends");
    }
}

async fn lists_calls(client: &Client, path: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{path} has {count} calls"), async || {
        let page = client.get(path).await.expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        if items.len() == count { Ok(items) } else { Err(page.to_string()) }
    })
    .await
}

#[tokio::test]
async fn my_page_says_who_i_am() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    for client in [server.customer("mina"), server.driver("driver-a")] {
        let me = client.get("/v1/me").await.expect(200);
        assert_eq!(me["id"], &*client.id, "{me}");
        assert!(["customer", "driver"].contains(&me["role"].as_str().unwrap_or_default()), "{me}");
    }
}

#[tokio::test]
async fn my_calls_come_in_pages_each_once() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.push(id_of(&customer.request_call().await));
    }
    server.customer("jun").request_call().await;
    lists_calls(&customer, "/v1/me/calls", 7).await;
    let mut found: Vec<_> = every_item(&customer, "/v1/me/calls", 3).await.iter().map(id_of).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn my_calls_can_be_filtered() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let kept = id_of(&customer.request_call().await);
    let cancelled = id_of(&customer.request_call().await);
    customer.command(&cancelled, "cancel").await.expect(200);
    let items = lists_calls(&customer, "/v1/me/calls?status=cancelled", 1).await;
    assert_eq!(id_of(&items[0]), cancelled);
    let items = lists_calls(&customer, "/v1/me/calls?status=requested", 1).await;
    assert_eq!(id_of(&items[0]), kept);
    lists_calls(&customer, "/v1/me/calls?service=driver-call", 2).await;
}

#[tokio::test]
async fn a_driver_sees_the_calls_it_took() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.take(&id).await;
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
    let items = lists_calls(&driver, "/v1/me/calls?status=completed", 1).await;
    assert_eq!(id_of(&items[0]), id);
    assert!(!driver.timeline(&id).await.is_empty());
}

#[tokio::test]
async fn the_timeline_is_complete_in_order_and_correlated() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    for command in ["start", "complete"] {
        driver.command(&id, command).await.expect(200);
    }
    let timeline = eventually("the timeline has every step", async || {
        let timeline = customer.timeline(&id).await;
        let text = serde_json::to_string(&timeline).unwrap_or_default();
        if timeline.len() >= 5 && text.contains("completed") { Ok(timeline) } else { Err(text) }
    })
    .await;
    for entry in &timeline {
        assert!(entry["cause"].is_string() || entry["cause"].is_object(), "{entry}");
        assert!(entry["trace"].is_string(), "{entry}");
    }
    assert_eq!(server.operator().timeline(&id).await, timeline);
}

#[tokio::test]
async fn operators_list_every_call() {
    let server = Server::start().await;
    let operator = server.operator();
    for name in ["mina", "jun", "sora"] {
        server.customer(name).request_call().await;
    }
    lists_calls(&operator, "/v1/calls", 3).await;
    lists_calls(&operator, "/v1/calls?service=driver-call&status=requested", 3).await;
    lists_calls(&operator, "/v1/calls?status=completed", 0).await;
    assert_eq!(every_item(&operator, "/v1/calls", 2).await.len(), 3);
}

#[tokio::test]
async fn notifications_come_once_each_and_survive_a_kill() {
    let mut server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    driver.command(&id, "start").await.expect(200);
    let before = customer.notified_about(&id, 3).await;
    server.kill_and_start_again().await;
    driver.command(&id, "complete").await.expect(200);
    let after = customer.notified_about(&id, before.len() + 1).await;
    assert_eq!(after.len(), before.len() + 1, "no notification is repeated after a restart: {after:?}");
    let all = every_item(&customer, "/v1/me/notifications", 2).await;
    assert_eq!(all.len(), after.len());
    assert!(server.customer("jun").notifications_about(&id).await.is_empty());
}

#[tokio::test]
async fn the_services_tell_a_client_what_it_needs() {
    let server = Server::start().await;
    let services = server.customer("mina").get("/v1/services").await.expect(200);
    let items = if services.is_array() { &services } else { &services["items"] };
    let service = items.as_array().and_then(|all| all.iter().find(|service| service["id"] == "driver-call"));
    let service = service.unwrap_or_else(|| panic!("no driver-call in {services}"));
    assert!(service.to_string().contains("기사"), "it names its noun: {service}");
    assert_ne!(service, &json!({"id": "driver-call"}));
}

#[tokio::test]
async fn people_are_told_in_their_language_in_my_page_and_on_the_socket() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut screens = [customer.ws_in("ko-KR, ko;q=0.9").await, customer.ws_in("en-GB").await];
    let id = customer.request_paid_call().await;
    for (screen, language) in screens.iter_mut().zip(["ko", "en"]) {
        let told = screen.next_frame_of("notification").await["notification"].take();
        assert_eq!((&told["message"], &told["call"]), (&told["text"][language], &json!(id)), "{told}");
    }
    customer.notified_about(&id, 1).await;
    for (wanted, language) in [("ko", "ko"), ("en-US, en;q=0.5", "en"), ("fr", "en"), ("*", "ko")] {
        let asked = customer.request(Method::GET, "/v1/me/notifications").header("accept-language", wanted);
        let reply = Client::send(asked).await;
        assert_eq!(reply.header("content-language"), Some(language), "{wanted}");
        let item = reply.expect(200)["items"][0].take();
        assert_eq!(item["message"], item["text"][language], "{wanted}: {item}");
        assert_ne!(item["text"]["ko"], item["text"]["en"], "{item}");
    }
}
