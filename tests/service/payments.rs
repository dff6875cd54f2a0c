//! Payments through a gateway that works, declines, fails, is slow, silent or down.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Knob, Reply, Server, Setup, eventually, id_of, pause, trip, trip_paid_with};

async fn request_paid_with(customer: &Client, method: &str) -> Reply {
    customer.post("/v1/calls", trip_paid_with(method)).await
}

/// The call of an answer, whether it was taken or refused.
fn call_of(reply: &Reply) -> String {
    if reply.status < 300 { id_of(&reply.body) } else { id_of(&reply.body["call"]) }
}

/// Pays, again and again until it is taken: as a customer who is told to retry.
async fn pay_until_taken(customer: &Client, id: &str) {
    eventually("the payment is taken", async || {
        let reply = customer.pay(id, "tok_ok").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
}

#[tokio::test]
async fn a_declined_card_is_402_and_another_method_can_be_used() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let problem = request_paid_with(&customer, "tok_declined").await.problem(402, "payment_declined");
    let id = id_of(&problem["call"]);
    assert_eq!(problem["call"]["payment"]["status"], "declined");
    assert_eq!(customer.call(&id).await["status"], "requested");
    assert_eq!(server.ledger(&id).await.charges, 0);
    customer.pay(&id, "tok_declined").await.problem(402, "payment_declined");
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["payment"]["status"], "charged");
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn paying_a_paid_call_again_charges_nothing() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    for _ in 0..3 {
        assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["payment"]["status"], "charged");
    }
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn many_payments_of_one_call_at_once_charge_it_once() {
    let server = Server::start().await;
    server.simulate(json!({"latency_ms": 50})).await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    let replies = futures_util::future::join_all((0..10).map(|_| customer.pay(&id, "tok_ok"))).await;
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 409 | 503)), "{replies:?}");
    server.payment_is(&id, &["charged"]).await;
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn a_gateway_that_fails_is_503_and_the_call_is_payable_later() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let reply = request_paid_with(&customer, "tok_error").await;
    assert!(matches!(reply.body["code"].as_str(), Some("payment_unavailable" | "payment_pending")), "{}", reply.text);
    assert_eq!(reply.status, 503);
    let id = call_of(&reply);
    assert_eq!(reply.any_problem()["call"]["status"], "requested");
    pay_until_taken(&customer, &id).await;
    assert_eq!(server.ledger(&id).await.charges, 1);
    server.call_is(&id, &["dispatching"]).await;
}

#[tokio::test]
async fn an_answer_that_never_came_is_looked_up_and_charged_once() {
    let server = Setup::new().with(Knob::GatewayTimeoutMs(500)).start().await;
    let customer = server.customer("mina");
    let reply = request_paid_with(&customer, "tok_timeout").await;
    let id = call_of(&reply);
    if reply.status != 201 {
        reply.problem(503, "payment_pending");
    }
    let call = server.payment_is(&id, &["charged"]).await;
    assert_eq!(call["payment"]["charged"], call["fare"]);
    server.call_is(&id, &["dispatching"]).await;
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn a_slow_gateway_charges_once_and_the_call_goes_on() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let reply = request_paid_with(&customer, "tok_slow").await;
    let id = call_of(&reply);
    if reply.status != 201 {
        reply.problem(503, "payment_pending");
    }
    server.payment_is(&id, &["charged"]).await;
    server.call_is(&id, &["dispatching"]).await;
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn a_gateway_that_is_down_is_503_with_retry_after_and_the_call_is_payable_later() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"down": true})).await;
    let reply = request_paid_with(&customer, "tok_ok").await;
    assert!(reply.retry_after().is_some_and(|seconds| (1..=120).contains(&seconds)), "{:?}", reply.headers);
    let problem = reply.problem(503, "payment_unavailable");
    let id = id_of(&problem["call"]);
    assert_eq!(problem["call"]["status"], "requested");
    // A call can still be requested without paying.
    customer.request_call().await;
    server.simulate(json!({})).await;
    pay_until_taken(&customer, &id).await;
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn the_breaker_opens_refuses_at_once_and_recovers_by_itself() {
    let setup = Setup::new().with(Knob::BreakerOpensAfter(4));
    let server = setup.start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"down": true})).await;
    let id = id_of(&customer.request_call().await);
    eventually("the breaker opens", async || {
        customer.pay(&id, "tok_ok").await.problem(503, "payment_unavailable");
        let state = server.breaker().await;
        if state == "open" { Ok(()) } else { Err(state) }
    })
    .await;
    server.simulate(json!({})).await;
    eventually("it lets payments through again", async || {
        let reply = customer.pay(&id, "tok_ok").await;
        if reply.status == 200 {
            return Ok(());
        }
        let wait = reply.retry_after();
        Err(format!("{wait:?} {}", reply.problem(503, "payment_unavailable")))
    })
    .await;
    for _ in 0..5 {
        customer.post("/v1/calls", trip_paid_with("tok_ok")).await.ok();
    }
    server.breaker_is("closed").await;
    assert_eq!(server.ledger(&id).await.charges, 1);
}

