//! Companies are booked by period: as many calls at the same time as the policy's capacity, and any number one after
//! the other.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, GANGNAM, Server, Setup, eventually, id_of, place};

const CLEANING: &str = "cleaning";

/// A cleaning on that day of May 2031, from one full hour to another.
fn cleaning_on(day: u32, from: u32, to: u32) -> Value {
    let at = |hour| format!("2031-05-{day:02}T{hour:02}:00:00Z");
    let period = json!({"from": at(from), "to": at(to)});
    json!({"service": CLEANING, "pickup": place(GANGNAM), "payment": {"method": "tok_ok"}, "period": period})
}

/// A cleaning that begins after so many seconds and lasts an hour.
fn cleaning_in(seconds: i64) -> Value {
    let from = callout::clock::now() + Duration::from_secs(seconds.unsigned_abs());
    let period = json!({"from": from.to_string(), "to": (from + Duration::from_secs(3_600)).to_string()});
    json!({"service": CLEANING, "pickup": place(GANGNAM), "payment": {"method": "tok_ok"}, "period": period})
}

fn cleaning_now() -> Value {
    json!({"service": CLEANING, "pickup": place(GANGNAM), "payment": {"method": "tok_ok"}})
}

async fn register_company(server: &Server, id: &str) -> Client {
    let registration = json!({"service": CLEANING, "name": id});
    server.operator().put(&format!("/v1/drivers/{id}"), registration).await.expect(201);
    server.driver(id)
}

async fn reserve(customer: &Client, body: Value) -> String {
    id_of(&customer.post("/v1/calls", body).await.expect(201))
}

