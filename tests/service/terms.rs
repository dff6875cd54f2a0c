//! A service's file is edited or removed while calls of it are under way: they go on under the terms that they were made
//! under, money included, whatever crashes; new calls go by the file as it stands.

use serde_json::{Value, json};

use crate::{
    harness::{Client, DRIVER_CALL, GANGNAM, Server, eventually, id_of, place, trip, trip_paid_with},
    studycafe::{register_seat, select},
    studycafe_outage::waits_for_the_gateway,
    taxi::{TAXI, request_ride, ride},
};

const STUDYCAFE: &str = "studycafe";
const CLEANING: &str = "cleaning";

/// An operator's change to the file of a service, between two starts.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Another price, other deadlines, other rules, other words.
    Edited,
    Removed,
}

impl Change {
    const ALL: [Self; 2] = [Self::Edited, Self::Removed];

    /// `kill -9`, the change, and the next start.
    async fn while_down(self, server: &mut Server, service: &str) {
        server.kill();
        match self {
            Self::Edited => {
                for (key, value) in
                    [("payment.minimum", 7_000_000), ("payment.unpaid_s", 1), ("dispatch.deadline_s", 1)]
                {
                    server.edit_service(service, key, value);
                }
                server.edit_service(service, "steps.complete", vec!["operator"]);
                server.edit_service(service, "steps.start", vec!["operator"]);
                let words: toml::Table = [("ko", "고침"), ("en", "Edited")]
                    .map(|(lang, word)| (lang.to_owned(), word.into()))
                    .into_iter()
                    .collect();
                for status in ["dispatching", "assigned", "started", "completed", "cancelled", "awaiting_payment"] {
                    server.edit_service(service, &format!("labels.{status}"), words.clone());
                }
            }
            Self::Removed => server.remove_service(service),
        }
        server.start_again().await;
    }

    /// What becomes of a new call.
    async fn refuses_new_calls(self, customer: &Client, body: Value) {
        let reply = customer.post("/v1/calls", body).await;
        match self {
            Self::Edited => drop(reply.problem(422, "payment_below_minimum")),
            Self::Removed => {
                let problem = reply.problem(400, "invalid_request");
                assert!(
                    problem["detail"].as_str().is_some_and(|said| said.contains("there is no service")),
                    "{problem}"
                );
            }
        }
    }
}

/// A call is shown as before: with the label of its own terms.
fn is_labelled(call: &Value, label: &str) {
    assert_eq!(call["label"]["en"], label, "{call}");
}

/// Registers somebody who wants no calls yet.
async fn register(server: &Server, service: &str, id: &str) -> Client {
    server.operator().put(&format!("/v1/drivers/{id}"), json!({"service": service, "name": id})).await.expect(201);
    server.driver(id)
}

/// The driver wants calls from now on, at Gangnam.
async fn goes_on_duty(driver: &Client) {
    driver.put(&format!("/v1/drivers/{}/availability", driver.id), json!({"available": true})).await.ok();
    let (lat, lng) = GANGNAM;
    driver.post(&format!("/v1/drivers/{}/position", driver.id), json!({"lat": lat, "lng": lng})).await.expect(204);
}

async fn services(client: &Client) -> Vec<String> {
    let services = client.get("/v1/services").await.expect(200);
    services["items"].as_array().into_iter().flatten().map(id_of).collect()
}

#[tokio::test]
async fn a_paid_call_that_looks_for_a_driver_is_taken_served_and_completed_as_it_was_made() {
    for change in Change::ALL {
        let mut server = Server::start().await;
        let customer = server.customer("mina");
        let driver = register(&server, DRIVER_CALL, "driver-a").await;
        let (call, other) = (customer.request_paid_call().await, customer.request_paid_call().await);
        change.while_down(&mut server, DRIVER_CALL).await;
        is_labelled(&customer.call(&call).await, "Looking for a driver");
        change.refuses_new_calls(&customer, trip_paid_with("tok_ok")).await;
        let listed = eventually("operators see both calls", async || {
            let path = format!("/v1/calls?service={DRIVER_CALL}&status=dispatching");
            let listed = server.operator().get(&path).await.expect(200);
            if listed["items"].as_array().is_some_and(|items| items.len() == 2) {
                Ok(listed)
            } else {
                Err(listed.to_string())
            }
        })
        .await;
        is_labelled(&listed["items"][0], "Looking for a driver");
        let cancelled = customer.command(&other, "cancel").await.expect(200);
        is_labelled(&cancelled, "Cancelled");
        goes_on_duty(&driver).await;
        driver.take(&call).await;
        driver.command(&call, "start").await.expect(200);
        let completed = driver.command(&call, "complete").await.expect(200);
        assert_eq!(completed["status"], "completed", "{completed}");
        is_labelled(&customer.call(&call).await, "Completed");
        server.ledger_is(&call, 1, 0).await;
        server.ledger_is(&other, 1, 1).await;
        server.driver_is("driver-a", &["available"]).await;
    }
}

