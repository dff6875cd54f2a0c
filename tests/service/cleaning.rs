//! Cleaning: the system assigns a company; nobody accepts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, Setup, eventually, id_of, pause, place};

fn reservation() -> Value {
    json!({"service": "cleaning", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"},
        "period": {"from": "2031-03-01T09:00:00Z", "to": "2031-03-01T12:00:00Z"}})
}

async fn register_company(server: &Server, id: &str) {
    let registration = json!({"service": "cleaning", "name": id});
    let company = server.operator().put(&format!("/v1/drivers/{id}"), registration).await.expect(201);
    assert_eq!(company["status"], "available", "{company}");
}

async fn reserve(customer: &Client) -> String {
    id_of(&customer.post("/v1/calls", reservation()).await.expect(201))
}

/// What somebody was told about a call, oldest first.
async fn occasions(client: &Client, call: &str) -> Vec<String> {
    let told = client.notifications_about(call).await;
    told.iter().rev().map(|notice| notice["occasion"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until somebody was told exactly this about a call, in this order.
async fn told_exactly(client: &Client, call: &str, expected: &[&str]) {
    eventually(&format!("{} is told {expected:?}", client.id), async || {
        let told = occasions(client, call).await;
        if told == expected { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
}

#[tokio::test]
async fn cl_1_a_cleaning_is_requested_and_paid_in_one_step() {
    let server = Server::start().await;
    let call = server.customer("mina").post("/v1/calls", reservation()).await.expect(201);
    assert_eq!(call["payment"]["status"], "charged", "the answer waits for the payment: {call}");
    assert_eq!(call["fare"], json!({"amount": 60_000, "currency": "KRW"}));
    assert_eq!(call["period"]["from"], "2031-03-01T09:00:00.000Z");
    assert_eq!(server.ledger(&id_of(&call)).await.charged, 60_000);
}

#[tokio::test]
async fn cl_1_wrong_requests_are_refused_and_change_nothing() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    for (field, value) in [
        ("driver_id", json!("ssak3")),
        ("period", json!({"from": "2031-03-01T12:00:00Z", "to": "2031-03-01T09:00:00Z"})),
        ("period", json!({"from": "2020-03-01T09:00:00Z", "to": "2020-03-01T12:00:00Z"})),
        ("pickup", Value::Null),
    ] {
        let mut wrong = reservation();
        wrong[field] = value;
        customer.post("/v1/calls", wrong).await.problem(400, "invalid_request");
    }
    assert_eq!(server.operator().get("/v1/calls").await.expect(200)["items"], json!([]));
    server.driver_is("ssak3", &["available"]).await;
}

#[tokio::test]
async fn cl_2_the_company_is_told_of_the_reservation_and_the_payment() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let id = reserve(&server.customer("mina")).await;
    let call = server.call_is(&id, &["assigned"]).await;
    assert_eq!((&call["driver"]["id"], &call["payment"]["status"]), (&json!("ssak3"), &json!("charged")));
    let company = server.driver_is("ssak3", &["available"]).await;
    assert_eq!(company["bookings"][0]["call"], id, "it is free until then: {company}");
    told_exactly(&server.driver("ssak3"), &id, &["assigned", "paid"]).await;
    let told = server.driver("ssak3").notifications_about(&id).await;
    assert!(told[0]["text"]["ko"].as_str().is_some_and(|text| text.contains("60,000")), "{told:?}");
}

#[tokio::test]
async fn cl_4_the_customer_sees_the_reservation_and_every_status_live() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut socket = customer.ws().await;
    let id = reserve(&customer).await;
    socket.call_is(&id, "dispatching").await;
    register_company(&server, "ssak3").await;
    assert_eq!(socket.call_is(&id, "assigned").await["call"]["driver"]["name"], "ssak3");
    for (command, status) in [("start", "started"), ("complete", "completed")] {
        server.driver("ssak3").command(&id, command).await.expect(200);
        socket.call_is(&id, status).await;
    }
    assert_eq!(customer.call(&id).await["label"]["ko"], "청소 완료");
    server.customer("jun").get(&format!("/v1/calls/{id}")).await.problem(404, "not_found");
}

#[tokio::test]
async fn cl_3_the_company_completes_the_cleaning_and_the_customer_is_told() {
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
    told_exactly(&customer, &id, &["paid", "assigned", "started", "completed"]).await;
    company.command(&id, "complete").await.expect(200);
    customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn cl_5_a_cancel_succeeds_at_once_though_the_gateway_is_down() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    let id = reserve(&customer).await;
    server.call_is(&id, &["assigned"]).await;
    server.simulate(json!({"down": true})).await;
    let cancelled = customer.command(&id, "cancel").await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["payment"]["status"]), (&json!("cancelled"), &json!("refunding")));
    server.driver_is("ssak3", &["available"]).await;
    server.simulate(json!({})).await;
    server.payment_is(&id, &["refunded"]).await;
    server.ledger_is(&id, 1, 1).await;
    told_exactly(&customer, &id, &["paid", "assigned", "cancelled", "refunded"]).await;
}

#[tokio::test]
async fn cl_6_the_company_is_told_of_the_refund_when_it_is_done_and_not_before() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    let id = reserve(&customer).await;
    server.call_is(&id, &["assigned"]).await;
    server.simulate(json!({"down": true})).await;
    customer.command(&id, "cancel").await.expect(200);
    let company = server.driver("ssak3");
    told_exactly(&company, &id, &["assigned", "paid", "cancelled"]).await;
    server.simulate(json!({})).await;
    told_exactly(&company, &id, &["assigned", "paid", "cancelled", "refunded"]).await;
    let told = company.notifications_about(&id).await;
    assert!(told[0]["text"]["en"].as_str().is_some_and(|text| text.contains("The customer")), "{told:?}");
}

