//! A taxi ride and a study-café seat with a fault after every step: the end is the same as without.

use serde_json::json;

use crate::{
    harness::{Client, GANGNAM, Reply, Server, eventually, id_of, place},
    taxi::request_ride,
};

/// What goes wrong after a step.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The process is killed and started again.
    Kill,
    /// Each actor of the call panics.
    Panic,
}

impl Fault {
    async fn strike(self, server: &mut Server, call: &str, driver: &str) {
        match self {
            Self::Kill => server.kill_and_start_again().await,
            Self::Panic => {
                for (kind, id) in [("call", call), ("driver", driver), ("payment", call)] {
                    // Not every step has a payment yet.
                    if server.operator().get(&format!("/v1/ops/actors/{kind}/{id}")).await.status == 200 {
                        server.crash(kind, id).await;
                    }
                }
            }
        }
    }
}

/// Gives a command until it is taken: an actor may be on its way back.
async fn taken(client: &Client, call: &str, command: &str) -> Reply {
    eventually(&format!("{command} is taken"), async || {
        let reply = client.command(call, command).await;
        if reply.status == 200 { Ok(reply) } else { Err(reply.text) }
    })
    .await
}

async fn ride(fault: Fault) {
    let mut server = Server::start().await;
    let (taxi, customer) = (server.taxi("taxi-a", GANGNAM).await, server.customer("mina"));
    let id = request_ride(&customer, "tok_ok").await;
    for (command, status) in [("accept", "assigned"), ("start", "started"), ("complete", "completed")] {
        fault.strike(&mut server, &id, "taxi-a").await;
        if command == "accept" {
            taxi.offered(&id).await;
        }
        taken(&taxi, &id, command).await;
        server.call_is(&id, &[status]).await;
    }
    fault.strike(&mut server, &id, "taxi-a").await;
    assert_eq!(taken(&taxi, &id, "complete").await.body["status"], "completed", "after {fault:?}");
    server.payment_is(&id, &["charged"]).await;
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("taxi-a", &["available"]).await;
}

async fn seat(fault: Fault) {
    let mut server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    operator.put("/v1/drivers/seat-1", json!({"service": "studycafe", "name": "창가"})).await.expect(201);
    let body = json!({"service": "studycafe", "pickup": place(GANGNAM), "driver_id": "seat-1",
        "payment": {"method": "tok_ok"}});
    let id = id_of(&customer.post("/v1/calls", body).await.expect(201));
    for (command, status, seat) in
        [("approve", "assigned", "engaged"), ("start", "started", "engaged"), ("complete", "completed", "available")]
    {
        fault.strike(&mut server, &id, "seat-1").await;
        taken(&operator, &id, command).await;
        server.call_is(&id, &[status]).await;
        server.driver_is("seat-1", &[seat]).await;
    }
    fault.strike(&mut server, &id, "seat-1").await;
    server.call_is(&id, &["completed"]).await;
    server.payment_is(&id, &["charged"]).await;
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("seat-1", &["available"]).await;
}

#[tokio::test]
async fn tx_6_a_ride_ends_the_same_when_the_server_is_killed_after_every_step() {
    ride(Fault::Kill).await;
}

#[tokio::test]
async fn tx_6_a_ride_ends_the_same_when_its_actors_panic_after_every_step() {
    ride(Fault::Panic).await;
}

#[tokio::test]
async fn sc_3_a_seat_ends_the_same_when_the_server_is_killed_after_every_step() {
    seat(Fault::Kill).await;
}

#[tokio::test]
async fn sc_3_a_seat_ends_the_same_when_its_actors_panic_after_every_step() {
    seat(Fault::Panic).await;
}

/// Approved, killed at once, with the charge under way: paid once.
#[tokio::test]
async fn sc_n1_a_kill_while_an_approved_seat_is_charged_pays_it_once() {
    let mut server = Server::start().await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    operator.put("/v1/drivers/seat-1", json!({"service": "studycafe", "name": "창가"})).await.expect(201);
    server.simulate(json!({"latency_ms": 500})).await;
    let body = json!({"service": "studycafe", "pickup": place(GANGNAM), "driver_id": "seat-1",
        "payment": {"method": "tok_ok"}});
    let id = id_of(&customer.post("/v1/calls", body).await.expect(201));
    operator.command(&id, "approve").await.expect(200);
    server.kill_and_start_again().await;
    server.call_is(&id, &["assigned"]).await;
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("seat-1", &["engaged"]).await;
}
