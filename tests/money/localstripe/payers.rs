//! Payers who must authenticate (3-D Secure): whatever tells the server of it, and however often, it is one charge.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    edge::{Edge, Endpoint, Fault, When},
    harness::{Client, GANGNAM, SEOUL_STATION, Server, Setup, eventually, id_of, place, trip_paid_with},
    rig::{CONFIRM, INTENT, VISA, WITHDRAW, ask_gateway, booked, impatient, patient, webhooks},
};

/// The card that asks for its payer.
pub const ASKS: &str = "pm_card_authenticationRequired";
const SUCCEEDED: &str = "payment_intent.succeeded";

/// A call whose payment waits for its payer.
async fn asked(customer: &Client) -> Value {
    let call = customer.post("/v1/calls", trip_paid_with(ASKS)).await.expect(201);
    assert_eq!(call["payment"]["status"], "action_required", "{call}");
    call
}

fn secret(call: &Value) -> &str {
    call["payment"]["action"]["client_secret"].as_str().unwrap_or_else(|| panic!("no secret in {call}"))
}

/// The payer answers, as its browser does.
pub async fn authenticate(edge: &Edge, secret: &str, success: bool) -> Value {
    let intent = secret.split("_secret").next().unwrap_or_default();
    let form = [("client_secret", secret), ("success", if success { "true" } else { "false" })];
    ask_gateway(edge, &format!("/v1/payment_intents/{intent}/_authenticate"), &form).await
}

/// A server that looks at a charge whose payer is busy every 5 s only: what happens sooner, a webhook did.
fn slow_to_look(edge: &Edge) -> Setup {
    patient(edge).config("[guard.retry]\ninitial_ms = 60000\nmax_ms = 60000\njitter = 0.0\n")
}

/// The end that all of them have.
async fn charged_once(server: &Server, edge: &Edge, call: &Value) {
    let id = id_of(call);
    let charged = server.payment_is(&id, &["charged"]).await;
    assert_eq!((&charged["status"], charged["payment"].get("action")), (&json!("dispatching"), None), "{charged}");
    assert_eq!(edge.asked("POST", CONFIRM).len(), 1, "it was confirmed once");
    booked(edge, &id, 1, 0).await;
}

#[actix_rt::test]
async fn a_payer_who_authenticates_is_charged_once_by_the_read_alone() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    let call = asked(&server.customer("mina")).await;
    assert_eq!(call["payment"]["action"]["kind"], "sdk");
    authenticate(&edge, secret(&call), true).await;
    charged_once(&server, &edge, &call).await;
}

#[actix_rt::test]
async fn a_payer_who_authenticates_is_charged_once_by_the_webhook_alone() {
    let edge = Edge::start().expect("an edge");
    let server = slow_to_look(&edge).start().await;
    edge.send_events_to(webhooks(&server));
    let call = asked(&server.customer("mina")).await;
    let looks = edge.asked("GET", INTENT).len();
    authenticate(&edge, secret(&call), true).await;
    charged_once(&server, &edge, &call).await;
    assert_eq!(edge.asked("GET", INTENT).len(), looks + 1, "the webhook's look is the only one");
}

#[actix_rt::test]
async fn a_webhook_whose_look_fails_comes_again() {
    let edge = Edge::start().expect("an edge");
    let server = slow_to_look(&edge).start().await;
    edge.send_events_to(Endpoint { tries: 200, ..webhooks(&server) });
    let call = asked(&server.customer("mina")).await;
    edge.order(Fault::status(503, When::Before).on("GET", INTENT).times(3));
    authenticate(&edge, secret(&call), true).await;
    charged_once(&server, &edge, &call).await;
    let told = edge.deliveries();
    assert!(told.iter().any(|one| one.kind == SUCCEEDED && one.status == Some(503)), "{told:?}");
}

