//! A load of real lifecycles: customers who request, pay and sometimes cancel, drivers who accept, start and complete.
//! Every answer is remembered; a server that is gone ends the load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    harness::{Chance, Client, GANGNAM, Reply, Server, call_named_by, pause, trip, trip_paid_with},
    promises::Promises,
};

/// How many customers and drivers there are.
pub const PEOPLE: u64 = 12;

/// A running load.
pub struct Load {
    tasks: JoinSet<()>,
    stop: Arc<Switch>,
}

/// What the tasks of a load share.
pub struct Switch {
    stopped: AtomicBool,
    keys: AtomicU64,
    promises: Arc<Promises>,
}

/// A driver's id.
pub fn driver_name(n: u64) -> String {
    format!("driver-{n}")
}

/// Registers the drivers and makes them available.
pub async fn bring_drivers(server: &Server) {
    for n in 0..PEOPLE {
        let spread = f64::from(u32::try_from(n).unwrap_or_default()) * 0.0005;
        let name = driver_name(n);
        let operator = server.operator();
        if operator.get(&format!("/v1/drivers/{name}")).await.status == 404 {
            server.register_driver(&name, (GANGNAM.0 + spread, GANGNAM.1)).await;
        }
    }
}

impl Load {
    /// Starts customers and drivers. `round` keeps the idempotency keys of different rounds apart.
    pub fn start(server: &Server, promises: &Arc<Promises>, seed: u64, round: u64) -> Self {
        let keys = AtomicU64::new(round * 1_000_000);
        let stop = Arc::new(Switch { stopped: AtomicBool::new(false), keys, promises: Arc::clone(promises) });
        let mut tasks = JoinSet::new();
        for n in 0..PEOPLE {
            let chance = Chance::new(seed, round * 1_000 + n);
            tasks.spawn(customer(server.customer(&format!("customer-{n}")), Arc::clone(&stop), chance));
            let chance = Chance::new(seed, round * 1_000 + 500 + n);
            tasks.spawn(driver(server.driver(&driver_name(n)), Arc::clone(&stop), chance));
        }
        Self { tasks, stop }
    }

    /// Starts drivers only: they finish what is there.
    pub fn drivers_only(server: &Server, promises: &Arc<Promises>, seed: u64) -> Self {
        let stop = Arc::new(Switch {
            stopped: AtomicBool::new(false),
            keys: AtomicU64::new(0),
            promises: Arc::clone(promises),
        });
        let mut tasks = JoinSet::new();
        for n in 0..PEOPLE {
            let chance = Chance::new(seed, 900_000 + n);
            tasks.spawn(driver(server.driver(&driver_name(n)), Arc::clone(&stop), chance));
        }
        Self { tasks, stop }
    }

    /// Lets every task finish the request it is at. Fails when one of them failed.
    pub async fn end(mut self) {
        self.stop.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a task of the load failed");
        }
    }
}

impl Switch {
    fn is_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    /// Sends a request; `None` when the server is gone. A 2xx with a call is a promise; a 5xx other than 503 is a fault.
    async fn send(&self, request: RequestBuilder) -> Option<Reply> {
        let reply = Client::try_send(request).await.ok()?;
        assert!(reply.status < 500 || reply.status == 503, "{} {}", reply.status, reply.text);
        if (200..300).contains(&reply.status) && reply.body["customer_id"].is_string() {
            self.promises.told(&reply.body);
        }
        if reply.status == 503 {
            assert!(reply.retry_after().is_some(), "no Retry-After: {}", reply.text);
            if reply.body["code"] == "store_unavailable" {
                self.promises.refused();
            }
        }
        Some(reply)
    }
}

/// Requests and pays one call after another; cancels some.
async fn customer(client: Client, switch: Arc<Switch>, mut chance: Chance) {
    while switch.is_on() {
        let Some(id) = request(&client, &switch, &mut chance).await else { continue };
        if chance.happens(0.3) {
            pause(chance.millis_below(60)).await;
            switch.send(client.request(Method::POST, &format!("/v1/calls/{id}/cancel")).json(&json!({}))).await;
        } else {
            finished(&client, &switch, &id).await;
        }
    }
}

/// Requests a call, paid with the request or after it; its id when it is paid.
async fn request(client: &Client, switch: &Switch, chance: &mut Chance) -> Option<String> {
    let key = format!("key-{}-{}", client.id, switch.keys.fetch_add(1, Ordering::Relaxed));
    let at_once = chance.happens(0.5);
    let body = if at_once { trip_paid_with("tok_ok") } else { trip() };
    let request = client.request(Method::POST, "/v1/calls").header("idempotency-key", &key).json(&body);
    let Some(reply) = switch.send(request).await else {
        switch.promises.unanswered(&client.id, &key);
        pause(Duration::from_millis(50)).await;
        return None;
    };
    if reply.status == 503 {
        // It may be there all the same.
        switch.promises.unanswered(&client.id, &key);
        pause(Duration::from_millis(50)).await;
    }
    let id = reply.body["id"].as_str()?.to_owned();
    if at_once {
        return (reply.status == 201).then_some(id);
    }
    let pay = client.request(Method::POST, &format!("/v1/calls/{id}/pay")).json(&json!({"method": "tok_ok"}));
    let paid = switch.send(pay).await?;
    (paid.status == 200).then_some(id)
}

/// Waits until the call is over, or the load is.
async fn finished(client: &Client, switch: &Switch, id: &str) {
    while switch.is_on() {
        let Some(reply) = switch.send(client.request(Method::GET, &format!("/v1/calls/{id}"))).await else { return };
        if matches!(reply.body["status"].as_str(), Some("completed" | "cancelled")) {
            return;
        }
        pause(Duration::from_millis(30)).await;
    }
}

/// Takes offers, drives and completes; goes on with the call it already has.
async fn driver(client: Client, switch: Arc<Switch>, mut chance: Chance) {
    while switch.is_on() {
        let offers = client.request(Method::GET, &format!("/v1/drivers/{}/offers", client.id));
        let Some(offers) = switch.send(offers).await else { return };
        if let Some(id) = first_call(&offers.body) {
            command(&client, &switch, &id, "accept").await;
        }
        for id in held_calls(&client, &switch).await {
            pause(chance.millis_below(20)).await;
            if command(&client, &switch, &id, "start").await {
                pause(chance.millis_below(20)).await;
                command(&client, &switch, &id, "complete").await;
            }
        }
        pause(Duration::from_millis(10)).await;
    }
}

fn first_call(page: &Value) -> Option<String> {
    page["items"].as_array()?.iter().find_map(call_named_by).map(str::to_owned)
}

/// The calls that this driver was told are its own and that are not over.
async fn held_calls(client: &Client, switch: &Switch) -> Vec<String> {
    let mut held = Vec::new();
    for (path, status) in [("assigned", "assigned"), ("started", "started")] {
        let page = client.request(Method::GET, &format!("/v1/me/calls?status={path}"));
        let Some(page) = switch.send(page).await else { return held };
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        held.extend(
            items
                .iter()
                .filter(|call| call["status"] == status)
                .filter_map(|call| call["id"].as_str().map(str::to_owned)),
        );
    }
    held
}

async fn command(client: &Client, switch: &Switch, call: &str, command: &str) -> bool {
    let request = client.request(Method::POST, &format!("/v1/calls/{call}/{command}")).json(&json!({}));
    switch.send(request).await.is_some_and(|reply| reply.status == 200)
}
