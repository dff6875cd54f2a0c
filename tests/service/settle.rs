//! Rides whose payment cannot be had: an operator ends them, the driver is free at once, and a debt is shown, paid and gone.

use serde_json::{Value, json};

use crate::{
    harness::{Client, GANGNAM, Reply, SEOUL_STATION, Server, Setup, eventually, id_of, place},
    scope::limited,
    taxi::{TAXI, request_ride, ride},
};

async fn settle(server: &Server, call: &str, how: &str) -> Reply {
    let body = json!({"as": how, "reason": "카드 거절, 승객 하차"});
    server.operator().post(&format!("/v1/calls/{call}/settle"), body).await
}

/// A ride at its destination whose card was declined: its id and its taxi, which nobody but an operator sets free.
async fn stuck(server: &Server, customer: &Client) -> (String, Client) {
    let (id, taxi) = server.ride_under_way(customer, "tok_declined").await;
    // Where the wait for the payment is short, the answer may come before its outcome.
    let reply = taxi.command(&id, "complete").await;
    assert!(matches!(reply.status, 402 | 503), "{reply:?}");
    server.payment_is(&id, &["declined"]).await;
    server.driver_is("taxi-a", &["engaged"]).await;
    (id, taxi)
}

async fn debts(customer: &Client) -> Value {
    customer.get("/v1/me").await.expect(200)["debts"].take()
}

fn debt_of(call: &Value) -> Value {
    json!({"call": call["id"], "amount": call["fare"]["amount"], "currency": "KRW"})
}

/// Taxis are refused to customers who owe an earlier fare.
fn strict() -> Setup {
    Setup::new().policy(TAXI, "payment.refuse_debtors", true)
}

fn outcome(call: &Value) -> (&Value, &Value) {
    (&call["status"], &call["payment"]["status"])
}

#[tokio::test]
async fn a_ride_that_is_waived_is_over_and_its_taxi_takes_the_next_one() {
    let server = strict().start().await;
    let customer = server.customer("mina");
    let (id, taxi) = stuck(&server, &customer).await;
    let mut screen = taxi.ws().await;
    let call = settle(&server, &id, "waived").await.expect(200);
    assert_eq!(outcome(&call), (&json!("completed"), &json!("waived")), "{call}");
    screen.call_is(&id, "completed").await;
    assert_eq!(debts(&customer).await, json!([]));
    let next = request_ride(&customer, "tok_ok").await;
    taxi.take(&next).await;
    customer.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
    assert_eq!(taxi.command(&id, "complete").await.expect(200)["payment"]["status"], "waived");
    assert_eq!(server.ledger(&id).await.charges, 0);
    let told = customer.notified_about(&id, 5).await;
    let waived = told.iter().find(|notice| notice["occasion"] == "waived").unwrap_or_else(|| panic!("{told:?}"));
    assert!(waived["text"]["ko"].as_str().is_some_and(|text| text.contains("카드 거절")), "{waived}");
    let timeline = customer.timeline(&id).await;
    let entry = timeline.iter().find(|entry| entry["event"] == "settled").unwrap_or_else(|| panic!("{timeline:?}"));
    assert!(entry["cause"].as_str().is_some_and(|by| by.starts_with("operator/")), "{entry}");
    assert!(entry["description"]["en"].as_str().is_some_and(|text| text.contains("waived")), "{entry}");
    assert!(entry["description"]["ko"].as_str().is_some_and(|text| text.contains("카드 거절")), "{entry}");
}