#[tokio::test]
async fn retry_after_of_an_open_breaker_is_true() {
    let setup = Setup::new().with(Knob::BreakerOpensAfter(4)).with(Knob::BreakerOpenS(2));
    let server = setup.start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"down": true})).await;
    let id = id_of(&customer.request_call().await);
    eventually("the breaker opens", async || {
        customer.pay(&id, "tok_ok").await.any_problem();
        let state = server.breaker().await;
        if state == "open" { Ok(()) } else { Err(state) }
    })
    .await;
    server.simulate(json!({})).await;
    let refusal = customer.pay(&id, "tok_ok").await;
    if refusal.status != 200 {
        pause(Duration::from_secs(refusal.retry_after().expect("Retry-After"))).await;
        customer.pay(&id, "tok_ok").await.expect(200);
    }
}

#[tokio::test]
async fn an_operator_can_open_the_breaker_and_give_it_back() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.force_breaker("open").await;
    assert_eq!(server.breaker().await, "open");
    let problem = request_paid_with(&customer, "tok_ok").await.problem(503, "payment_unavailable");
    let id = id_of(&problem["call"]);
    assert_eq!(server.ledger(&id).await.charges, 0);
    server.force_breaker("closed").await;
    customer.pay(&id, "tok_ok").await.expect(200);
    server.force_breaker("auto").await;
    request_paid_with(&customer, "tok_ok").await.expect(201);
    let operator = server.operator();
    operator.put("/v1/ops/gateway/breaker", json!({"state": "ajar"})).await.client_error();
}

#[tokio::test]
async fn a_gateway_that_declines_everything_does_not_open_the_breaker() {
    let server = Setup::new().with(Knob::BreakerOpensAfter(4)).start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"decline_rate": 1.0})).await;
    for _ in 0..20 {
        request_paid_with(&customer, "tok_ok").await.problem(402, "payment_declined");
    }
    assert_eq!(server.breaker().await, "closed");
}

#[tokio::test]
async fn a_gateway_with_many_faults_never_charges_twice_and_every_call_is_settled() {
    let setup = Setup::new().with(Knob::GatewayTimeoutMs(300));
    let server = setup.start().await;
    let faults = json!({"latency_ms": 5, "decline_rate": 0.2, "error_rate": 0.2, "timeout_rate": 0.2});
    server.simulate(faults).await;
    let customer = server.customer("mina");
    let requests = (0..40).map(|_| customer.post("/v1/calls", trip()));
    let calls = futures_util::future::join_all(requests).await;
    let ids: Vec<_> = calls.into_iter().map(|reply| id_of(&reply.expect(201))).collect();
    for reply in futures_util::future::join_all(ids.iter().map(|id| customer.pay(id, "tok_ok"))).await {
        assert!(matches!(reply.status, 200 | 402 | 503), "{} {}", reply.status, reply.text);
    }
    server.simulate(json!({})).await;
    server.force_breaker("closed").await;
    for id in &ids {
        pay_until_taken(&customer, id).await;
    }
    for id in &ids {
        server.payment_is(id, &["charged"]).await;
        assert_eq!(server.ledger(id).await.charges, 1, "{id}");
    }
}

