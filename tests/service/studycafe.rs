//! Study-café seats: chosen by the customer, approved by the operator, paid in the background.

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Reply, Server, eventually, id_of, pause, place};

const STUDYCAFE: &str = "studycafe";
const MORNING: [&str; 2] = ["2031-03-01T09:00:00Z", "2031-03-01T12:00:00Z"];

fn seat(id: &str, method: Option<&str>) -> Value {
    let mut body = json!({"service": STUDYCAFE, "pickup": place(GANGNAM), "driver_id": id});
    if let Some(method) = method {
        body["payment"] = json!({"method": method});
    }
    body
}

pub(crate) async fn register_seat(server: &Server, id: &str) {
    let seat = json!({"service": STUDYCAFE, "name": format!("창가 {id}")});
    server.operator().put(&format!("/v1/drivers/{id}"), seat).await.expect(201);
}

async fn try_select(customer: &Client, id: &str, method: &str) -> Reply {
    customer.post("/v1/calls", seat(id, Some(method))).await
}

pub(crate) async fn select(customer: &Client, id: &str, method: &str) -> String {
    let call = try_select(customer, id, method).await.expect(201);
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("awaiting_approval"), &json!("created")));
    id_of(&call)
}

impl Server {
    /// A seat that is registered for a customer: its call.
    async fn seat_taken(&self, customer: &Client, id: &str) -> String {
        register_seat(self, id).await;
        let call = select(customer, id, "tok_ok").await;
        self.operator().command(&call, "approve").await.expect(200);
        self.call_is(&call, &["assigned"]).await;
        self.driver_is(id, &["engaged"]).await;
        call
    }
}

pub(crate) async fn occasions(client: &Client, call: &str) -> Vec<String> {
    let told = client.notifications_about(call).await;
    told.iter().rev().filter_map(|item| item["occasion"].as_str()).map(str::to_owned).collect()
}

async fn told(client: &Client, call: &str, occasion: &str) {
    eventually(&format!("{} is told {occasion}", client.id), async || {
        let told = occasions(client, call).await;
        if told.iter().any(|one| one == occasion) { Ok(()) } else { Err(format!("{told:?}")) }
    })
    .await;
}

#[tokio::test]
async fn sc_1_a_customer_selects_a_seat_and_it_waits_for_approval() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let customer = server.customer("mina");
    let call = try_select(&customer, "seat-1", "tok_ok").await.expect(201);
    assert_eq!((&call["status"], &call["driver"]["id"]), (&json!("awaiting_approval"), &json!("seat-1")));
    assert_eq!(call["label"]["ko"], "승인 대기");
    server.driver_is("seat-1", &["reserved"]).await;
    try_select(&server.customer("jun"), "seat-1", "tok_ok").await.problem(409, "driver_unavailable");
    assert_eq!(server.ledger(&id_of(&call)).await.charges, 0);
}

#[tokio::test]
async fn sc_1_a_seat_can_be_selected_for_a_period_and_never_twice_for_the_same_time() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let mut body = seat("seat-1", Some("tok_ok"));
    body["period"] = json!({"from": MORNING[0], "to": MORNING[1]});
    let call = server.customer("mina").post("/v1/calls", body.clone()).await.expect(201);
    assert_eq!(call["fare"]["amount"], 6_000, "three hours");
    server.driver_is("seat-1", &["available"]).await;
    server.customer("jun").post("/v1/calls", body.clone()).await.problem(409, "driver_unavailable");
    body["period"] = json!({"from": MORNING[1], "to": "2031-03-01T18:00:00Z"});
    server.customer("jun").post("/v1/calls", body).await.expect(201);
}

