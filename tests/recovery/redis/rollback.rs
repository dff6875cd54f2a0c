//! A Redis that comes back with less than it had acknowledged, under a running server: nobody is shown what is gone, calls
//! from before go on from where the store has them, and operators learn what happened to the money.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::rig::Rig;
use crate::{
    check::settled,
    harness::{
        Client, DRIVER_CALL, GANGNAM, SEOUL_STATION, Server, Setup, eventually, id_of, pause, seed, trip_paid_with,
    },
    load::{Load, PEOPLE, driver_name},
    redis_server::RedisServer,
};

/// What counts the commits that were lost.
const LOST: &str = "callout_store_commits_lost_total";

/// A Redis that keeps nothing on its own: what it has at [`keep`] is what it has after a kill.
fn forgetful() -> RedisServer {
    RedisServer::start(&["--appendonly", "no"]).expect("a Redis")
}

async fn keep(redis: &RedisServer) {
    redis.say("SAVE").await.expect("saved");
}

/// Kills it, and waits until the server has dropped what it had in memory and works with it again.
async fn goes_back(redis: &mut RedisServer, server: &Server) {
    redis.kill().expect("killed");
    redis.restart(&[]).expect("started again");
    eventually("what is stored is back", async || {
        let log = server.log();
        let since = log.split_once("everything in memory is dropped").map(|(_, since)| since);
        if since.is_some_and(|since| since.contains("live entities are back")) { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(metric(server, LOST).await > 0.0);
}

async fn metric(server: &Server, name: &str) -> f64 {
    let said = server.nobody().get("/metrics").await.text;
    let line = said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {said}"));
    line.trim().parse().unwrap_or_else(|_| panic!("{name} is {line:?}"))
}

/// What operators were told of losses.
async fn told_of_losses(server: &Server) -> Vec<String> {
    let told = server.operator().get("/v1/me/notifications?service=driver-call").await.expect(200);
    let items = told["items"].as_array().cloned().unwrap_or_default();
    let lost = items.iter().filter(|notice| notice["occasion"] == "writes_lost");
    lost.map(|notice| notice["text"]["en"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The record of a payment that lost commits.
async fn record_of(redis: &RedisServer, payment: &str) -> Value {
    let said = redis.say(&format!("HGET callout:lost_payments {payment}")).await.expect("an answer");
    let text: Option<String> = redis::from_redis_value(said).expect("a text");
    serde_json::from_str(&text.unwrap_or_else(|| panic!("no record of {payment}"))).expect("JSON")
}

/// Waits until operators' lists have exactly these calls.
async fn calls_are_listed(server: &Server, wanted: &[&str]) {
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    eventually("lists have what the store has", async || {
        let page = server.operator().get("/v1/calls").await.expect(200);
        let mut found: Vec<_> = page["items"].as_array().expect("items").iter().map(id_of).collect();
        found.sort();
        if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_lost_is_shown_to_nobody_and_its_money_is_kept_for_operators() {
    let mut redis = forgetful();
    let server = Setup::new().on_store(&redis.url()).start().await;
    let mina = server.customer("mina");
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let kept = mina.request_paid_call().await;
    driver.offered(&kept).await;
    keep(&redis).await;

    let mut socket = mina.ws().await;
    driver.take(&kept).await;
    driver.command(&kept, "start").await.expect(200);
    let late = server.register_driver("driver-b", SEOUL_STATION).await;
    let jun = server.customer("jun");
    let gone = jun.request_paid_call().await;
    late.take(&gone).await;
    server.ledger_is(&gone, 1, 0).await;
    calls_are_listed(&server, &[&kept, &gone]).await;
    goes_back(&mut redis, &server).await;

    assert_eq!(socket.close_code().await, Some(4008), "the customer's socket begins anew");
    jun.get(&format!("/v1/calls/{gone}")).await.problem(404, "not_found");
    server.operator().get("/v1/drivers/driver-b").await.problem(404, "not_found");
    assert_eq!(mina.call(&kept).await["status"], "dispatching");
    server.driver_is("driver-a", &["available", "offered"]).await;
    calls_are_listed(&server, &[&kept]).await;
    let told = eventually("operators are told", async || {
        told_of_losses(&server).await.pop().ok_or_else(|| "nothing".to_owned())
    })
    .await;
    for words in [format!("calls that are gone: {gone}"), format!("calls that went back: {kept}")] {
        assert!(told.contains(&words), "{told}");
    }
    assert!(server.log().contains(&gone), "the log names what is gone");

    let record = record_of(&redis, &gone).await;
    let fare = server.ledger(&gone).await.charged;
    assert_eq!((&record["status"], record["found_version"].as_u64()), (&json!("charged"), Some(0)), "{record}");
    assert_eq!(record["amount"]["amount"].as_u64(), Some(fare), "{record}");
    assert!(record["reference"].is_string(), "{record}");

    driver.take(&kept).await;
    for command in ["start", "complete"] {
        driver.command(&kept, command).await.expect(200);
    }
    server.ledger_is(&kept, 1, 0).await;
    let timeline = mina.timeline(&kept).await;
    let assigned = timeline.iter().filter(|entry| entry["event"] == "assigned").count();
    assert_eq!(assigned, 1, "{timeline:?}");
    calls_are_listed(&server, &[&kept]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_that_redis_forgot_is_found_at_the_gateway_and_not_made_twice() {
    let mut redis = forgetful();
    let server = Setup::new().on_store(&redis.url()).start().await;
    let mina = server.customer("mina");
    let call = id_of(&mina.request_call().await);
    keep(&redis).await;
    // The first attempt is never sent, the second one takes the money.
    server.simulate(json!({"down": true})).await;
    mina.pay(&call, "tok_ok").await.problem(503, "payment_unavailable");
    server.simulate(json!({})).await;
    mina.pay(&call, "tok_ok").await.expect(200);
    server.ledger_is(&call, 1, 0).await;
    goes_back(&mut redis, &server).await;

    assert_eq!(mina.call(&call).await["status"], "requested");
    let record = record_of(&redis, &call).await;
    assert!(record["attempt"].as_u64() > Some(1) && record["status"] == "charged", "{record}");
    let paid = mina.pay(&call, "tok_ok").await.expect(200);
    assert_eq!(paid["payment"]["status"], "charged", "{paid}");
    server.ledger_is(&call, 1, 0).await;
    mina.command(&call, "cancel").await.expect(200);
    server.ledger_is(&call, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_call_that_is_gone_is_made_again_by_its_key_and_not_charged_again() {
    let mut redis = forgetful();
    let server = Setup::new().on_store(&redis.url()).start().await;
    keep(&redis).await;
    let mina = server.customer("mina");
    let request = async || {
        let request = mina.request(Method::POST, "/v1/calls").header("idempotency-key", "key-1");
        Client::send(request.json(&trip_paid_with("tok_ok"))).await.expect(201)
    };
    let first = request().await;
    goes_back(&mut redis, &server).await;
    mina.get(&format!("/v1/calls/{}", id_of(&first))).await.problem(404, "not_found");
    let again = request().await;
    assert_eq!((id_of(&again), &again["payment"]["status"]), (id_of(&first), &json!("charged")));
    server.ledger_is(&id_of(&first), 1, 0).await;
    mina.command(&id_of(&first), "cancel").await.expect(200);
    server.ledger_is(&id_of(&first), 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_went_back_to_before_the_start_of_the_server_is_taken_again() {
    let mut redis = forgetful();
    let mut server = Setup::new().on_store(&redis.url()).start().await;
    let kept = server.customer("mina").request_paid_call().await;
    keep(&redis).await;
    server.kill_and_start_again().await;
    let gone = server.customer("jun").request_paid_call().await;
    goes_back(&mut redis, &server).await;
    server.customer("jun").get(&format!("/v1/calls/{gone}")).await.problem(404, "not_found");
    let driver = server.register_driver("driver-a", GANGNAM).await;
    driver.take(&kept).await;
}

/// The terms of the edited file are lost, and no commit is: nothing was done since the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_lost_nothing_but_the_terms_of_services_is_given_them_again() {
    let mut redis = forgetful();
    let mut server = Setup::new().on_store(&redis.url()).start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    keep(&redis).await;
    server.kill();
    server.edit_service(DRIVER_CALL, "payment.unpaid_s", 61);
    server.start_again().await;
    assert_eq!(kept_terms(&redis).await, 5, "the other file's are forgotten");
    redis.kill().expect("killed");
    redis.restart(&[]).expect("started again");
    let call = eventually("calls are taken again", async || {
        let reply = server.customer("mina").post("/v1/calls", trip_paid_with("tok_ok")).await;
        if reply.status == 201 { Ok(id_of(&reply.body)) } else { Err(reply.body.to_string()) }
    })
    .await;
    assert_eq!(kept_terms(&redis).await, 6);
    server.kill();
    server.edit_service(DRIVER_CALL, "steps.complete", vec!["operator"]);
    server.start_again().await;
    driver.take(&call).await;
    for command in ["start", "complete"] {
        driver.command(&call, command).await.expect(200);
    }
}

async fn kept_terms(redis: &RedisServer) -> usize {
    redis::from_redis_value(redis.say("HLEN callout:{000}:terms").await.expect("an answer")).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_with_everything_is_gone_on_with_and_nobody_is_told() {
    let mut redis = RedisServer::start(&["--appendfsync", "always"]).expect("a Redis");
    let server = Setup::new().on_store(&redis.url()).start().await;
    let mina = server.customer("mina");
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let call = mina.request_paid_call().await;
    driver.take(&call).await;
    redis.kill().expect("killed");
    eventually(
        "the outage is noticed",
        async || {
            if server.is_ready().await { Err("ready".to_owned()) } else { Ok(()) }
        },
    )
    .await;
    redis.restart(&[]).expect("started again");
    eventually(
        "the server is ready again",
        async || {
            if server.is_ready().await { Ok(()) } else { Err("not ready".to_owned()) }
        },
    )
    .await;
    driver.command(&call, "start").await.expect(200);
    assert_eq!(metric(&server, LOST).await, 0.0);
    assert!(told_of_losses(&server).await.is_empty());
    assert!(!server.log().contains("everything in memory is dropped"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_go_back_with_a_redis_that_lost_commits_while_no_server_ran() {
    let mut redis = forgetful();
    let mut server = Setup::new().on_store(&redis.url()).start().await;
    let mina = server.customer("mina");
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let kept = mina.request_paid_call().await;
    driver.offered(&kept).await;
    keep(&redis).await;
    driver.take(&kept).await;
    let gone = server.customer("jun").request_paid_call().await;
    calls_are_listed(&server, &[&kept, &gone]).await;
    let mine = |call: Value| (call["id"].clone(), call["status"].clone());
    let listed = async |server: &Server| {
        let page = server.customer("mina").get("/v1/me/calls").await.expect(200);
        mine(page["items"][0].clone())
    };
    eventually("the assignment is listed", async || {
        let found = listed(&server).await;
        if found == (json!(kept), json!("assigned")) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    server.kill();
    redis.kill().expect("killed");
    redis.restart(&[]).expect("started again");
    server.start_again().await;
    calls_are_listed(&server, &[&kept]).await;
    eventually("the call is listed as it is", async || {
        let found = listed(&server).await;
        if found == (json!(kept), json!("dispatching")) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    server.driver(&driver.id).take(&kept).await;
    server.ledger_is(&kept, 1, 0).await;
}

/// In the end the gateway's ledger agrees with every call, or there is a record of what was lost.
async fn money_is_right_or_recorded(server: &Server, redis: &RedisServer, id: &str) -> Result<(), String> {
    let ledger = server.ledger(id).await;
    assert!(ledger.charges <= 1 && ledger.refunds <= ledger.charges, "{id}: {ledger:?}");
    let said = redis.say(&format!("HEXISTS callout:lost_payments {id}")).await.map_err(|error| error.to_string())?;
    if said == redis::Value::Int(1) {
        return Ok(());
    }
    let reply = server.operator().get(&format!("/v1/calls/{id}")).await;
    match reply.status {
        404 if ledger.charges == ledger.refunds => Ok(()),
        404 => Err(format!("{id} is gone, and nothing tells of its money: {ledger:?}")),
        _ => settled(server, id).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_goes_back_under_load_and_no_money_is_lost_sight_of() {
    let mut redis = forgetful();
    let mut rig = Rig::on(&redis.url(), 1).await;
    let load = rig.load().await;
    keep(&redis).await;
    pause(Duration::from_millis(300) + rig.chance.millis_below(400)).await;
    goes_back(&mut redis, &rig.server).await;
    rig.recovers().await;
    load.end().await;
    let said = rig.server.nobody().get("/metrics").await.text;
    assert!(said.lines().any(|line| line == "callout_deadlines_forgotten_total 0"), "{said}");
    let drivers = Load::drivers_only(&rig.server, &rig.promises, seed());
    eventually("no call is left open", async || {
        let page = rig.server.operator().get("/v1/calls?active=true&limit=100").await.expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        if items.iter().all(|call| call["status"] == "requested") { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    drivers.end().await;
    assert!(!rig.server.log().contains("events are missing"), "the read model missed events: {}", rig.server.log());
    for id in rig.promises.all().keys() {
        eventually(&format!("the money of {id}"), async || money_is_right_or_recorded(&rig.server, &redis, id).await)
            .await;
    }
    for n in 0..PEOPLE {
        rig.server.driver_is(&driver_name(n), &["available", "offered"]).await;
    }
}