#[tokio::test]
async fn a_debt_is_shown_stands_in_the_way_is_paid_and_is_gone() {
    let server = strict().start().await;
    let customer = server.customer("mina");
    let (id, taxi) = stuck(&server, &customer).await;
    let call = settle(&server, &id, "debt").await.expect(200);
    assert_eq!(outcome(&call), (&json!("completed"), &json!("debt")), "{call}");
    assert_eq!(debts(&customer).await, json!([debt_of(&call)]));
    let problem = customer.post("/v1/calls", ride("tok_ok")).await.problem(402, "debt_open");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(&id)), "{problem}");
    let other = request_ride(&server.customer("jun"), "tok_ok").await;
    taxi.take(&other).await;
    let problem = customer.pay(&id, "tok_declined").await.problem(402, "payment_declined");
    assert_eq!(outcome(&problem["call"]), (&json!("completed"), &json!("debt")), "{problem}");
    assert_eq!(debts(&customer).await, json!([debt_of(&call)]));
    let paid = customer.pay(&id, "tok_ok").await.expect(200);
    assert_eq!(outcome(&paid), (&json!("completed"), &json!("charged")), "{paid}");
    assert_eq!(debts(&customer).await, json!([]));
    request_ride(&customer, "tok_ok").await;
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["payment"]["status"], "charged");
    let ledger = server.ledger_is(&id, 1, 0).await;
    assert_eq!(Some(ledger.charged), call["fare"]["amount"].as_u64());
    let occasions: Vec<_> = customer.notified_about(&id, 7).await.iter().map(|told| told["occasion"].clone()).collect();
    for occasion in ["debt", "completed", "paid"] {
        assert_eq!(occasions.iter().filter(|told| *told == occasion).count(), 1, "{occasion}: {occasions:?}");
    }
}

#[tokio::test]
async fn a_debt_stands_in_the_way_only_where_the_policy_says_so() {
    let server = Setup::new().policy("driver-call", "payment.refuse_debtors", true).start().await;
    let customer = server.customer("mina");
    let (id, _) = stuck(&server, &customer).await;
    settle(&server, &id, "debt").await.expect(200);
    request_ride(&customer, "tok_ok").await;
    let trip = json!({"service": "driver-call", "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION)});
    customer.post("/v1/calls", trip).await.problem(402, "debt_open");
    // A token that is limited to other services does not hear of it.
    let elsewhere = limited(&server, "customer", "mina", "cleaning");
    assert_eq!(debts(&elsewhere).await, json!([]));
}

#[tokio::test]
async fn a_settled_ride_is_settled_once_and_by_operators_of_its_service() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let id = request_ride(&customer, "tok_declined").await;
    let path = format!("/v1/calls/{id}/settle");
    let waive = || json!({"as": "waived", "reason": "no card"});
    settle(&server, &id, "waived").await.problem(409, "illegal_transition");
    taxi.take(&id).await;
    taxi.command(&id, "start").await.expect(200);
    for someone in [&customer, &taxi] {
        someone.post(&path, waive()).await.problem(403, "forbidden");
    }
    limited(&server, "operator", "op", "cleaning").post(&path, waive()).await.problem(404, "not_found");
    for (body, word) in [
        (json!({"as": "waived"}), "reason"),
        (json!({"as": "waived", "reason": " "}), "reason"),
        (json!({"as": "waived", "reason": "a\u{202e}b"}), "reason"),
        (json!({"as": "waived", "reason": "x".repeat(501)}), "reason"),
        (json!({"as": "gift", "reason": "x"}), "as"),
        (json!({"reason": "x"}), "as"),
    ] {
        let problem = server.operator().post(&path, body.clone()).await.problem(400, "invalid_request");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{body}: {problem}");
    }
    server.operator().post("/v1/calls/call_none/settle", waive()).await.problem(404, "not_found");
    let own = limited(&server, "operator", "op", TAXI).post(&path, waive()).await.expect(200);
    assert_eq!(own["payment"]["status"], "waived");
    assert_eq!(settle(&server, &id, "waived").await.expect(200)["version"], own["version"]);
    settle(&server, &id, "debt").await.problem(409, "illegal_transition");
    assert_eq!(server.call_is(&id, &["completed"]).await["payment"]["status"], "waived");
    server.driver_is("taxi-a", &["available"]).await;
}

#[tokio::test]
async fn a_ride_whose_charge_is_under_way_is_not_settled() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.simulate(json!({"latency_ms": 1_500})).await;
    let completing = tokio::spawn({
        let (taxi, id) = (taxi.clone(), id.clone());
        async move { taxi.command(&id, "complete").await }
    });
    server.payment_is(&id, &["charging"]).await;
    for how in ["waived", "debt"] {
        let problem = settle(&server, &id, how).await.problem(409, "charge_in_flight");
        assert_eq!(problem["call"]["status"], "started", "{problem}");
    }
    let done = completing.await.expect("an answer").expect(200);
    assert_eq!(outcome(&done), (&json!("completed"), &json!("charged")), "{done}");
    settle(&server, &id, "waived").await.problem(409, "illegal_transition");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_paid_ride_whose_driver_has_gone_is_completed_by_an_operator() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    driver.take(&id).await;
    server.operator().command(&id, "complete").await.problem(409, "illegal_transition");
    driver.command(&id, "start").await.expect(200);
    let problem = settle(&server, &id, "waived").await.problem(409, "illegal_transition");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("complete it")), "{problem}");
    let call = server.operator().command(&id, "complete").await.expect(200);
    assert_eq!(outcome(&call), (&json!("completed"), &json!("charged")), "{call}");
    server.driver_is("driver-a", &["available"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn an_operator_completes_a_taxi_ride_and_settles_it_when_the_card_is_declined() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, _) = server.ride_under_way(&customer, "tok_declined").await;
    server.operator().command(&id, "complete").await.problem(402, "payment_declined");
    settle(&server, &id, "debt").await.expect(200);
    server.driver_is("taxi-a", &["available"]).await;
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["payment"]["status"], "charged");
}

