//! Kills of the server and faults of the gateway at any moment, over one process after another on one store: every payment is
//! in the books exactly as the server says, to the won.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;

use super::payers::{ASKS, authenticate};
use crate::{
    edge::{Booked, Booking, Edge, Fault, When},
    harness::{Chance, Client, Server, eventually, pause, rounds, seed, trip_paid_with},
    rig::{CONFIRM, DECLINED, INTENT, OPEN, REFUNDS, VISA, WITHDRAW, impatient, waiting, webhooks},
};

/// How long the gateway keeps an idempotency key.
const KEYS_KEPT: Duration = Duration::from_secs(5);
/// Customers who call at the same time.
const CUSTOMERS: u64 = 4;
/// Of so many strikes one is a kill; the others are faults of the gateway.
const KILL_EVERY: u64 = 8;
/// Faults of one such strike: what asks after a request that was cut is cut as well.
const FAULTS: u64 = 4;

/// A request to the gateway, at random.
const REQUESTS: [(&str, &str); 7] = [
    ("POST", OPEN),
    ("POST", CONFIRM),
    ("POST", CONFIRM),
    ("GET", INTENT),
    ("POST", WITHDRAW),
    ("POST", REFUNDS),
    ("GET", REFUNDS),
];

/// One of several, at random.
fn any<T: Copy>(chance: &mut Chance, of: &[T]) -> T {
    let count = u64::try_from(of.len()).unwrap_or(1);
    let place = chance.millis_below(count).as_millis();
    of[usize::try_from(place).unwrap_or_default()]
}

/// A fault of the gateway or of the way to it, at random.
fn fault(chance: &mut Chance) -> Fault {
    // Rare, as it keeps all customers away for a second.
    if chance.happens(0.02) {
        return Fault::busy(1);
    }
    let when = any(chance, &[When::Before, When::After]);
    let fault = match any(chance, &[0_u16, 0, 1, 500, 500, 502, 503, 504]) {
        0 => Fault::cut(when),
        // Beyond the time that the server waits for an answer.
        1 => Fault::delay(Duration::from_millis(700), when),
        status => Fault::status(status, when),
    };
    let (method, path) = any(chance, &REQUESTS);
    fault.on(method, path)
}

/// What a customer does with one call. The server may be gone at any moment: then the customer gives up.
async fn visit(edge: &Edge, customer: Client, key: String, mut chance: Chance) -> Result<(), reqwest::Error> {
    let method = any(&mut chance, &[VISA, VISA, VISA, DECLINED, ASKS]);
    let request = customer.request(Method::POST, "/v1/calls").header("idempotency-key", key);
    let reply = Client::try_send(request.json(&trip_paid_with(method))).await?;
    assert!(matches!(reply.status, 201 | 402 | 503), "{} {}", reply.status, reply.text);
    let call = if reply.status == 201 { &reply.body } else { &reply.body["call"] };
    let Some(id) = call["id"].as_str() else { return Ok(()) };
    if let Some(secret) = call["payment"]["action"]["client_secret"].as_str()
        && chance.happens(0.7)
    {
        authenticate(edge, secret, chance.happens(0.7)).await;
    }
    for path in any(&mut chance, &[["pay", "cancel"], ["cancel", "cancel"], ["pay", "pay"]]) {
        let request = customer.request(Method::POST, &format!("/v1/calls/{id}/{path}"));
        let body = if path == "pay" { serde_json::json!({"method": VISA}) } else { serde_json::json!({}) };
        let reply = Client::try_send(request.json(&body)).await?;
        assert!(matches!(reply.status, 200 | 402 | 409 | 503), "{path}: {} {}", reply.status, reply.text);
    }
    Ok(())
}

