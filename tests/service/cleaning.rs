//! Cleaning: the system assigns a company; nobody accepts.

use serde_json::{Value, json};

use crate::harness::{GANGNAM, Server, id_of, place};

fn reservation() -> Value {
    json!({"service": "cleaning", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"},
        "period": {"from": "2031-03-01T09:00:00Z", "to": "2031-03-01T12:00:00Z"}})
}

async fn register_company(server: &Server, id: &str) {
    let company = server.driver(id);
    company.put(&format!("/v1/drivers/{id}"), json!({"service": "cleaning", "name": id})).await.expect(201);
    company.put(&format!("/v1/drivers/{id}/availability"), json!({"available": true})).await.expect(200);
}

#[tokio::test]
async fn cl_1_a_cleaning_is_paid_with_the_request_and_cl_2_the_company_is_told() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let id = id_of(&server.customer("mina").post("/v1/calls", reservation()).await.expect(201));
    let call = server.call_is(&id, &["assigned"]).await;
    assert_eq!((&call["driver"]["id"], &call["payment"]["status"]), (&json!("ssak3"), &json!("charged")));
    let told = server.driver("ssak3").notified_about(&id, 2).await;
    let occasions: Vec<&str> = told.iter().filter_map(|notice| notice["occasion"].as_str()).collect();
    assert!(occasions.contains(&"paid") && occasions.contains(&"assigned"), "{occasions:?}");
    assert!(!occasions.contains(&"offer"), "nobody is asked: {occasions:?}");
}

#[tokio::test]
async fn cl_3_the_company_completes_the_cleaning_and_cl_4_the_customer_sees_it() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", reservation()).await.expect(201));
    server.call_is(&id, &["assigned"]).await;
    let company = server.driver("ssak3");
    company.command(&id, "complete").await.problem(409, "illegal_transition");
    company.command(&id, "start").await.expect(200);
    customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    company.command(&id, "complete").await.expect(200);
    assert_eq!(customer.call(&id).await["status"], "completed");
    server.driver_is("ssak3", &["available"]).await;
    let told = customer.notified_about(&id, 4).await;
    assert!(told.iter().any(|notice| notice["occasion"] == "completed"), "{told:?}");
}

#[tokio::test]
async fn cl_5_a_cancel_succeeds_at_once_though_the_gateway_is_down_and_cl_6_the_company_hears_of_the_refund() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", reservation()).await.expect(201));
    server.call_is(&id, &["assigned"]).await;
    server.simulate(json!({"down": true})).await;
    let cancelled = customer.command(&id, "cancel").await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["payment"]["status"]), (&json!("cancelled"), &json!("refunding")));
    server.driver_is("ssak3", &["available"]).await;
    server.simulate(json!({})).await;
    server.payment_is(&id, &["refunded"]).await;
    server.ledger_is(&id, 1, 1).await;
    crate::harness::eventually("the company hears of the refund", async || {
        let told = server.driver("ssak3").notifications_about(&id).await;
        if told.iter().any(|notice| notice["occasion"] == "refunded") { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
}

#[tokio::test]
async fn companies_are_assigned_in_turn_and_a_reservation_waits_for_a_free_one() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let first = id_of(&customer.post("/v1/calls", reservation()).await.expect(201));
    assert_eq!(customer.call(&first).await["status"], "dispatching");
    register_company(&server, "one").await;
    server.call_is(&first, &["assigned"]).await;
    register_company(&server, "two").await;
    let second = id_of(&customer.post("/v1/calls", reservation()).await.expect(201));
    assert_eq!(server.call_is(&second, &["assigned"]).await["driver"]["id"], "two");
    customer.command(&first, "cancel").await.expect(200);
    customer.command(&second, "cancel").await.expect(200);
    server.driver_is("one", &["available"]).await;
    server.driver_is("two", &["available"]).await;
    let third = id_of(&customer.post("/v1/calls", reservation()).await.expect(201));
    assert_eq!(server.call_is(&third, &["assigned"]).await["driver"]["id"], "one", "it has waited longest");
}

#[tokio::test]
async fn cl_n1_an_unpaid_cleaning_reaches_no_company() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let mut unpaid = reservation();
    unpaid["payment"] = json!({"method": "tok_declined"});
    let problem = server.customer("mina").post("/v1/calls", unpaid).await.problem(402, "payment_declined");
    assert_eq!(problem["call"]["status"], "requested");
    assert_eq!(server.driver_is("ssak3", &["available"]).await["status"], "available");
}