#[tokio::test]
async fn sc_1_a_seat_that_is_none_is_refused() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    server.operator().put("/v1/drivers/car-1", json!({"service": "rental", "name": "차"})).await.expect(201);
    server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    for stranger in ["car-1", "driver-a", "nowhere"] {
        try_select(&customer, stranger, "tok_ok").await.client_error();
    }
    server.driver_is("car-1", &["available"]).await;
    server.driver_is("driver-a", &["available"]).await;
    let mut body = seat("seat-1", Some("tok_ok"));
    body.as_object_mut().expect("an object").remove("driver_id");
    customer.post("/v1/calls", body).await.problem(400, "invalid_request");
    for period in [[MORNING[1], MORNING[0]], ["2020-01-01T09:00:00Z", "2020-01-01T10:00:00Z"]] {
        let mut body = seat("seat-1", Some("tok_ok"));
        body["period"] = json!({"from": period[0], "to": period[1]});
        customer.post("/v1/calls", body).await.problem(400, "invalid_request");
    }
    server.driver_is("seat-1", &["available"]).await;
}

#[tokio::test]
async fn sc_2_the_operator_approves_and_only_then_it_is_paid() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let call = select(&customer, "seat-1", "tok_ok").await;
    for nobody_to_say in [&customer, &server.driver("seat-1")] {
        for word in ["approve", "reject"] {
            nobody_to_say.command(&call, word).await.problem(403, "forbidden");
        }
    }
    customer.command(&call, "start").await.problem(409, "illegal_transition");
    assert_eq!(server.ledger(&call).await.charges, 0);
    let approved = operator.command(&call, "approve").await.expect(200);
    assert!(["awaiting_payment", "assigned"].contains(&approved["status"].as_str().unwrap_or_default()), "{approved}");
    for _ in 0..3 {
        operator.command(&call, "approve").await.expect(200);
    }
    server.call_is(&call, &["assigned"]).await;
    operator.command(&call, "approve").await.expect(200);
    operator.command(&call, "reject").await.problem(409, "illegal_transition");
    server.ledger_is(&call, 1, 0).await;
}

#[tokio::test]
async fn sc_2_the_timeline_keeps_why_the_operator_approves() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let call = select(&customer, "seat-1", "tok_ok").await;
    let path = format!("/v1/calls/{call}/approve");
    operator.post(&path, json!({"reason": "x".repeat(501)})).await.problem(400, "invalid_request");
    operator.post(&path, json!({"why": "단골"})).await.problem(400, "invalid_request");
    operator.post(&path, json!({"reason": "단골입니다"})).await.expect(200);
    eventually("the reason is in the timeline", async || {
        let timeline = customer.get(&format!("/v1/calls/{call}/timeline")).await.expect(200).to_string();
        if timeline.contains("단골입니다") { Ok(()) } else { Err(timeline) }
    })
    .await;
}

