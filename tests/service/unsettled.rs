//! Money that is not settled: its list, its age, an operator's word about it, and the reminders.

use serde_json::{Value, json};

use crate::{
    harness::{Client, Knob, Reply, Server, Setup, eventually, id_of, trip_paid_with},
    scope::limited,
};

async fn unsettled(operator: &Client, query: &str) -> Vec<Value> {
    let page = operator.get(&format!("/v1/ops/payments{query}")).await.expect(200);
    page["items"].as_array().cloned().unwrap_or_else(|| panic!("no items in {page}"))
}

async fn settle(operator: &Client, payment: &str, outcome: &str) -> Reply {
    let body = json!({"outcome": outcome, "reason": "결제사 내역을 확인함"});
    operator.post(&format!("/v1/ops/payments/{payment}/settle"), body).await
}

/// A call whose charge was performed, while the gateway tells nobody.
async fn unknown(server: &Server, customer: &Client) -> String {
    unknown_by(server, customer, json!({"timeout_rate": 1.0})).await
}

async fn unknown_by(server: &Server, customer: &Client, faults: Value) -> String {
    server.simulate(faults).await;
    let reply = customer.post("/v1/calls", trip_paid_with("tok_ok")).await;
    let id = id_of(&reply.problem(503, "payment_pending")["call"]);
    server.payment_is(&id, &["unknown"]).await;
    id
}

/// A gateway that answers after 300 ms or never, and operators who are told at once.
fn impatient() -> Setup {
    Setup::new()
        .with(Knob::GatewayTimeoutMs(300))
        .env("CALLOUT_HTTP__PAYMENT_WAIT_MS", "500")
        .env("CALLOUT_GATEWAY__OVERDUE_S", "1")
}

#[tokio::test]
async fn an_unknown_charge_is_listed_with_its_age_and_what_the_gateway_said() {
    let server = impatient().start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let id = unknown(&server, &customer).await;
    let item = eventually("the gateway was asked in vain", async || {
        let found = unsettled(&operator, "?state=unknown").await;
        match found.first() {
            Some(item) if item["attempts"].as_u64() > Some(0) => Ok(item.clone()),
            _ => Err(format!("{found:?}")),
        }
    })
    .await;
    assert_eq!((&item["payment_id"], &item["call_id"], &item["state"]), (&json!(id), &json!(id), &json!("unknown")));
    assert_eq!((&item["amount"], &item["currency"]), (&json!(26_000), &json!("KRW")));
    assert!(item["last_error"].as_str().is_some_and(|said| said.contains("no answer")), "{item}");
    assert!(item["since"].is_string());
    assert!(unsettled(&operator, "?state=refunding").await.is_empty());
    assert!(unsettled(&operator, "?older_than_s=86400").await.is_empty());
    operator.get("/v1/ops/payments?state=lost").await.problem(400, "invalid_request");
    customer.get("/v1/ops/payments").await.problem(403, "forbidden");
    let metrics = server.nobody().get("/metrics").await.text;
    assert!(metrics.contains("callout_payments_unsettled{state=\"unknown\"} 1"), "{metrics}");
    server.simulate(json!({})).await;
    server.payment_is(&id, &["charged"]).await;
    assert!(unsettled(&operator, "").await.is_empty());
}

