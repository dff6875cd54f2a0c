//! What is stored and cannot be read is known from the start on, and holds up nobody else.

use crate::harness::{GANGNAM, Server, eventually};

#[tokio::test]
async fn a_call_that_cannot_be_read_is_parked_at_the_start_and_operators_are_told() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (damaged, whole) = (customer.request_paid_call().await, customer.request_paid_call().await);
    server.damage_and_start_again(&damaged).await;
    eventually("the operators are told", async || {
        let told = server.operator().get("/v1/me/notifications?service=driver-call").await.expect(200);
        let is_it = |notice: &serde_json::Value| {
            let text = notice["text"]["en"].as_str().unwrap_or_default();
            notice["occasion"] == "actor_parked" && text.contains(&damaged)
        };
        if told["items"].as_array().into_iter().flatten().any(is_it) { Ok(()) } else { Err(told.to_string()) }
    })
    .await;
    let actor = server.operator().get(&format!("/v1/ops/actors/call/{damaged}")).await.expect(200);
    assert_eq!(actor["status"], "parked", "{actor}");
    server.register_driver("driver-a", GANGNAM).await.take(&whole).await;
}
