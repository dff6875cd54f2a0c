//! A driver who has a call and cannot come: the call looks for another one, and the customer's money stays where it is.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, Setup, eventually, id_of, place};

async fn assigned(server: &Server, customer: &Client, driver: &Client) -> String {
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    server.call_is(&id, &["assigned"]).await;
    id
}

#[tokio::test]
async fn a_call_that_is_released_goes_to_another_driver_for_the_same_money() {
    let server = Server::start().await;
    let (first, customer) = (server.register_driver("driver-a", GANGNAM).await, server.customer("mina"));
    let id = assigned(&server, &customer, &first).await;
    let second = server.register_driver("driver-b", GANGNAM).await;
    let mut screen = customer.ws().await;
    let told = first.post(&format!("/v1/calls/{id}/release"), json!({"reason": "고장"})).await.expect(200);
    assert_eq!((&told["id"], &told["status"]), (&json!(id), &json!("dispatching")), "{told}");
    let members: Vec<_> = told.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "label", "service", "status", "version"], "an outline: {told}");
    screen.call_is(&id, "dispatching").await;
    let again = first.post(&format!("/v1/calls/{id}/release"), json!({})).await.expect(200);
    assert_eq!(again["status"], "dispatching", "{again}");
    server.driver_is("driver-a", &["available"]).await;
    second.take(&id).await;
    assert_eq!(first.offers().await, Vec::<String>::new(), "that driver is not asked again");
    first.command(&id, "accept").await.problem(409, "call_taken");
    second.command(&id, "start").await.expect(200);
    second.command(&id, "release").await.problem(409, "illegal_transition");
    second.command(&id, "complete").await.expect(200);
    server.ledger_is(&id, 1, 0).await;
    let timeline = customer.timeline(&id).await;
    let released = timeline.iter().filter(|entry| entry["event"] == "released").count();
    assert_eq!(released, 1, "the same again is no news: {timeline:?}");
    let told = customer.notifications_about(&id).await;
    assert!(
        told.iter().any(|notice| notice["occasion"] == "released" && notice.to_string().contains("고장")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_cancel_by_the_driver_who_has_the_call_is_a_release() {
    let server = Server::start().await;
    let (first, customer) = (server.register_driver("driver-a", GANGNAM).await, server.customer("mina"));
    let id = assigned(&server, &customer, &first).await;
    let told = first.command(&id, "cancel").await.expect(200);
    assert_eq!(told["status"], "dispatching", "{told}");
    assert!(told["customer_id"].is_null(), "the rest is no longer this driver's business: {told}");
    let call = customer.call(&id).await;
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("dispatching"), &json!("charged")), "{call}");
    customer.command(&id, "cancel").await.expect(200);
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn a_call_that_is_given_back_too_often_is_cancelled_and_refunded() {
    let server = Setup::new().policy("driver-call", "redispatch.tries", 1).start().await;
    let (first, customer) = (server.register_driver("driver-a", GANGNAM).await, server.customer("mina"));
    let id = assigned(&server, &customer, &first).await;
    let second = server.register_driver("driver-b", GANGNAM).await;
    first.command(&id, "release").await.expect(200);
    second.take(&id).await;
    let told = second.command(&id, "release").await.expect(200);
    assert_eq!(told["status"], "cancelled", "{told}");
    let call = customer.call(&id).await;
    assert_eq!((&call["cancelled_by"], &call["reason"]), (&json!("system"), &json!("no_driver")), "{call}");
    server.ledger_is(&id, 1, 1).await;
    server.driver_is("driver-b", &["available"]).await;
    second.command(&id, "release").await.expect(200);
}

#[tokio::test]
async fn a_search_that_finds_nobody_any_more_ends_in_a_refund() {
    let server = Setup::new().policy("driver-call", "redispatch.search_s", 1).start().await;
    let (first, customer) = (server.register_driver("driver-a", GANGNAM).await, server.customer("mina"));
    let id = assigned(&server, &customer, &first).await;
    first.command(&id, "release").await.expect(200);
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!(call["reason"], "no_driver", "{call}");
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn a_release_survives_a_kill() {
    let mut server = Server::start().await;
    let (first, customer) = (server.register_driver("driver-a", GANGNAM).await, server.customer("mina"));
    let id = assigned(&server, &customer, &first).await;
    first.command(&id, "release").await.expect(200);
    server.kill_and_start_again().await;
    server.driver_is("driver-a", &["available"]).await;
    let second = server.register_driver("driver-b", GANGNAM).await;
    second.take(&id).await;
    assert_eq!(server.driver("driver-a").offers().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_company_that_cannot_come_is_replaced_as_well() {
    let server = Server::start().await;
    let operator = server.operator();
    for company in ["ssak1", "ssak2"] {
        operator
            .put(&format!("/v1/drivers/{company}"), json!({"service": "cleaning", "name": company}))
            .await
            .expect(201);
    }
    let period = json!({"from": "2030-05-01T01:00:00Z", "to": "2030-05-01T04:00:00Z"});
    let body =
        json!({"service": "cleaning", "pickup": place(GANGNAM), "period": period, "payment": {"method": "tok_ok"}});
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", body).await.expect(201));
    let has_it = |call: &Value| call["driver"]["id"].as_str().unwrap_or_default().to_owned();
    let before = has_it(&server.call_is(&id, &["assigned"]).await);
    server.driver(&before).command(&id, "release").await.expect(200);
    eventually("the other company has it", async || {
        let call = customer.call(&id).await;
        if call["status"] == "assigned" && has_it(&call) != before { Ok(()) } else { Err(call.to_string()) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn only_the_driver_who_has_the_call_gives_it_back() {
    let server = Server::start().await;
    let (first, customer) = (server.register_driver("driver-a", GANGNAM).await, server.customer("mina"));
    let id = assigned(&server, &customer, &first).await;
    let other = server.register_driver("driver-b", GANGNAM).await;
    other.command(&id, "release").await.problem(404, "not_found");
    customer.command(&id, "release").await.problem(403, "forbidden");
    server.operator().command(&id, "release").await.problem(403, "forbidden");
    assert_eq!(customer.call(&id).await["status"], "assigned");
}