#[tokio::test]
async fn operators_are_told_of_money_that_waits() {
    let server = impatient().start().await;
    let id = unknown(&server, &server.customer("mina")).await;
    let operator = server.operator();
    eventually("operators are told", async || {
        let page = operator.get("/v1/me/notifications").await.expect(200);
        let told = page["items"].as_array().into_iter().flatten();
        let names = |notice: &Value| {
            notice["occasion"] == "money_waits" && notice["text"]["en"].as_str().is_some_and(|text| text.contains(&id))
        };
        if told.into_iter().any(names) { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn an_operators_word_ends_an_unknown_charge_and_the_next_start_does_not_ask_again() {
    let (silent, failing) = (json!({"timeout_rate": 1.0}), json!({"error_rate": 1.0}));
    for (word, status, charges, faults) in [("charged", "charged", 1, silent), ("not_charged", "declined", 0, failing)]
    {
        let mut server = impatient().start().await;
        let (customer, operator) = (server.customer("mina"), server.operator());
        let id = unknown_by(&server, &customer, faults).await;
        settle(&operator, &id, "refunded").await.problem(409, "illegal_transition");
        let settled = settle(&operator, &id, word).await.expect(200);
        assert_eq!((&settled["state"], &settled["by"]), (&json!(status), &json!("operator-1")));
        assert_eq!(settle(&operator, &id, word).await.expect(200), settled, "a repetition changes nothing");
        server.payment_is(&id, &[status]).await;
        assert!(unsettled(&operator, "").await.is_empty());
        let entry = eventually("it is in the timeline", async || {
            let timeline = customer.timeline(&id).await;
            let said = |entry: &&Value| {
                entry["description"]["en"].as_str().is_some_and(|text| text.contains("settled by operator"))
            };
            timeline.iter().find(said).cloned().ok_or_else(|| format!("{timeline:?}"))
        })
        .await;
        let text = entry["description"]["en"].as_str().unwrap_or_default();
        assert!(text.contains("operator-1") && text.contains("결제사"), "{text}");
        server.kill_and_start_again().await;
        server.payment_is(&id, &[status]).await;
        assert!(unsettled(&server.operator(), "").await.is_empty());
        server.ledger_is(&id, charges, 0).await;
    }
}

#[tokio::test]
async fn a_refund_that_is_not_done_is_listed_and_ended_by_an_operator() {
    let mut server = impatient().start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let id = customer.request_paid_call().await;
    server.simulate(json!({"down": true})).await;
    customer.command(&id, "cancel").await.expect(200);
    let item = eventually("it is listed", async || {
        let found = unsettled(&operator, "?state=refunding").await;
        found.first().cloned().ok_or_else(|| format!("{found:?}"))
    })
    .await;
    assert!(item["gateway_reference"].is_string(), "{item}");
    settle(&operator, &id, "charged").await.problem(409, "illegal_transition");
    assert_eq!(settle(&operator, &id, "refund_failed").await.expect(200)["state"], "refund_failed");
    assert!(unsettled(&operator, "").await.is_empty(), "somebody has taken note of it");
    assert_eq!(settle(&operator, &id, "refunded").await.expect(200)["state"], "refunded");
    server.kill_and_start_again().await;
    server.simulate(json!({})).await;
    server.payment_is(&id, &["refunded"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn operators_of_other_services_neither_see_nor_settle_a_payment() {
    let server = impatient().start().await;
    let id = unknown(&server, &server.customer("mina")).await;
    let stranger = limited(&server, "operator", "lee", "taxi");
    assert!(unsettled(&stranger, "").await.is_empty());
    settle(&stranger, &id, "charged").await.problem(404, "not_found");
    let own = limited(&server, "operator", "park", "driver-call");
    assert_eq!(unsettled(&own, "").await.len(), 1);
    settle(&own, &id, "charged").await.expect(200);
}

#[tokio::test]
async fn a_word_about_nothing_or_without_a_reason_is_refused() {
    let server = Server::start().await;
    let operator = server.operator();
    settle(&operator, "call_none", "charged").await.problem(404, "not_found");
    let id = server.customer("mina").request_paid_call().await;
    for body in [
        json!({"outcome": "charged"}),
        json!({"outcome": "lost", "reason": "x"}),
        json!({"outcome": "charged", "reason": " "}),
    ] {
        operator.post(&format!("/v1/ops/payments/{id}/settle"), body).await.problem(400, "invalid_request");
    }
    settle(&operator, &id, "refunded").await.problem(409, "illegal_transition");
}