/// All calls that the server has, with their payments as their actors have them.
async fn calls(server: &Server) -> BTreeMap<String, Value> {
    let (operator, mut ids, mut cursor) = (server.operator(), Vec::new(), None::<String>);
    loop {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = operator.get(&format!("/v1/calls?limit=200{after}")).await.expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        ids.extend(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let mut calls = BTreeMap::new();
    for id in ids {
        calls.insert(id.clone(), operator.call(&id).await);
    }
    calls
}

/// What the server says was charged and refunded, sorted.
fn said(calls: &BTreeMap<String, Value>) -> Vec<Booking> {
    let mut said = Vec::new();
    for (id, call) in calls {
        let payment = &call["payment"];
        for (member, booked) in [("charged", Booked::Charge), ("refunded", Booked::Refund)] {
            if let Some(amount) = payment[member]["amount"].as_u64() {
                said.push(Booking { payment_id: id.clone(), booked, amount, currency: "krw".to_owned() });
            }
        }
        // Only what is over was refunded, and only then.
        let is_back = payment["status"] == "refunded";
        assert_eq!(is_back, payment["refunded"].is_object(), "{call}");
    }
    said.sort();
    said
}

/// Waits until nobody's money is open, and the server says what the books have.
async fn everything_settles(server: &Server, edge: &Edge) -> (usize, Vec<Booking>) {
    for state in ["unknown", "refunding", "refund_failed"] {
        eventually(&format!("nothing is {state}"), async || {
            let items = waiting(server, state).await;
            if items.is_empty() { Ok(()) } else { Err(format!("{items:?}")) }
        })
        .await;
    }
    eventually("server and books agree", async || {
        let calls = calls(server).await;
        let is_open = |status: Option<&str>| matches!(status, Some("charging" | "unknown" | "refunding"));
        if let Some(open) = calls.values().find(|call| is_open(call["payment"]["status"].as_str())) {
            return Err(open.to_string());
        }
        let (said, mut books) = (said(&calls), edge.books().await.expect("the books"));
        books.sort();
        if said == books { Ok((calls.len(), books)) } else { Err(differences(&said, &books)) }
    })
    .await
}

fn differences(said: &[Booking], books: &[Booking]) -> String {
    let only = |one: &[Booking], other: &[Booking]| -> Vec<Booking> {
        one.iter().filter(|booking| !other.contains(booking)).cloned().collect()
    };
    let (said_only, booked_only) = (only(said, books), only(books, said));
    format!("only the server has {said_only:?}, only the books {booked_only:?}, of {} and {}", said.len(), books.len())
}

/// One strike while all customers are at it: a fault of the gateway, or a kill and the next process.
async fn strike(edge: &Edge, server: &mut Server, number: u64, is_kill: bool, (seed, chance): (u64, &mut Chance)) {
    let visits = (0..CUSTOMERS).map(|customer| {
        let chance = Chance::new(seed, 1 + number * CUSTOMERS + customer);
        visit(edge, server.customer(&format!("customer-{customer}")), format!("{number}-{customer}"), chance)
    });
    let visits = join_all(visits.collect::<Vec<_>>());
    if is_kill {
        let moment = chance.millis_below(400);
        let killed = async {
            pause(moment).await;
            server.kill();
        };
        tokio::join!(visits, killed);
        server.start_again().await;
    } else {
        (0..FAULTS).for_each(|_| edge.order(fault(chance)));
        for ended in visits.await {
            ended.expect("nobody killed the server");
        }
    }
}

#[actix_rt::test]
async fn killed_and_cut_at_any_moment_every_payment_is_in_the_books_as_the_server_says() {
    let (seed, strikes) = (seed(), rounds(48));
    let mut chance = Chance::new(seed, 0);
    let edge = Edge::start().expect("an edge");
    edge.keep_keys(KEYS_KEPT);
    edge.search_limit(0);
    let mut server = impatient(&edge).start().await;
    // Without webhooks it is the same, but what is unknown stays so for longer.
    if chance.happens(0.5) {
        edge.send_events_to(webhooks(&server));
    }
    let mut kills = 0;
    for number in 0..strikes {
        let is_kill = number % KILL_EVERY == KILL_EVERY - 1;
        kills += u64::from(is_kill);
        strike(&edge, &mut server, number, is_kill, (seed, &mut chance)).await;
    }
    let unmet = edge.mend();
    let (made, books) = everything_settles(&server, &edge).await;
    let count = |booked| books.iter().filter(|booking| booking.booked == booked).count();
    let (charges, refunds) = (count(Booked::Charge), count(Booked::Refund));
    eprintln!(
        "{strikes} strikes, {kills} kills, {unmet} faults unmet: {made} calls, {charges} charges, {refunds} refunds"
    );
    // What is charged twice is there twice, also if the server should say so too.
    assert!(books.windows(2).all(|two| two[0] != two[1]), "{books:?}");
    assert!(kills >= 3 && unmet < strikes * FAULTS / 2 && refunds > 5, "a load that nothing meets proves nothing");
    assert!(edge.asked("GET", "/v1/payment_intents/search").is_empty());
}