#[tokio::test]
async fn cl_2_companies_are_assigned_in_turn_and_a_reservation_waits_for_a_free_one() {
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
async fn cl_2_the_company_that_has_been_free_longest_is_assigned_not_the_one_whose_last_job_began_first() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    register_company(&server, "long").await;
    let long = reserve(&customer).await;
    server.call_is(&long, &["assigned"]).await;
    register_company(&server, "short").await;
    let short = reserve(&customer).await;
    server.call_is(&short, &["assigned"]).await;
    for (company, id) in [("short", short), ("long", long)] {
        for command in ["start", "complete"] {
            server.driver(company).command(&id, command).await.expect(200);
        }
        server.driver_is(company, &["available"]).await;
    }
    register_company(&server, "a-new-one").await;
    for company in ["short", "long", "a-new-one"] {
        let id = reserve(&customer).await;
        assert_eq!(server.call_is(&id, &["assigned"]).await["driver"]["id"], company);
    }
}

#[tokio::test]
async fn cl_1_a_reservation_waits_for_a_company_until_its_date_however_far_that_is() {
    let server = Setup::new().policy("cleaning", "dispatch.deadline_s", 1).start().await;
    let customer = server.customer("mina");
    let id = reserve(&customer).await;
    // Time is the subject: longer than the deadline of services that have no date.
    pause(Duration::from_millis(1_500)).await;
    assert_eq!(customer.call(&id).await["status"], "dispatching");
    register_company(&server, "ssak3").await;
    server.call_is(&id, &["assigned"]).await;
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

#[tokio::test]
async fn cl_2_of_three_companies_each_gets_as_many_reservations() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let companies = ["one", "two", "three"];
    for id in companies {
        register_company(&server, id).await;
    }
    let mut turns = Vec::new();
    for _ in 0..9 {
        let id = reserve(&customer).await;
        let call = server.call_is(&id, &["assigned"]).await;
        turns.push(call["driver"]["id"].as_str().unwrap_or_default().to_owned());
        customer.command(&id, "cancel").await.expect(200);
        server.driver_is(&turns[turns.len() - 1], &["available"]).await;
    }
    for id in companies {
        assert_eq!(turns.iter().filter(|turn| *turn == id).count(), 3, "{turns:?}");
    }
}

#[tokio::test]
async fn cl_2_as_many_reservations_at_once_as_companies_are_all_assigned_each_to_another() {
    let server = Server::start().await;
    for n in 0..5 {
        register_company(&server, &format!("company-{n}")).await;
    }
    let customer = server.customer("mina");
    let ids = futures_util::future::join_all((0..6).map(|_| reserve(&customer))).await;
    let busy = eventually("five of six are assigned", async || {
        let calls = futures_util::future::join_all(ids.iter().map(|id| customer.call(id))).await;
        let taken = calls.iter().filter_map(|call| call["driver"]["id"].as_str().map(str::to_owned));
        let taken: std::collections::BTreeSet<String> = taken.collect();
        if taken.len() == 5 { Ok(calls) } else { Err(format!("{taken:?}")) }
    })
    .await;
    let waiting: Vec<_> = busy.iter().filter(|call| call["status"] == "dispatching").map(id_of).collect();
    let assigned: Vec<_> = busy.iter().filter(|call| call["status"] == "assigned").collect();
    assert_eq!((waiting.len(), assigned.len()), (1, 5));
    customer.command(&id_of(assigned[0]), "cancel").await.expect(200);
    assert_eq!(server.call_is(&waiting[0], &["assigned"]).await["driver"]["id"], assigned[0]["driver"]["id"]);
}