#[tokio::test]
async fn sc_2_the_operator_is_told_what_is_to_be_approved() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let customer = server.customer("mina");
    let call = select(&customer, "seat-1", "tok_ok").await;
    eventually("the operator is told", async || {
        let page = server.operator().get("/v1/me/notifications?service=studycafe").await.expect(200);
        let told = page["items"].as_array().cloned().unwrap_or_default();
        let wanted = told.iter().any(|item| item["occasion"] == "approval_wanted" && item["call"] == call.as_str());
        if wanted { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn sc_2_what_the_operator_rejects_is_denied_never_paid_and_the_seat_is_free() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let call = select(&customer, "seat-1", "tok_ok").await;
    let why = json!({"reason": "수리 중입니다"});
    let denied = operator.post(&format!("/v1/calls/{call}/reject"), why).await.expect(200);
    assert_eq!((&denied["status"], &denied["reason"]), (&json!("denied"), &json!("수리 중입니다")));
    assert_eq!(operator.command(&call, "reject").await.expect(200)["status"], "denied");
    operator.command(&call, "approve").await.problem(409, "illegal_transition");
    customer.command(&call, "cancel").await.problem(409, "illegal_transition");
    customer.pay(&call, "tok_ok").await.problem(409, "illegal_transition");
    server.driver_is("seat-1", &["available"]).await;
    assert_eq!(server.ledger(&call).await.charges, 0);
    told(&customer, &call, "denied").await;
    select(&server.customer("jun"), "seat-1", "tok_ok").await;
}

#[tokio::test]
async fn sc_2_what_waits_for_no_approval_cannot_be_approved() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let call = customer.request_paid_call().await;
    for word in ["approve", "reject"] {
        operator.command(&call, word).await.problem(409, "illegal_transition");
        operator.command("call_nowhere", word).await.problem(404, "not_found");
    }
    assert_eq!(customer.call(&call).await["status"], "dispatching");
}

#[tokio::test]
async fn sc_2_a_declined_card_leaves_it_awaiting_payment_and_another_method_pays_it() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let call = select(&customer, "seat-1", "tok_declined").await;
    operator.command(&call, "approve").await.expect(200);
    server.payment_is(&call, &["declined"]).await;
    assert_eq!(customer.call(&call).await["status"], "awaiting_payment");
    told(&customer, &call, "payment_declined").await;
    // No event tells that nothing will be tried: this is longer than the first repetitions wait, were there any.
    pause(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(customer.call(&call).await["payment"]["status"], "declined", "what was refused is not tried again");
    customer.pay(&call, "tok_ok").await.expect(200);
    server.call_is(&call, &["assigned"]).await;
    server.ledger_is(&call, 1, 0).await;
}

#[tokio::test]
async fn sc_2_a_method_can_be_given_before_or_after_approval() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    for (id, before) in [("seat-1", true), ("seat-2", false)] {
        register_seat(&server, id).await;
        let call = id_of(&customer.post("/v1/calls", seat(id, None)).await.expect(201));
        if before {
            assert_eq!(customer.pay(&call, "tok_ok").await.expect(200)["status"], "awaiting_approval");
            assert_eq!(server.ledger(&call).await.charges, 0, "not before approval");
        }
        operator.command(&call, "approve").await.expect(200);
        if !before {
            assert_eq!(customer.call(&call).await["status"], "awaiting_payment");
            customer.pay(&call, "tok_ok").await.expect(200);
        }
        server.call_is(&call, &["assigned"]).await;
        customer.pay(&call, "tok_ok").await.expect(200);
        server.ledger_is(&call, 1, 0).await;
    }
}

#[tokio::test]
async fn sc_3_a_paid_seat_is_registered() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = server.seat_taken(&customer, "seat-1").await;
    let shown = customer.call(&call).await;
    assert_eq!((&shown["label"]["ko"], &shown["payment"]["status"]), (&json!("좌석 등록"), &json!("charged")));
    told(&customer, &call, "assigned").await;
    told(&customer, &call, "paid").await;
}

#[tokio::test]
async fn sc_3_check_in_and_check_out_are_for_the_customer_or_the_operator() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    for (id, by) in [("seat-1", &customer), ("seat-2", &operator)] {
        let call = server.seat_taken(&customer, id).await;
        customer.command(&call, "complete").await.problem(409, "illegal_transition");
        server.customer("jun").command(&call, "start").await.problem(404, "not_found");
        assert_eq!(by.command(&call, "start").await.expect(200)["status"], "started");
        customer.command(&call, "cancel").await.problem(409, "illegal_transition");
        assert_eq!(by.command(&call, "complete").await.expect(200)["status"], "completed");
        assert_eq!(by.command(&call, "complete").await.expect(200)["status"], "completed");
        server.driver_is(id, &["available"]).await;
        server.ledger_is(&call, 1, 0).await;
    }
}

#[tokio::test]
async fn sc_4_a_cancel_frees_the_seat_and_refunds_what_was_paid() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = server.seat_taken(&customer, "seat-1").await;
    assert_eq!(customer.command(&call, "cancel").await.expect(200)["status"], "cancelled");
    server.payment_is(&call, &["refunded"]).await;
    server.driver_is("seat-1", &["available"]).await;
    server.ledger_is(&call, 1, 1).await;
    told(&customer, &call, "refunded").await;
}