#[actix_rt::test]
async fn a_payer_who_authenticates_is_charged_once_by_read_and_webhook_twice() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    edge.send_events_to(Endpoint { copies: 2, ..webhooks(&server) });
    let call = asked(&server.customer("mina")).await;
    authenticate(&edge, secret(&call), true).await;
    charged_once(&server, &edge, &call).await;
    eventually("both copies were taken", async || {
        let told = edge.deliveries();
        let taken = told.iter().filter(|one| one.kind == SUCCEEDED && one.status == Some(204)).count();
        if taken == 2 { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
    charged_once(&server, &edge, &call).await;
}

#[actix_rt::test]
async fn a_webhook_that_comes_before_the_servers_own_answer_is_one_charge_too() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    edge.send_events_to(webhooks(&server));
    edge.order(Fault::held(When::After).on("POST", CONFIRM));
    let customer = server.customer("mina");
    let request = customer.post("/v1/calls", trip_paid_with(VISA));
    let early = async {
        edge.until_event(SUCCEEDED).await;
        edge.until_deliveries(1).await;
    };
    let (reply, ()) = tokio::join!(request, early);
    edge.release();
    let call = if reply.status == 201 { reply.body } else { reply.problem(503, "payment_pending")["call"].clone() };
    charged_once(&server, &edge, &call).await;
}

#[actix_rt::test]
async fn a_payer_who_fails_to_authenticate_gives_another_method_to_the_same_intent() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    let customer = server.customer("mina");
    for (method, success) in [(ASKS, false), ("pm_card_threeDSecureRequiredChargeDeclined", true)] {
        let call = customer.post("/v1/calls", trip_paid_with(method)).await.expect(201);
        let id = id_of(&call);
        authenticate(&edge, secret(&call), success).await;
        server.payment_is(&id, &["declined"]).await;
        booked(&edge, &id, 0, 0).await;
        assert_eq!(customer.pay(&id, VISA).await.expect(200)["payment"]["status"], "charged");
        booked(&edge, &id, 1, 0).await;
    }
    assert_eq!(edge.asked("POST", crate::rig::OPEN).len(), 2);
}

#[actix_rt::test]
async fn a_payer_who_does_nothing_in_time_is_not_charged_and_another_method_may_be_given() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).env("CALLOUT_GATEWAY__ACTION_TIMEOUT_S", "1").start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    let id = id_of(&call);
    server.payment_is(&id, &["declined"]).await;
    let late = authenticate(&edge, secret(&call), true).await;
    assert!(late["error"].is_object(), "{late}");
    booked(&edge, &id, 0, 0).await;
    assert_eq!(customer.pay(&id, VISA).await.expect(200)["payment"]["status"], "charged");
    booked(&edge, &id, 1, 0).await;
}

#[actix_rt::test]
async fn a_call_that_is_cancelled_while_its_payer_is_asked_is_never_charged_or_goes_back() {
    let edge = Edge::start().expect("an edge");
    let server = slow_to_look(&edge).start().await;
    let customer = server.customer("mina");
    let call = asked(&customer).await;
    customer.command(&id_of(&call), "cancel").await.expect(200);
    server.payment_is(&id_of(&call), &["created"]).await;
    assert!(authenticate(&edge, secret(&call), true).await["error"].is_object());
    booked(&edge, &id_of(&call), 0, 0).await;
    // The payer was faster, and nobody has told the server.
    let paid = asked(&customer).await;
    authenticate(&edge, secret(&paid), true).await;
    customer.command(&id_of(&paid), "cancel").await.expect(200);
    server.payment_is(&id_of(&paid), &["refunded"]).await;
    assert_eq!(edge.asked("POST", WITHDRAW).len(), 2);
    booked(&edge, &id_of(&paid), 1, 1).await;
}

#[actix_rt::test]
async fn a_taxi_is_completed_once_its_payer_has_authenticated() {
    let edge = Edge::start().expect("an edge");
    let server = patient(&edge).start().await;
    let (customer, taxi) = (server.customer("mina"), server.register_driver_of("taxi", "taxi-a", GANGNAM).await);
    let ride = json!({
        "service": "taxi", "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION), "payment": {"method": ASKS},
    });
    let id = id_of(&customer.post("/v1/calls", ride).await.expect(201));
    taxi.take(&id).await;
    taxi.command(&id, "start").await.expect(200);
    let problem = taxi.command(&id, "complete").await.problem(409, "payment_action_required");
    assert_eq!(problem["call"]["payment"].get("action"), None, "it is the customer's: {problem}");
    authenticate(&edge, secret(&customer.call(&id).await), true).await;
    server.call_is(&id, &["completed"]).await;
    booked(&edge, &id, 1, 0).await;
}

#[actix_rt::test]
async fn a_kill_while_the_payer_authenticates_loses_nothing() {
    let edge = Edge::start().expect("an edge");
    let mut server = patient(&edge).start().await;
    let call = asked(&server.customer("mina")).await;
    server.kill();
    authenticate(&edge, secret(&call), true).await;
    tokio::time::timeout(Duration::from_secs(30), server.start_again()).await.expect("it starts");
    charged_once(&server, &edge, &call).await;
}
