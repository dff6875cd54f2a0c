//! Something in the store cannot be read: that one thing is parked and shown, and everything else goes on.

use serde_json::json;

use crate::harness::{GANGNAM, Server, eventually, id_of};

impl Server {
    async fn is_parked(&self, kind: &str, id: &str) {
        eventually(&format!("{kind}/{id} is parked"), async || {
            let actor = self.actor(kind, id).await;
            if actor["status"] == "parked" { Ok(()) } else { Err(actor.to_string()) }
        })
        .await;
        let actor = self.actor(kind, id).await;
        let panic = actor["last_panic"]["message"].as_str().unwrap_or_default();
        assert!(panic.contains("cannot be read"), "{actor}");
        assert!(actor["state"]["unreadable"].is_string(), "{actor}");
        let tree = self.operator().get("/v1/ops/actors").await.expect(200);
        let kinds = tree["items"].as_array().cloned().unwrap_or_default();
        let listed = kinds.iter().find(|figures| figures["kind"] == kind).expect("the kind");
        assert!(listed["parked_ids"].as_array().is_some_and(|ids| ids.contains(&json!(id))), "{listed}");
    }

    async fn operators_are_told_of(&self, actor: &str) {
        eventually(&format!("operators are told of {actor}"), async || {
            let told = self.operator().get("/v1/me/notifications?service=driver-call").await.expect(200);
            let told = told["items"].as_array().cloned().unwrap_or_default();
            let about = told.iter().any(|notice| {
                notice["occasion"] == "actor_parked"
                    && notice["text"]["en"].as_str().is_some_and(|text| text.contains(actor))
            });
            if about { Ok(()) } else { Err(json!(told).to_string()) }
        })
        .await;
    }

    async fn conflicts(&self) -> u64 {
        let metrics = self.nobody().get("/metrics").await.text;
        let name = "callout_store_commits_total{outcome=\"conflict\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|count| count.parse().ok()).expect("the count of conflicts")
    }

    async fn unreadable(&self, record: &str) -> Option<u64> {
        let metrics = self.nobody().get("/metrics").await.text;
        let name = format!("callout_store_unreadable_total{{record=\"{record}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).and_then(|count| count.parse().ok())
    }
}

#[tokio::test]
async fn a_damaged_call_and_a_damaged_driver_stop_no_start_and_go_on_once_they_are_mended() {
    let mut server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    server.register_driver("driver-b", GANGNAM).await;
    let customer = server.customer("mina");
    let (damaged, other) = (customer.request_paid_call().await, customer.request_paid_call().await);
    for driver in ["driver-a", "driver-b"] {
        server.driver(driver).offered(&damaged).await;
        server.driver(driver).offered(&other).await;
    }
    let before = customer.call(&damaged).await;
    server.kill();
    for thing in [format!("call/{damaged}"), "driver/driver-b".to_owned()] {
        server.damage(&thing).await;
    }
    server.start_again().await;
    assert_eq!(server.unreadable("snapshot").await, Some(2));
    let driver = server.driver("driver-a");
    driver.take(&other).await;
    server.is_parked("call", &damaged).await;
    server.is_parked("driver", "driver-b").await;
    server.operators_are_told_of(&format!("call/{damaged}")).await;
    server.customer("mina").get(&format!("/v1/calls/{damaged}")).await.problem(503, "parked");
    assert_eq!(server.unreadable("snapshot").await, Some(2), "whoever reads it later does not count it again");
    server.mend(&format!("call/{damaged}")).await;
    server.resume("call", &damaged).await;
    let after = server.call_is(&damaged, &["dispatching"]).await;
    assert_eq!(after["version"], before["version"], "{after}");
    server.customer("mina").command(&damaged, "cancel").await.expect(200);
}

#[tokio::test]
async fn a_call_that_is_damaged_while_it_runs_is_parked_alone_and_goes_on_once_it_is_mended() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (damaged, other) = (customer.request_paid_call().await, customer.request_paid_call().await);
    server.damage(&format!("call/{damaged}")).await;
    let reply = customer.command(&damaged, "cancel").await;
    assert_eq!(reply.status, 503, "{}", reply.text);
    server.is_parked("call", &damaged).await;
    server.operators_are_told_of(&format!("call/{damaged}")).await;
    customer.command(&other, "cancel").await.expect(200);
    server.resume("call", &damaged).await;
    server.is_parked("call", &damaged).await;
    server.mend(&format!("call/{damaged}")).await;
    server.resume("call", &damaged).await;
    server.call_is(&damaged, &["dispatching"]).await;
    customer.command(&damaged, "cancel").await.expect(200);
}

#[tokio::test]
async fn a_command_that_always_meets_another_version_is_given_up_after_a_few_times() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.raise_version(&format!("call/{id}")).await;
    let before = server.conflicts().await;
    customer.command(&id, "cancel").await.problem(503, "store_unavailable");
    assert_eq!(server.conflicts().await - before, 6, "once, and five times anew");
    assert_eq!(server.actor("call", &id).await["status"], "running", "its state can be read");
}

#[tokio::test]
async fn a_position_that_meets_another_version_is_given_up_without_a_panic() {
    let mut server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    server.raise_version("driver/driver-a").await;
    driver.post("/v1/drivers/driver-a/position", json!({"lat": 37.4985, "lng": 127.0280})).await.expect(204);
    server.terminate();
    assert!(server.ended().await.success());
    let log = server.log();
    assert!(log.contains("another version is stored than the one in memory"), "{log}");
    assert!(!log.contains("an actor panicked"), "{log}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_holds_up_no_list() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    customer.request_paid_call().await;
    server.put_nonsense_into_the_stream().await;
    let id = customer.request_paid_call().await;
    eventually("the call is in the list", async || {
        let page = server.operator().get("/v1/calls").await.expect(200);
        if page.to_string().contains(&id) { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    eventually("the event is counted", async || match server.unreadable("event").await {
        Some(1) => Ok(()),
        count => Err(format!("{count:?}")),
    })
    .await;
}
