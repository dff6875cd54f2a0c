//! What people try that is not theirs to do, or not now: each is refused with its status and `code`, and changes nothing.

use serde_json::{Value, json};

use crate::{
    faults::walk::{CLEANING, CUSTOMER, DRIVER_CALL, RENTAL, STUDYCAFE, TAXI, Walk},
    harness::{Client, GANGNAM, Reply, Server, id_of, place},
};

/// Everything that a refused command could have changed.
async fn everything(server: &Server, walk: &Walk, call: &str) -> (Value, Value, usize, usize) {
    let operator = server.operator();
    let driver = operator.get(&format!("/v1/drivers/{}", walk.driver)).await.expect(200);
    let ledger = server.ledger(call).await;
    (operator.call(call).await, driver, ledger.charges, ledger.refunds)
}

/// Gives a command that changes nothing, and returns its answer.
async fn in_vain(server: &Server, walk: &Walk, call: &str, by: &Client, command: &str) -> Reply {
    let before = everything(server, walk, call).await;
    let reply = match command {
        "pay" => by.pay(call, "tok_ok").await,
        command => by.command(call, command).await,
    };
    assert_eq!(
        everything(server, walk, call).await,
        before,
        "{command} by {} changed something: {}",
        by.id,
        reply.text
    );
    reply
}

/// A walk step by step; at each, what cannot be done there is tried.
async fn refuses_what_is_not_its_time(walk: &Walk) {
    let server = Server::start().await;
    walk.stage(&server).await;
    let (customer, operator) = (server.customer(CUSTOMER), server.operator());
    let id = walk.requested(&walk.ask(&server, "walk")).await;
    let mut status = walk.first;
    for next in walk.steps.iter().map(Some).chain([None]) {
        if status == "assigned" {
            server.driver_is(walk.driver, &["engaged"]).await;
        }
        let is_over = status == "completed";
        if !matches!(status, "started" | "completed") {
            never_started(walk, &server, &id, status).await;
        } else {
            for party in [&customer, &operator, &server.driver(walk.driver)] {
                in_vain(&server, walk, &id, party, "cancel").await.problem(409, "illegal_transition");
            }
        }
        if is_over {
            in_vain(&server, walk, &id, &customer, "pay").await.problem(409, "illegal_transition");
        } else if server.ledger(&id).await.charges == 1 {
            in_vain(&server, walk, &id, &customer, "pay").await.expect(200);
        }
        for word in ["approve", "reject"].into_iter().filter(|_| status != "awaiting_approval") {
            let reply = in_vain(&server, walk, &id, &operator, word).await;
            match (word, status, walk.service) {
                // Approving twice is approving once.
                ("approve", "assigned", "studycafe") => assert_eq!(reply.expect(200)["status"], "assigned"),
                _ => drop(reply.problem(409, "illegal_transition")),
            }
        }
        if let Some(step) = next {
            step.go(&server, walk, &id).await;
            status = step.status;
        }
    }
    walk.has_ended_well(&server, &id).await;
}

/// Completing what was never started; and starting what no driver has.
async fn never_started(walk: &Walk, server: &Server, id: &str, status: &str) {
    let late = walk.steps.iter().filter(|step| match step.command {
        "complete" => true,
        "start" => status != "assigned",
        _ => false,
    });
    for step in late {
        let who = step.by(server, walk);
        let is_offered = !step.by_operator && status == "dispatching";
        if is_offered {
            who.offered(id).await;
        }
        let reply = in_vain(server, walk, id, &who, step.command).await;
        // A call that is nobody's yet does not exist for drivers, until it is offered to them.
        match step.by_operator || is_offered || status == "assigned" {
            true => reply.problem(409, "illegal_transition"),
            false => reply.problem(404, "not_found"),
        };
    }
}

#[tokio::test]
async fn dc_6_what_is_not_the_time_of_a_call_is_refused_and_changes_nothing() {
    refuses_what_is_not_its_time(&DRIVER_CALL).await;
}

