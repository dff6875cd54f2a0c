//! Crash drills: an actor that panics is back from its snapshot, and nobody else notices.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, eventually, id_of, trip_paid_with};

/// Asks until the actor behind it has come back; nothing but "not now" may be answered meanwhile.
async fn answered(client: &Client, path: &str) -> Value {
    eventually(&format!("{path} is answered"), async || {
        let reply = client.get(path).await;
        if reply.status == 200 {
            return Ok(reply.body);
        }
        Err(reply.problem_503())
    })
    .await
}

impl crate::harness::Reply {
    fn problem_503(self) -> String {
        assert_eq!(self.status, 503, "{}", self.text);
        self.any_problem().to_string()
    }
}

#[tokio::test]
async fn a_crashed_call_is_back_from_its_snapshot() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let other = server.customer("jun").request_call().await;
    driver.take(&id).await;
    let before = customer.call(&id).await;
    for _ in 0..2 {
        server.crash("call", &id).await;
        assert_eq!(server.customer("jun").call(&id_of(&other)).await, other, "nobody else notices");
    }
    let after = answered(&customer, &format!("/v1/calls/{id}")).await;
    assert_eq!((&after["status"], &after["version"]), (&before["status"], &before["version"]));
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
}

#[tokio::test]
async fn a_crashed_driver_keeps_its_call_and_its_offers() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.offered(&id).await;
    server.crash("driver", "driver-a").await;
    answered(&driver, "/v1/drivers/driver-a").await;
    driver.take(&id).await;
    server.crash("driver", "driver-a").await;
    server.driver_is("driver-a", &["engaged"]).await;
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
    server.driver_is("driver-a", &["available"]).await;
}

#[tokio::test]
async fn a_payment_that_crashes_in_flight_is_charged_once() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"latency_ms": 400})).await;
    let id = id_of(&customer.request_call().await);
    let crash = async {
        server.payment_is(&id, &["charging", "unknown"]).await;
        server.crash("payment", &id).await;
    };
    let (reply, ()) = tokio::join!(customer.pay(&id, "tok_ok"), crash);
    assert!(matches!(reply.status, 200 | 503), "{} {}", reply.status, reply.text);
    server.payment_is(&id, &["charged"]).await;
    server.call_is(&id, &["dispatching"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_crashed_dispatcher_goes_on_offering() {
    let server = Server::start().await;
    let waiting = server.customer("mina").request_paid_call().await;
    server.crash("dispatcher", "driver-call").await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    driver.take(&waiting).await;
    server.crash("dispatcher", "driver-call").await;
    let other = server.register_driver("driver-b", GANGNAM).await;
    let next = server.customer("jun").request_paid_call().await;
    other.take(&next).await;
}

#[tokio::test]
async fn a_crashed_guard_goes_on_paying() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"latency_ms": 300})).await;
    let id = id_of(&customer.request_call().await);
    let crash = async {
        server.payment_is(&id, &["charging", "unknown"]).await;
        server.crash("guard", "gateway").await;
    };
    let (reply, ()) = tokio::join!(customer.pay(&id, "tok_ok"), crash);
    assert!(matches!(reply.status, 200 | 503), "{} {}", reply.status, reply.text);
    server.simulate(json!({})).await;
    eventually("the payment is settled", async || {
        let reply = customer.pay(&id, "tok_ok").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
    customer.request_paid_call().await;
}

#[tokio::test]
async fn a_crashed_read_model_catches_up_and_repeats_nothing() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let first = customer.request_paid_call().await;
    customer.notified_about(&first, 1).await;
    server.crash("readmodel", "readmodel").await;
    let second = customer.request_paid_call().await;
    let ids = eventually("My Page shows both calls", async || {
        let reply = customer.get("/v1/me/calls").await;
        let items = reply.body["items"].as_array().cloned().unwrap_or_default();
        if items.len() == 2 { Ok(items.iter().map(id_of).collect::<Vec<_>>()) } else { Err(reply.text) }
    })
    .await;
    assert!(ids.contains(&first) && ids.contains(&second));
    let count = customer.notified_about(&second, 1).await.len();
    assert_eq!(customer.notifications_about(&first).await.len(), count, "both calls went through the same");
}

#[tokio::test]
async fn calls_are_taken_while_the_read_model_is_down_and_shown_when_it_is_back() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.park("readmodel", "readmodel").await;
    let id = customer.request_paid_call().await;
    assert_eq!(customer.call(&id).await["status"], "dispatching");
    server.resume("readmodel", "readmodel").await;
    eventually("My Page shows the call", async || {
        let page = customer.get("/v1/me/calls").await;
        let shown = page.body["items"].as_array().is_some_and(|items| items.iter().any(|call| id_of(call) == id));
        if shown { Ok(()) } else { Err(page.text) }
    })
    .await;
    customer.notified_about(&id, 1).await;
}

#[tokio::test]
async fn beyond_its_intensity_a_call_is_parked_and_resume_puts_it_back_to_work() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let before = customer.call(&id).await;
    server.park("call", &id).await;
    customer.get(&format!("/v1/calls/{id}")).await.problem(503, "parked");
    customer.command(&id, "cancel").await.problem(503, "parked");
    customer.post("/v1/calls", trip_paid_with("tok_ok")).await.expect(201);
    let tree = server.operator().get("/v1/ops/actors").await.expect(200).to_string();
    assert!(tree.contains(r#""parked":1"#), "{tree}");
    server.resume("call", &id).await;
    assert_eq!(answered(&customer, &format!("/v1/calls/{id}")).await["version"], before["version"]);
    assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled");
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn a_parked_payment_takes_no_money_until_it_is_resumed() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.park("payment", &id).await;
    let reply = customer.pay(&id, "tok_ok").await;
    assert_eq!(reply.status, 503, "{}", reply.text);
    reply.any_problem();
    assert_eq!(server.ledger(&id).await.charges, 0);
    server.resume("payment", &id).await;
    eventually("the payment is taken", async || {
        let reply = customer.pay(&id, "tok_ok").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_drill_on_what_does_not_exist_is_404() {
    let server = Server::start().await;
    for path in ["call/call_none", "driver/nobody", "dispatcher/no-such-service", "unicorn/u1"] {
        let reply = server.operator().post(&format!("/v1/ops/actors/{path}/crash"), json!({})).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
        reply.any_problem();
    }
}