#[tokio::test]
async fn a_debt_survives_a_kill_at_every_step() {
    let mut server = strict().start().await;
    let customer = server.customer("mina");
    let (id, taxi) = stuck(&server, &customer).await;
    let call = settle(&server, &id, "debt").await.expect(200);
    server.kill_and_start_again().await;
    assert_eq!(debts(&customer).await, json!([debt_of(&call)]));
    assert_eq!(outcome(&customer.call(&id).await), (&json!("completed"), &json!("debt")));
    server.driver_is("taxi-a", &["available"]).await;
    customer.post("/v1/calls", ride("tok_ok")).await.problem(402, "debt_open");
    // The charge is on its way when the process dies: it is looked up, and the debt goes.
    server.simulate(json!({"latency_ms": 3_000})).await;
    let paying = tokio::spawn({
        let (customer, id) = (customer.clone(), id.clone());
        async move {
            Client::try_send(
                customer
                    .request(reqwest::Method::POST, &format!("/v1/calls/{id}/pay"))
                    .json(&json!({"method": "tok_ok"})),
            )
            .await
            .is_err()
        }
    });
    server.payment_is(&id, &["charging"]).await;
    server.kill_and_start_again().await;
    assert!(paying.await.expect("it ended"), "the process died before it answered");
    server.payment_is(&id, &["charged"]).await;
    eventually("the debt is gone", async || {
        let debts = debts(&customer).await;
        if debts == json!([]) { Ok(()) } else { Err(debts.to_string()) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
    let next = request_ride(&customer, "tok_ok").await;
    taxi.post("/v1/drivers/taxi-a/position", json!({"lat": GANGNAM.0, "lng": GANGNAM.1})).await.expect(204);
    taxi.take(&next).await;
}

#[tokio::test]
async fn a_debt_whose_account_does_not_answer_is_noted_when_it_is_back() {
    let server = strict().config("[http]\npayment_wait_ms = 300\n").start().await;
    let customer = server.customer("mina");
    customer.put("/v1/me", json!({"name": "Mina"})).await.expect(200);
    let (id, _) = stuck(&server, &customer).await;
    server.park("account", "mina").await;
    let call = settle(&server, &id, "debt").await.expect(200);
    server.driver_is("taxi-a", &["available"]).await;
    customer.get("/v1/me").await.problem(503, "parked");
    // Whether something is owed is not known now: no call is begun.
    customer.post("/v1/calls", ride("tok_ok")).await.problem(503, "parked");
    // The debt can be paid all the same, and is gone from the account once that hears of both.
    // With so short a wait an answer may be "pending".
    eventually("the debt is paid", async || {
        let reply = customer.pay(&id, "tok_ok").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    assert_eq!(outcome(&customer.call(&id).await), (&json!("completed"), &json!("charged")));
    server.resume("account", "mina").await;
    eventually("the account has heard of the debt and of its payment", async || {
        let cleared = customer.timeline(&id).await.iter().any(|entry| entry["event"] == "debt_cleared");
        if cleared { Ok(()) } else { Err("not cleared yet".to_owned()) }
    })
    .await;
    assert_eq!(debts(&customer).await, json!([]));
    id_of(&customer.post("/v1/calls", ride("tok_ok")).await.expect(201));
    assert_eq!(server.ledger(&id).await.charged, call["fare"]["amount"].as_u64().expect("an amount"));
}