#[tokio::test]
async fn a_refund_is_retried_until_the_gateway_confirms_it() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    server.simulate(json!({"error_rate": 1.0})).await;
    assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled");
    server.gateway_requests(&["failed"], 2).await;
    assert_eq!(customer.call(&id).await["payment"]["status"], "refunding");
    server.simulate(json!({})).await;
    server.payment_is(&id, &["refunded"]).await;
    assert_eq!(server.ledger(&id).await.refunds, 1);
}

#[tokio::test]
async fn dc_7_a_payment_that_a_cancel_overtakes_is_refused_and_given_back() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    let (paid, ()) = tokio::join!(customer.pay(&id, "tok_slow"), async {
        server.payment_is(&id, &["charging"]).await;
        customer.command(&id, "cancel").await.expect(200);
    });
    let refused = paid.problem(409, "illegal_transition");
    assert_eq!(refused["call"]["status"], "cancelled");
    server.ledger_is(&id, 1, 1).await;
}

#[tokio::test]
async fn when_to_pay_again_is_shown_only_while_it_holds() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.simulate(json!({"down": true})).await;
    let mut body = trip();
    body["payment"] = json!({"method": "tok_ok"});
    let said = customer.post("/v1/calls", body).await.problem(503, "payment_unavailable");
    let id = id_of(&said["call"]);
    let seconds = |call: &Value| call["payment"]["retry_after_s"].as_u64();
    assert!(seconds(&said["call"]).is_some_and(|seconds| seconds >= 1), "{said}");
    eventually("the time is over", async || {
        let call = customer.call(&id).await;
        if seconds(&call).is_none() { Ok(()) } else { Err(call.to_string()) }
    })
    .await;
    let said = customer.pay(&id, "tok_ok").await.problem(503, "payment_unavailable");
    assert!(seconds(&said["call"]).is_some(), "{said}");
    let cancelled = customer.command(&id, "cancel").await.expect(200);
    assert_eq!(seconds(&cancelled), None, "{cancelled}");
}

#[tokio::test]
async fn a_method_given_while_another_is_charged_is_tried_when_that_one_fails() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.simulate(json!({"latency_ms": 1_500})).await;
    let second = async {
        server.payment_is(&id, &["charging"]).await;
        customer.pay(&id, "tok_ok").await
    };
    let (first, second) = tokio::join!(customer.pay(&id, "tok_declined"), second);
    first.problem(402, "payment_declined");
    assert_eq!(second.expect(200)["payment"]["status"], "charged");
    server.call_is(&id, &["dispatching"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_method_given_while_another_is_charged_is_not_tried_when_that_one_succeeds() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.simulate(json!({"latency_ms": 1_500})).await;
    let second = async {
        server.payment_is(&id, &["charging"]).await;
        customer.pay(&id, "tok_declined").await
    };
    let (first, second) = tokio::join!(customer.pay(&id, "tok_ok"), second);
    first.expect(200);
    assert_eq!(second.expect(200)["payment"]["status"], "charged", "it is paid already");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn two_methods_that_are_refused_are_two_refusals() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.simulate(json!({"latency_ms": 800, "decline_rate": 1.0})).await;
    let second = async {
        server.payment_is(&id, &["charging"]).await;
        customer.pay(&id, "tok_slow").await
    };
    let (first, second) = tokio::join!(customer.pay(&id, "tok_ok"), second);
    first.problem(402, "payment_declined");
    second.problem(402, "payment_declined");
    server.simulate(json!({})).await;
    customer.pay(&id, "tok_ok").await.expect(200);
    server.ledger_is(&id, 1, 0).await;
}