#[tokio::test]
async fn cl_3_what_is_not_the_time_of_a_cleaning_is_refused_and_changes_nothing() {
    refuses_what_is_not_its_time(&CLEANING).await;
}

#[tokio::test]
async fn rc_6_what_is_not_the_time_of_a_rental_is_refused_and_changes_nothing() {
    refuses_what_is_not_its_time(&RENTAL).await;
}

#[tokio::test]
async fn tx_5_what_is_not_the_time_of_a_ride_is_refused_and_changes_nothing() {
    refuses_what_is_not_its_time(&TAXI).await;
}

#[tokio::test]
async fn sc_2_what_is_not_the_time_of_a_seat_is_refused_and_changes_nothing() {
    refuses_what_is_not_its_time(&STUDYCAFE).await;
}

/// Cars and seats as people should not choose them: nothing is charged, held or left waiting.
async fn refuses_wrong_choices(walk: &Walk, needs_period: bool) {
    let server = Server::start().await;
    walk.stage(&server).await;
    let other = if walk.service == "rental" { STUDYCAFE } else { RENTAL };
    other.stage(&server).await;
    server.register_driver("kim", GANGNAM).await;
    let (customer, operator) = (server.customer(CUSTOMER), server.operator());
    let drivers = async || {
        let shown = [walk.driver, other.driver, "kim"].map(|id| format!("/v1/drivers/{id}"));
        futures_util::future::join_all(shown.iter().map(|path| operator.get(path))).await.into_iter().map(Reply::ok)
    };
    let before: Vec<_> = drivers().await.collect();
    let tomorrow = json!({"from": "2031-03-01T09:00:00Z", "to": "2031-03-02T09:00:00Z"});
    let body = |driver: Value, period: &Value| {
        json!({"service": walk.service, "pickup": place(GANGNAM), "driver_id": driver, "period": period,
            "payment": {"method": "tok_ok"}})
    };

    let mut periods = vec![
        json!({"from": "2031-03-02T09:00:00Z", "to": "2031-03-01T09:00:00Z"}),
        json!({"from": "2031-03-01T09:00:00Z", "to": "2031-03-01T09:00:00Z"}),
        json!({"from": "2020-03-01T09:00:00Z", "to": "2020-03-02T09:00:00Z"}),
        json!({"from": "2020-03-01T09:00:00Z", "to": "2031-03-02T09:00:00Z"}),
        json!({"from": "2031-03-01T09:00:00Z"}),
    ];
    periods.extend(needs_period.then_some(Value::Null));
    for period in periods {
        let reply = customer.post("/v1/calls", body(json!(walk.driver), &period)).await;
        let problem = reply.problem(400, "invalid_request");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("period")), "{problem}");
        assert!(problem["call"].is_null(), "no call is made: {problem}");
    }
    customer.post("/v1/calls", body(Value::Null, &tomorrow)).await.problem(400, "invalid_request");

    for stranger in ["no-such-thing", other.driver, "kim"] {
        let refused = customer.post("/v1/calls", body(json!(stranger), &tomorrow)).await;
        let refused = refused.problem(409, "driver_unavailable");
        assert_eq!(
            (&refused["call"]["status"], refused["call"]["driver"].is_null()),
            (&json!("denied"), true),
            "{refused}"
        );
        let id = id_of(&refused["call"]);
        server.ledger_is(&id, 0, 0).await;
        customer.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
    }
    assert_eq!(drivers().await.collect::<Vec<_>>(), before, "nobody is held");
}

#[tokio::test]
async fn rc_2_a_car_that_is_none_and_a_period_that_is_none_are_refused_and_change_nothing() {
    refuses_wrong_choices(&RENTAL, true).await;
}

#[tokio::test]
async fn sc_1_a_seat_that_is_none_and_a_period_that_is_none_are_refused_and_change_nothing() {
    refuses_wrong_choices(&STUDYCAFE, false).await;
}
