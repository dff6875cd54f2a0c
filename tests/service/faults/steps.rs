//! A kill, or a panic of every actor, after every step and in the middle of every step: the end is the same as without.

use reqwest::{Method, RequestBuilder};

use super::{KINDS, panic_in, setup, walk, walk::Walk};
use crate::harness::{Chance, Client, Server, pause, seed};

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The process is killed and started again.
    Kill,
    /// The actors of these kinds panic that have to do with the call.
    Panic(&'static [&'static str]),
}

impl Fault {
    /// A key for the request of a walk.
    fn name(self) -> String {
        match self {
            Self::Kill => "kill".to_owned(),
            Self::Panic(kinds) => kinds.join("-"),
        }
    }

    async fn strikes(self, server: &mut Server, walk: &Walk, call: Option<&str>) {
        match self {
            Self::Kill => server.kill_and_start_again().await,
            Self::Panic(kinds) => panic_in(kinds, server, walk, call).await,
        }
    }

    /// Strikes while a request is under way. Whether it is answered is nobody's business.
    async fn strikes_during(
        self,
        server: &mut Server,
        walk: &Walk,
        call: Option<&str>,
        request: RequestBuilder,
        chance: &mut Chance,
    ) {
        let delay = chance.micros_below(12_000);
        let strike = async {
            pause(delay).await;
            match self {
                Self::Kill => server.kill(),
                Self::Panic(kinds) => panic_in(kinds, server, walk, call).await,
            }
        };
        let (_, ()) = tokio::join!(Client::try_send(request), strike);
        if let Self::Kill = self {
            server.start_again().await;
        }
    }
}

/// The walk with the server killed after every step, and once more in the middle of every step.
async fn ends_the_same_when_killed(walk: &Walk) {
    let mut server = setup().start().await;
    walk.stage(&server).await;
    struck_after_every_step(walk, Fault::Kill, &mut server).await;
    struck_in_every_step(walk, Fault::Kill, &mut server).await;
}

/// The walk with panics of all its actors at once, and of one kind after the other.
async fn ends_the_same_when_actors_panic(walk: &Walk) {
    let mut server = setup().start().await;
    walk.stage(&server).await;
    struck_after_every_step(walk, Fault::Panic(KINDS), &mut server).await;
    for kinds in std::iter::once(KINDS).chain(KINDS.chunks(1)) {
        struck_in_every_step(walk, Fault::Panic(kinds), &mut server).await;
    }
}

async fn struck_after_every_step(walk: &Walk, fault: Fault, server: &mut Server) {
    let id = walk.requested(&walk.ask(server, "after")).await;
    for step in walk.steps {
        fault.strikes(server, walk, Some(&id)).await;
        step.go(server, walk, &id).await;
    }
    fault.strikes(server, walk, Some(&id)).await;
    walk.has_ended_well(server, &id).await;
}

async fn struck_in_every_step(walk: &Walk, fault: Fault, server: &mut Server) {
    let mut chance = Chance::new(seed(), 0);
    let ask = walk.ask(server, &fault.name());
    fault.strikes_during(server, walk, None, ask.request(), &mut chance).await;
    let id = walk.requested(&ask).await;
    for step in walk.steps {
        step.is_due(server, walk, &id).await;
        let command = step.by(server, walk).request(Method::POST, &format!("/v1/calls/{id}/{}", step.command));
        fault.strikes_during(server, walk, Some(&id), command, &mut chance).await;
        step.taken(server, walk, &id).await;
        server.call_is(&id, &[step.status]).await;
    }
    walk.has_ended_well(server, &id).await;
}

#[tokio::test]
async fn dc_n1_a_call_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same_when_killed(&walk::DRIVER_CALL).await;
}

#[tokio::test]
async fn dc_n1_a_call_ends_the_same_when_its_actors_panic_at_every_step() {
    ends_the_same_when_actors_panic(&walk::DRIVER_CALL).await;
}

#[tokio::test]
async fn cl_3_a_cleaning_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same_when_killed(&walk::CLEANING).await;
}

#[tokio::test]
async fn cl_3_a_cleaning_ends_the_same_when_its_actors_panic_at_every_step() {
    ends_the_same_when_actors_panic(&walk::CLEANING).await;
}

#[tokio::test]
async fn rc_6_a_rental_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same_when_killed(&walk::RENTAL).await;
}

#[tokio::test]
async fn rc_6_a_rental_ends_the_same_when_its_actors_panic_at_every_step() {
    ends_the_same_when_actors_panic(&walk::RENTAL).await;
}

#[tokio::test]
async fn tx_6_a_ride_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same_when_killed(&walk::TAXI).await;
}

#[tokio::test]
async fn tx_6_a_ride_ends_the_same_when_its_actors_panic_at_every_step() {
    ends_the_same_when_actors_panic(&walk::TAXI).await;
}

#[tokio::test]
async fn sc_3_a_seat_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same_when_killed(&walk::STUDYCAFE).await;
}

#[tokio::test]
async fn sc_3_a_seat_ends_the_same_when_its_actors_panic_at_every_step() {
    ends_the_same_when_actors_panic(&walk::STUDYCAFE).await;
}

/// Approved, killed at once, with the charge under way: paid once.
#[tokio::test]
async fn sc_n1_a_kill_while_an_approved_seat_is_charged_pays_it_once() {
    let mut server = Server::start().await;
    walk::STUDYCAFE.stage(&server).await;
    let id = walk::STUDYCAFE.requested(&walk::STUDYCAFE.ask(&server, "slow")).await;
    server.simulate(serde_json::json!({"latency_ms": 500})).await;
    server.operator().command(&id, "approve").await.expect(200);
    server.kill_and_start_again().await;
    server.call_is(&id, &["assigned"]).await;
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("seat-1", &["engaged"]).await;
}
