//! A customer's account: the profile, who sees what of it, and what of it never leaves the server.

use serde_json::{Value, json};

use crate::{
    harness::{Client, GANGNAM, Server, Setup, eventually},
    taxi::request_ride,
};

const NAME: &str = "김민아";
const PHONE: &str = "010-1234-5678";
const EMAIL: &str = "mina@example.com";

fn profile() -> Value {
    json!({"name": NAME, "phone": PHONE, "email": EMAIL, "language": "en"})
}

/// The customer of a call as a driver's view has it.
fn for_the_driver() -> Value {
    json!({"name": NAME, "phone": PHONE})
}

async fn known_customer(server: &Server) -> Client {
    let customer = server.customer("mina");
    customer.put("/v1/me", profile()).await.expect(200);
    customer
}

#[tokio::test]
async fn a_customer_says_who_it_is_and_only_what_is_said_changes() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let me = customer.get("/v1/me").await.expect(200);
    assert!(me["profile"].is_null() && me["debts"] == json!([]), "{me}");
    assert_eq!(customer.put("/v1/me", profile()).await.expect(200)["profile"], profile());
    assert_eq!(customer.get("/v1/me").await.expect(200)["profile"], profile());
    customer.put("/v1/me", json!({"name": "Mina", "email": null})).await.expect(200);
    let wanted = json!({"name": "Mina", "phone": PHONE, "language": "en"});
    assert_eq!(customer.get("/v1/me").await.expect(200)["profile"], wanted);
    server.kill_and_start_again().await;
    assert_eq!(server.customer("mina").get("/v1/me").await.expect(200)["profile"], wanted);
    let stranger = server.customer("jun").get("/v1/me").await.expect(200);
    assert!(stranger["profile"].is_null(), "{stranger}");
    let driver = server.register_driver("driver-a", GANGNAM).await;
    driver.put("/v1/me", profile()).await.problem(403, "forbidden");
    let me = driver.get("/v1/me").await.expect(200);
    assert!(me["debts"].is_null() && me["profile"].is_null(), "{me}");
}

#[tokio::test]
async fn a_profile_that_cannot_be_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let customer = known_customer(&server).await;
    for (body, word) in [
        (json!({}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": "Kim\u{202e}"}), "name"),
        (json!({"name": "Kim", "phone": "0".repeat(101)}), "phone"),
        (json!({"name": "Kim", "email": "kim"}), "email"),
        (json!({"name": "Kim", "language": "fr"}), "language"),
        (json!({"name": "Kim", "nickname": "K"}), "nickname"),
    ] {
        let problem = customer.put("/v1/me", body.clone()).await.problem(400, "invalid_request");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{body}: {problem}");
    }
    assert_eq!(customer.get("/v1/me").await.expect(200)["profile"], profile());
}

#[tokio::test]
async fn the_driver_who_has_a_call_sees_its_customer_until_the_end() {
    let mut server = Server::start().await;
    let customer = known_customer(&server).await;
    let (driver, rival) =
        (server.register_driver("driver-a", GANGNAM).await, server.register_driver("driver-b", GANGNAM).await);
    let mut screen = driver.ws().await;
    let id = customer.request_paid_call().await;
    driver.offered(&id).await;
    rival.offered(&id).await;
    assert!(driver.call(&id).await["customer"].is_null(), "an offer shows no customer");
    let taken = driver.command(&id, "accept").await.expect(200);
    assert_eq!(taken["customer"], for_the_driver(), "{taken}");
    let frame = screen.call_is(&id, "assigned").await;
    assert_eq!(frame["call"]["customer"], for_the_driver(), "{frame}");
    assert_eq!(driver.call(&id).await["customer"], for_the_driver());
    for other in [&customer, &server.operator()] {
        assert!(other.call(&id).await["customer"].is_null());
    }
    assert!(rival.get(&format!("/v1/calls/{id}")).await.body["customer"].is_null());

    // A change is seen at once, and after a kill as well.
    customer.put("/v1/me", json!({"name": "Mina", "phone": null})).await.expect(200);
    assert_eq!(driver.call(&id).await["customer"], json!({"name": "Mina"}));
    server.kill_and_start_again().await;
    let (driver, customer) = (server.driver("driver-a"), server.customer("mina"));
    assert_eq!(driver.call(&id).await["customer"], json!({"name": "Mina"}));
    let mut screen = driver.ws().await;
    assert_eq!(driver.command(&id, "start").await.expect(200)["customer"], json!({"name": "Mina"}));
    assert_eq!(screen.call_is(&id, "started").await["call"]["customer"], json!({"name": "Mina"}));
    eventually("the driver's list has the call with its customer", async || {
        let listed = driver.get("/v1/me/calls?active=true").await.expect(200);
        if listed["items"][0]["customer"] == json!({"name": "Mina"}) { Ok(()) } else { Err(listed.to_string()) }
    })
    .await;

    let done = driver.command(&id, "complete").await.expect(200);
    assert!(done["customer"].is_null(), "{done}");
    let frame = screen.call_is(&id, "completed").await;
    assert!(frame["call"]["customer"].is_null(), "{frame}");
    assert!(driver.call(&id).await["customer"].is_null());
    // What the driver missed of a call that is over comes without its customer.
    let mut later = driver.ws().await;
    later.send(json!({"type": "subscribe", "call": id, "after": 1})).await;
    let replayed = later.call_is(&id, "started").await;
    assert!(replayed["call"]["customer"].is_null(), "{replayed}");
    assert!(customer.call(&id).await["customer"].is_null());
}

#[tokio::test]
async fn name_phone_and_email_are_in_no_list_history_notification_log_or_state_for_operators() {
    let server = Setup::new().env("CALLOUT_LOG", "debug,hyper=info,sqlx=info").start().await;
    let customer = known_customer(&server).await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    for step in ["start", "complete"] {
        taxi.command(&id, step).await.expect(200);
    }
    customer.notified_about(&id, 3).await;
    let operator = server.operator();
    let mut seen = server.log();
    for path in [
        "/v1/calls",
        &format!("/v1/calls/{id}/timeline"),
        "/v1/me/notifications",
        "/v1/ops/actors/account/mina",
        &format!("/v1/ops/actors/call/{id}"),
        "/metrics",
    ] {
        seen += &operator.get(path).await.text;
    }
    for person in [&customer, &taxi] {
        seen += &person.get("/v1/me/notifications").await.text;
        seen += &person.get(&format!("/v1/calls/{id}/timeline")).await.text;
    }
    assert!(seen.contains("mina"), "the customer's id is there");
    for secret in [NAME, PHONE, EMAIL] {
        assert!(!seen.contains(secret), "{secret} has got out");
    }
}
