//! Calls that the store no longer has: the read model answers for them, with the same rights.

use serde_json::{Value, json};

use crate::harness::{Claims, Client, GANGNAM, Setup, eventually, mint};

/// On Redis what is over expires after a second.
const SHORT: &str = "[store]\nkeep_finished_s = 1\n";

async fn history(client: &Client, call: &str, end: &str) -> Vec<Value> {
    eventually("the history is whole", async || {
        let timeline = client.timeline(call).await;
        let whole = timeline.iter().any(|entry| entry["event"] == end);
        if whole { Ok(timeline) } else { Err(json!(timeline).to_string()) }
    })
    .await
}

#[tokio::test]
async fn a_call_that_has_left_the_store_is_still_shown_with_its_history_to_those_it_concerns() {
    let mut server = Setup::new().config(SHORT).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let other = server.register_driver("driver-b", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    for command in ["start", "complete"] {
        driver.command(&id, command).await.expect(200);
    }
    let whole = history(&customer, &id, "completed").await;
    let before = customer.call(&id).await;
    server.forget_and_start_again(&id).await;
    for client in [&customer, &driver, &server.operator()] {
        assert_eq!(client.call(&id).await, before, "{}", client.id);
        assert_eq!(client.timeline(&id).await, whole, "{}", client.id);
        let page = client.get(&format!("/v1/calls/{id}/timeline?limit=3")).await.expect(200);
        assert_eq!(page["items"], json!(whole[..3]));
    }
    let mut claims = Claims::new("operator", "operator-2");
    claims.services = Some(vec!["cleaning".into()]);
    let elsewhere = server.client_with(Some(mint(&claims, server.secret())), "operator-2");
    for stranger in [&server.customer("jun"), &other, &elsewhere] {
        stranger.get(&format!("/v1/calls/{id}")).await.problem(404, "not_found");
        stranger.get(&format!("/v1/calls/{id}/timeline")).await.problem(404, "not_found");
    }
    customer.get("/v1/calls/call_none/timeline").await.problem(404, "not_found");
    let mut screen = customer.ws().await;
    screen.subscribe(&id, None).await;
    assert_eq!(screen.call_is(&id, "completed").await["call"], before);
    let mut screen = customer.ws().await;
    screen.subscribe(&id, Some(0)).await;
    for status in ["requested", "assigned", "completed"] {
        screen.call_is(&id, status).await;
    }
}

#[tokio::test]
async fn a_driver_reads_of_a_call_that_was_called_off_and_has_left_the_store_what_it_read_before() {
    let mut server = Setup::new().config(SHORT).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["refunded"]).await;
    history(&customer, &id, "cancelled").await;
    eventually("the refund is in the list", async || {
        let page = customer.get("/v1/me/calls").await.expect(200);
        if page["items"][0]["payment"]["status"] == "refunded" { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    server.forget_and_start_again(&id).await;
    let known = driver.timeline(&id).await;
    assert_eq!(known.last().map(|entry| &entry["event"]), Some(&json!("cancelled")), "{known:?}");
    assert_eq!(customer.timeline(&id).await.last().map(|entry| &entry["event"]), Some(&json!("payment_changed")));
}