#[tokio::test]
async fn an_assigned_call_is_cancelled_and_refunded_or_given_back_as_it_was_made() {
    for change in Change::ALL {
        let mut server = Server::start().await;
        let customer = server.customer("mina");
        let (first, second) = ("driver-a", "driver-b");
        let mut calls = Vec::new();
        for id in [first, second] {
            let driver = server.register_driver(id, GANGNAM).await;
            let call = customer.request_paid_call().await;
            driver.take(&call).await;
            calls.push(call);
        }
        change.while_down(&mut server, DRIVER_CALL).await;
        is_labelled(&customer.call(&calls[0]).await, "Driver assigned");
        assert_eq!(customer.command(&calls[0], "cancel").await.expect(200)["status"], "cancelled");
        server.payment_is(&calls[0], &["refunded"]).await;
        // The driver who is free again gets what the other one gives back: its search goes by the terms, too.
        let released = server.driver(second).command(&calls[1], "release").await.expect(200);
        assert_eq!(released["status"], "dispatching", "{released}");
        let driver = server.driver(first);
        driver.take(&calls[1]).await;
        driver.command(&calls[1], "start").await.expect(200);
        driver.command(&calls[1], "complete").await.expect(200);
        server.ledger_is(&calls[0], 1, 1).await;
        server.ledger_is(&calls[1], 1, 0).await;
    }
}

#[tokio::test]
async fn a_ride_under_way_is_completed_and_charged_as_it_was_made() {
    for change in Change::ALL {
        let mut server = Server::start().await;
        let customer = server.customer("mina");
        let (call, taxi) = server.ride_under_way(&customer, "tok_ok").await;
        let fare = customer.call(&call).await["fare"]["amount"].as_u64();
        change.while_down(&mut server, TAXI).await;
        change.refuses_new_calls(&customer, ride("tok_ok")).await;
        let completed = taxi.command(&call, "complete").await.expect(200);
        assert_eq!((&completed["status"], &completed["payment"]["status"]), (&json!("completed"), &json!("charged")));
        is_labelled(&completed, "Arrived");
        assert_eq!(Some(server.ledger_is(&call, 1, 0).await.charged), fare);
    }
}