/// Reserves a cleaning, and says who has it.
async fn assigned(server: &Server, customer: &Client, body: Value) -> (String, String) {
    let id = reserve(customer, body).await;
    let call = server.call_is(&id, &["assigned"]).await;
    (id, call["driver"]["id"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn cl_2_a_company_is_booked_for_may_and_for_june_and_never_twice_at_the_same_time() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    register_company(&server, "ssak3").await;
    let (first, _) = assigned(&server, &customer, cleaning_on(3, 9, 12)).await;
    assigned(&server, &customer, cleaning_on(4, 9, 12)).await;
    assigned(&server, &customer, cleaning_on(3, 12, 15)).await;
    let second = reserve(&customer, cleaning_on(3, 11, 13)).await;
    for restart in [false, true] {
        if restart {
            server.kill_and_start_again().await;
        }
        // One that comes later and has its time free shows that the search has been past the one that waits.
        assigned(&server, &customer, cleaning_on(5 + u32::from(restart), 9, 12)).await;
        assert_eq!(customer.call(&second).await["status"], "dispatching", "after a restart: {restart}");
    }
    customer.command(&first, "cancel").await.expect(200);
    let blocked = reserve(&customer, cleaning_on(3, 9, 11)).await;
    server.call_is(&blocked, &["assigned"]).await;
    assert_eq!(customer.call(&second).await["status"], "dispatching", "12 to 15 is still taken");
}

#[tokio::test]
async fn cl_2_whoever_got_a_call_last_is_assigned_the_next_one_last() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    for company in ["a", "b", "c"] {
        register_company(&server, company).await;
    }
    let mut winners = Vec::new();
    for day in 1..=6 {
        let (id, winner) = assigned(&server, &customer, cleaning_on(day, 9, 12)).await;
        eventually("the company knows that the call is its own", async || {
            let shown = server.operator().get(&format!("/v1/drivers/{winner}")).await.expect(200);
            let version = shown["version"].as_u64().unwrap_or_default();
            // Two events of the registration, then booked and engaged with each call.
            if version % 2 == 0 { Ok(()) } else { Err(format!("{id}: {shown}")) }
        })
        .await;
        winners.push(winner);
    }
    assert_eq!(winners, ["a", "b", "c", "a", "b", "c"]);
}

#[tokio::test]
async fn cl_2_a_company_takes_as_many_calls_at_once_as_its_capacity() {
    let server = Setup::new().policy(CLEANING, "dispatch.capacity", 2).start().await;
    let customer = server.customer("mina");
    let company = register_company(&server, "ssak3").await;
    let (first, _) = assigned(&server, &customer, cleaning_now()).await;
    let (second, _) = assigned(&server, &customer, cleaning_now()).await;
    let third = reserve(&customer, cleaning_now()).await;
    // A later time is free whatever is going on now.
    assigned(&server, &customer, cleaning_on(3, 9, 12)).await;
    assert_eq!(customer.call(&third).await["status"], "dispatching");
    for id in [&first, &second] {
        company.command(id, "start").await.expect(200);
    }
    server.driver_is("ssak3", &["engaged"]).await;
    company.command(&first, "complete").await.expect(200);
    server.call_is(&third, &["assigned"]).await;
    company.command(&third, "start").await.expect(200);
}

#[tokio::test]
async fn cl_3_work_that_lasts_longer_than_booked_keeps_the_next_one_from_starting() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let company = register_company(&server, "ssak3").await;
    let (long, _) = assigned(&server, &customer, cleaning_now()).await;
    company.command(&long, "start").await.expect(200);
    let (next, _) = assigned(&server, &customer, cleaning_in(1)).await;
    eventually("the next one has begun", async || {
        let shown = company.get("/v1/drivers/ssak3").await.expect(200);
        if shown["version"] == 8 { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    let refused = company.command(&next, "start").await.problem(409, "driver_unavailable");
    assert_eq!(refused["call"]["status"], "assigned", "{refused}");
    company.command(&long, "complete").await.expect(200);
    eventually("the next one starts", async || {
        let reply = company.command(&next, "start").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    company.command(&next, "complete").await.expect(200);
    server.driver_is("ssak3", &["available"]).await;
}

#[tokio::test]
async fn cl_3_a_cleaning_starts_no_earlier_before_its_time_than_the_policy_says() {
    let server = Setup::new().policy(CLEANING, "dispatch.early_s", 600).start().await;
    let customer = server.customer("mina");
    let company = register_company(&server, "ssak3").await;
    let (soon, _) = assigned(&server, &customer, cleaning_in(590)).await;
    let (later, _) = assigned(&server, &customer, cleaning_in(4_500)).await;
    let reply = company.command(&later, "start").await;
    let wait_s: u64 = reply.header("retry-after").and_then(|value| value.parse().ok()).expect("a time to wait");
    assert!((3_800..=3_900).contains(&wait_s), "{wait_s} s");
    let refused = reply.problem(409, "too_early");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("후에 다시")), "{refused}");
    assert_eq!(refused["call"]["status"], "assigned", "{refused}");
    assert!(server.driver_is("ssak3", &["available"]).await["call"].is_null(), "it is not handed over either");
    company.command(&soon, "start").await.expect(200);
    server.driver_is("ssak3", &["engaged"]).await;
}

#[tokio::test]
async fn a_company_that_gives_a_booking_back_keeps_its_others() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let company = register_company(&server, "ssak3").await;
    let (given_back, _) = assigned(&server, &customer, cleaning_on(3, 9, 12)).await;
    let (kept, _) = assigned(&server, &customer, cleaning_on(4, 9, 12)).await;
    company.command(&given_back, "release").await.expect(200);
    let calls = async || {
        let shown = server.operator().get("/v1/drivers/ssak3").await.expect(200);
        shown["bookings"].as_array().map(|all| all.iter().map(|one| one["call"].clone()).collect::<Vec<_>>())
    };
    eventually("the booking is gone", async || {
        let left = calls().await;
        if left == Some(vec![json!(kept)]) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    assert_eq!(customer.call(&given_back).await["status"], "dispatching");
    assert_eq!(customer.call(&kept).await["status"], "assigned");
}