#[tokio::test]
async fn sc_4_a_cancel_before_payment_frees_the_seat_and_nothing_is_ever_charged() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let unapproved = select(&customer, "seat-1", "tok_ok").await;
    customer.command(&unapproved, "cancel").await.expect(200);
    server.driver_is("seat-1", &["available"]).await;
    operator.command(&unapproved, "approve").await.problem(409, "illegal_transition");

    server.force_breaker("open").await;
    let waiting = select(&customer, "seat-1", "tok_ok").await;
    operator.command(&waiting, "approve").await.expect(200);
    // The charge was tried and held back. One that is still on its way may be sent before it hears of the cancel; then it
    // is given back.
    told(&customer, &waiting, "payment_unavailable").await;
    assert_eq!(customer.command(&waiting, "cancel").await.expect(200)["status"], "cancelled");
    server.force_breaker("auto").await;
    server.driver_is("seat-1", &["available"]).await;
    // No event tells that nothing will be charged: this is longer than the first repetitions wait, were there any.
    pause(std::time::Duration::from_millis(1_500)).await;
    for call in [unapproved, waiting] {
        assert_eq!(server.ledger(&call).await.charges, 0);
    }
}

#[tokio::test]
async fn sc_5_the_customer_sees_the_status_of_every_seat() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    server.seat_taken(&server.customer("jun"), "seat-1").await;
    register_seat(&server, "seat-2").await;
    assert_eq!(customer.get("/v1/drivers/seat-1").await.expect(200)["status"], "engaged");
    assert_eq!(customer.get("/v1/drivers/seat-2").await.expect(200)["status"], "available");
    for (filter, expected) in [("", vec!["seat-1", "seat-2"]), ("&status=available", vec!["seat-2"])] {
        eventually(&format!("the list{filter} shows {expected:?}"), async || {
            let list = customer.get(&format!("/v1/drivers?service={STUDYCAFE}{filter}")).await.expect(200);
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let ids: Vec<_> = items.iter().filter_map(|item| item["id"].as_str()).collect();
            if ids == expected { Ok(()) } else { Err(list.to_string()) }
        })
        .await;
    }
    let seat = customer.get("/v1/drivers/seat-1").await.expect(200).to_string();
    assert!(!seat.contains("jun"), "whose seat it is is nobody's business: {seat}");
    customer.get("/v1/drivers?service=driver-call").await.problem(403, "forbidden");
}

#[tokio::test]
async fn sc_n2_one_customer_holds_several_seats_each_with_its_own_payment() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let first = server.seat_taken(&customer, "seat-1").await;
    let second = server.seat_taken(&customer, "seat-2").await;
    customer.command(&first, "cancel").await.expect(200);
    server.payment_is(&first, &["refunded"]).await;
    assert_eq!(customer.call(&second).await["status"], "assigned");
    server.ledger_is(&first, 1, 1).await;
    server.ledger_is(&second, 1, 0).await;
    server.driver_is("seat-2", &["engaged"]).await;
}

#[tokio::test]
async fn sc_2_who_gave_no_method_is_asked_to_pay_once_the_seat_is_approved() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let customer = server.customer("mina");
    let id = id_of(&customer.post("/v1/calls", seat("seat-1", None)).await.expect(201));
    server.operator().command(&id, "approve").await.expect(200);
    told(&customer, &id, "payment_wanted").await;
    customer.pay(&id, "tok_ok").await.expect(200);
    server.call_is(&id, &["assigned"]).await;
}

#[tokio::test]
async fn sc_2_a_method_given_while_a_refused_one_is_charged_pays() {
    let server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    register_seat(&server, "seat-1").await;
    let call = select(&customer, "seat-1", "tok_declined").await;
    server.simulate(json!({"latency_ms": 1_500})).await;
    operator.command(&call, "approve").await.expect(200);
    server.payment_is(&call, &["charging"]).await;
    customer.pay(&call, "tok_ok").await.expect(200);
    server.call_is(&call, &["assigned"]).await;
    server.ledger_is(&call, 1, 0).await;
}