#[tokio::test]
async fn a_deferred_payment_is_charged_once_the_gateway_is_back_and_another_is_still_approved() {
    for change in Change::ALL {
        let mut server = Server::start().await;
        let (customer, operator) = (server.customer("mina"), server.operator());
        server.simulate(json!({"down": true})).await;
        for seat in ["seat-1", "seat-2"] {
            register_seat(&server, seat).await;
        }
        let (waits, asked) = (select(&customer, "seat-1", "tok_ok").await, select(&customer, "seat-2", "tok_ok").await);
        operator.command(&waits, "approve").await.expect(200);
        waits_for_the_gateway(&customer, &waits).await;
        change.while_down(&mut server, STUDYCAFE).await;
        is_labelled(&customer.call(&waits).await, "Payment in progress");
        operator.command(&asked, "approve").await.expect(200);
        server.simulate(json!({})).await;
        for call in [&waits, &asked] {
            server.call_is(call, &["assigned"]).await;
            server.ledger_is(call, 1, 0).await;
        }
        // Who may check in and out is what it was.
        for step in ["start", "complete"] {
            customer.command(&waits, step).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_refund_that_is_owed_while_the_gateway_is_down_is_made_after_the_change() {
    for change in Change::ALL {
        let mut server = Server::start().await;
        let customer = server.customer("mina");
        let call = customer.request_paid_call().await;
        server.simulate(json!({"down": true})).await;
        customer.command(&call, "cancel").await.expect(200);
        server.payment_is(&call, &["refunding"]).await;
        change.while_down(&mut server, DRIVER_CALL).await;
        server.kill_and_start_again().await;
        server.simulate(json!({})).await;
        server.payment_is(&call, &["refunded"]).await;
        server.ledger_is(&call, 1, 1).await;
        // Repeating what ended it is an answer as ever, though nobody knows the terms any more.
        assert_eq!(customer.command(&call, "cancel").await.expect(200)["status"], "cancelled");
        server.driver("driver-a").command(&call, "complete").await.problem(404, "not_found");
        server.operator().command(&call, "start").await.any_problem();
    }
}

#[tokio::test]
async fn a_debt_of_a_removed_service_is_shown_and_paid() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (call, taxi) = server.ride_under_way(&customer, "tok_declined").await;
    taxi.command(&call, "complete").await.problem(402, "payment_declined");
    Change::Removed.while_down(&mut server, TAXI).await;
    let settle = json!({"as": "debt", "reason": "no card"});
    server.operator().post(&format!("/v1/calls/{call}/settle"), settle).await.expect(200);
    // Twice: at the first of these starts the debt may still be on its way to the account.
    for _ in 0..2 {
        server.kill_and_start_again().await;
    }
    eventually("the account knows of the debt", async || {
        let me = customer.get("/v1/me").await.expect(200);
        if me["debts"][0]["call"] == json!(call) { Ok(()) } else { Err(me.to_string()) }
    })
    .await;
    let paid = customer.pay(&call, "tok_ok").await.expect(200);
    assert_eq!((&paid["status"], &paid["payment"]["status"]), (&json!("completed"), &json!("charged")), "{paid}");
    assert_eq!(taxi.command(&call, "complete").await.expect(200)["status"], "completed");
}

#[tokio::test]
async fn a_reservation_of_a_removed_service_is_assigned_to_a_company_that_has_time() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let company = register(&server, CLEANING, "ssak3").await;
    company.put("/v1/drivers/ssak3/availability", json!({"available": false})).await.expect(200);
    let reservation = json!({"service": CLEANING, "pickup": place(GANGNAM), "payment": {"method": "tok_ok"},
        "period": {"from": "2031-03-01T09:00:00Z", "to": "2031-03-01T12:00:00Z"}});
    let call = id_of(&customer.post("/v1/calls", reservation).await.expect(201));
    Change::Removed.while_down(&mut server, CLEANING).await;
    company.put("/v1/drivers/ssak3/availability", json!({"available": true})).await.expect(200);
    let assigned = server.call_is(&call, &["assigned"]).await;
    assert_eq!(assigned["driver"]["id"], "ssak3", "{assigned}");
    company.command(&call, "cancel").await.expect(200);
    server.call_is(&call, &["dispatching", "cancelled"]).await;
    customer.command(&call, "cancel").await.ok();
    server.ledger_is(&call, 1, 1).await;
}

#[tokio::test]
async fn calls_of_two_files_go_on_side_by_side_and_with_the_old_file_back() {
    let flat = |won: i64| json!({"kind": "fixed", "amount": won});
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let old = request_ride(&customer, "tok_ok").await;
    let old_fare = customer.call(&old).await["fare"]["amount"].clone();
    let (text, files) = (server.service_text(TAXI), services(&customer).await.len());
    assert_eq!(server.kept_terms().await, files, "the terms of every service");
    server.kill();
    let mut edited: toml::Table = text.parse().expect("TOML");
    edited.insert("fare".into(), toml::Value::try_from(flat(77_000)).expect("a fare"));
    edited.insert("steps".into(), toml::from_str("start = [\"driver\"]\ncomplete = [\"operator\"]").expect("steps"));
    server.write_service(TAXI, &edited.to_string());
    server.start_again().await;
    assert_eq!(server.kept_terms().await, files + 1, "both files of the taxis");
    let new = request_ride(&customer, "tok_ok").await;
    assert_eq!(customer.call(&new).await["fare"]["amount"], 77_000);
    assert_eq!(customer.call(&old).await["fare"]["amount"], old_fare);
    server.kill();
    server.write_service(TAXI, &text);
    server.start_again().await;
    assert_eq!(server.kept_terms().await, files + 1, "calls of both files are under way");
    for (call, ends) in [(&old, true), (&new, false)] {
        let taxi = server.taxi(&format!("taxi-{ends}"), GANGNAM).await;
        taxi.take(call).await;
        taxi.command(call, "start").await.expect(200);
        let reply = taxi.command(call, "complete").await;
        if ends { drop(reply.expect(200)) } else { drop(reply.problem(403, "forbidden")) }
    }
    server.operator().command(&new, "complete").await.expect(200);
    assert_eq!(server.ledger_is(&new, 1, 0).await.charged, 77_000);
    server.driver_is("taxi-false", &["available"]).await;
    server.stop_and_start_again().await;
    assert_eq!(server.kept_terms().await, files, "no call of the other file is under way");
}

#[tokio::test]
async fn a_quote_of_the_old_file_is_kept_under_the_terms_of_the_new_one() {
    let mut server = Server::start().await;
    let (customer, driver) = (server.customer("mina"), register(&server, DRIVER_CALL, "driver-a").await);
    let quote = customer.post("/v1/quotes", trip()).await.expect(200);
    server.kill();
    server.edit_service(DRIVER_CALL, "fare.base", 55_000);
    server.edit_service(DRIVER_CALL, "steps.complete", vec!["operator"]);
    server.start_again().await;
    let mut body = trip_paid_with("tok_ok");
    body["quote"] = quote["quote"].clone();
    let call = customer.post("/v1/calls", body).await.expect(201);
    assert_eq!(call["fare"]["amount"], quote["amount"]);
    goes_on_duty(&driver).await;
    let call = id_of(&call);
    driver.take(&call).await;
    driver.command(&call, "start").await.expect(200);
    driver.command(&call, "complete").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_removed_service_is_listed_no_more_and_its_drivers_finish_what_they_have() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (call, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    Change::Removed.while_down(&mut server, TAXI).await;
    assert!(!services(&customer).await.contains(&TAXI.to_owned()));
    taxi.put("/v1/drivers/taxi-a", json!({"service": TAXI, "name": "taxi-a"})).await.problem(400, "invalid_request");
    customer.post("/v1/quotes", ride("tok_ok")).await.any_problem();
    assert_eq!(server.driver_is("taxi-a", &["engaged"]).await["service"], TAXI);
    taxi.command(&call, "complete").await.expect(200);
    eventually("My Page shows its end", async || {
        let mine = customer.get(&format!("/v1/me/calls?service={TAXI}")).await.expect(200);
        if mine["items"][0]["label"]["en"] == "Arrived" { Ok(()) } else { Err(mine.to_string()) }
    })
    .await;
    let told = server.operator().get(&format!("/v1/me/notifications?service={TAXI}")).await;
    told.expect(200);
    // Nothing of it is left: it is a service like any that never was.
    server.driver_is("taxi-a", &["available"]).await;
    server.stop_and_start_again().await;
    server.stop_and_start_again().await;
    customer.get(&format!("/v1/me/calls?service={TAXI}")).await.problem(400, "invalid_request");
    is_labelled_somehow(&customer.call(&call).await);
    server.kill();
    server.put_back_service(TAXI);
    server.start_again().await;
    assert!(services(&customer).await.contains(&TAXI.to_owned()));
    let next = request_ride(&customer, "tok_ok").await;
    taxi.take(&next).await;
}

fn is_labelled_somehow(call: &Value) {
    assert!(call["label"]["en"].as_str().is_some_and(|label| !label.is_empty()), "{call}");
}

#[tokio::test]
async fn a_successor_with_another_file_takes_over_the_calls_as_they_were_made() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (call, _) = server.ride_under_way(&customer, "tok_ok").await;
    server.edit_service(TAXI, "steps.complete", vec!["operator"]);
    let successor = server.successor().await;
    let completed = successor.driver("taxi-a").command(&call, "complete").await.expect(200);
    assert_eq!(completed["payment"]["status"], "charged", "{completed}");
    let mut server = server;
    server.ended().await;
}