#[tokio::test]
async fn cl_n1_a_reservation_that_stays_unpaid_lapses() {
    let server = Setup::new().policy("cleaning", "payment.unpaid_s", 1).start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    let mut unpaid = reservation();
    unpaid.as_object_mut().expect("an object").remove("payment");
    let id = id_of(&customer.post("/v1/calls", unpaid).await.expect(201));
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!(call["cancelled_by"], "system");
    customer.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
    server.ledger_is(&id, 0, 0).await;
    assert!(server.driver("ssak3").notifications_about(&id).await.is_empty(), "no company hears of it");
}

#[tokio::test]
async fn cl_n2_reservations_go_on_while_notifications_are_down_and_these_come_in_order_once_each() {
    let mut server = Server::start().await;
    register_company(&server, "ssak3").await;
    let (customer, company) = (server.customer("mina"), server.driver("ssak3"));
    server.park("readmodel", "readmodel").await;
    let id = reserve(&customer).await;
    server.call_is(&id, &["assigned"]).await;
    company.command(&id, "start").await.expect(200);
    assert!(customer.notifications_about(&id).await.is_empty(), "nothing is delivered while they are down");
    server.resume("readmodel", "readmodel").await;
    told_exactly(&customer, &id, &["paid", "assigned", "started"]).await;
    company.command(&id, "complete").await.expect(200);
    told_exactly(&customer, &id, &["paid", "assigned", "started", "completed"]).await;
    server.kill_and_start_again().await;
    let next = reserve(&customer).await;
    told_exactly(&customer, &next, &["paid", "assigned"]).await;
    told_exactly(&customer, &id, &["paid", "assigned", "started", "completed"]).await;
    told_exactly(&company, &id, &["assigned", "paid"]).await;
}

#[tokio::test]
async fn cl_n3_an_overloaded_payment_leads_to_trying_again_later() {
    let server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    server.force_breaker("open").await;
    let problem = customer.post("/v1/calls", reservation()).await.problem(503, "payment_unavailable");
    let id = id_of(&problem["call"]);
    assert_eq!(problem["call"]["status"], "requested");
    server.ledger_is(&id, 0, 0).await;
    server.driver_is("ssak3", &["available"]).await;
    server.force_breaker("auto").await;
    customer.pay(&id, "tok_ok").await.expect(200);
    server.call_is(&id, &["assigned"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn cl_n4_my_page_keeps_cancelled_reservations_as_cancelled() {
    let mut server = Server::start().await;
    register_company(&server, "ssak3").await;
    let customer = server.customer("mina");
    let id = reserve(&customer).await;
    server.call_is(&id, &["assigned"]).await;
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["refunded"]).await;
    for _ in 0..2 {
        for client in [&customer, &server.driver("ssak3")] {
            let kept = eventually("My Page has it", async || {
                let page = client.get("/v1/me/calls?service=cleaning&status=cancelled").await.expect(200);
                let refunded = page["items"][0]["payment"]["status"] == "refunded";
                if refunded { Ok(page["items"].clone()) } else { Err(page.to_string()) }
            })
            .await;
            assert_eq!((kept.as_array().map(Vec::len), id_of(&kept[0])), (Some(1), id.clone()));
            assert_eq!(kept[0]["cancelled_by"], "customer");
        }
        server.kill_and_start_again().await;
    }
}

#[tokio::test]
async fn cl_2_a_company_is_registered_by_an_operator_and_is_available_from_then_on() {
    let server = Server::start().await;
    let registration = json!({"service": "cleaning", "name": "깨끗한집"});
    let company = server.driver("company-1");
    company.put("/v1/drivers/company-1", registration.clone()).await.problem(403, "forbidden");
    server.operator().get("/v1/drivers/company-1").await.problem(404, "not_found");
    let call = reserve(&server.customer("mina")).await;
    server.operator().put("/v1/drivers/company-1", registration.clone()).await.expect(201);
    server.call_is(&call, &["assigned"]).await;
    // It does not get into the service by way of another one either, and does not change what it is registered as.
    company
        .put("/v1/drivers/company-1", json!({"service": "cleaning", "name": "다른이름"}))
        .await
        .problem(403, "forbidden");
    let driver = server.register_driver("driver-a", GANGNAM).await;
    driver.put("/v1/drivers/driver-a", registration).await.problem(403, "forbidden");
    assert_eq!(driver.get("/v1/drivers/driver-a").await.expect(200)["service"], "driver-call");
    // Whether it takes work is still for itself to say.
    let free = server.operator().put("/v1/drivers/company-2", json!({"service": "cleaning", "name": "b"})).await;
    assert_eq!(free.expect(201)["status"], "available");
    let away = server.driver("company-2").put("/v1/drivers/company-2/availability", json!({"available": false})).await;
    assert_eq!(away.expect(200)["status"], "offline");
}
