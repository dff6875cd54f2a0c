//! A kill, or a panic of every actor, after every step and in the middle of every step: the end is the same as without.

use reqwest::{Method, RequestBuilder};

use super::{panic_everywhere, setup, walk, walk::Walk};
use crate::harness::{Chance, Client, Server, pause, seed};

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The process is killed and started again.
    Kill,
    /// Every actor that has to do with the call panics.
    Panic,
}

impl Fault {
    async fn strikes(self, server: &mut Server, walk: &Walk, call: Option<&str>) {
        match self {
            Self::Kill => server.kill_and_start_again().await,
            Self::Panic => panic_everywhere(server, walk, call).await,
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
                Self::Panic => panic_everywhere(server, walk, call).await,
            }
        };
        let (_, ()) = tokio::join!(Client::try_send(request), strike);
        if let Self::Kill = self {
            server.start_again().await;
        }
    }
}

/// The walk twice on one server: struck after every step, then in the middle of every step.
async fn ends_the_same(walk: &Walk, fault: Fault) {
    let mut server = setup().start().await;
    walk.stage(&server).await;
    let id = walk.requested(&walk.ask(&server, "after")).await;
    for step in walk.steps {
        fault.strikes(&mut server, walk, Some(&id)).await;
        step.go(&server, walk, &id).await;
    }
    fault.strikes(&mut server, walk, Some(&id)).await;
    walk.has_ended_well(&server, &id).await;

    let mut chance = Chance::new(seed(), 0);
    let ask = walk.ask(&server, "during");
    fault.strikes_during(&mut server, walk, None, ask.request(), &mut chance).await;
    let id = walk.requested(&ask).await;
    for step in walk.steps {
        step.is_due(&server, walk, &id).await;
        let command = step.by(&server, walk).request(Method::POST, &format!("/v1/calls/{id}/{}", step.command));
        fault.strikes_during(&mut server, walk, Some(&id), command, &mut chance).await;
        step.taken(&server, walk, &id).await;
        server.call_is(&id, &[step.status]).await;
    }
    walk.has_ended_well(&server, &id).await;
}

#[tokio::test]
async fn dc_n1_a_call_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same(&walk::DRIVER_CALL, Fault::Kill).await;
}

#[tokio::test]
async fn dc_n1_a_call_ends_the_same_when_every_actor_panics_at_every_step() {
    ends_the_same(&walk::DRIVER_CALL, Fault::Panic).await;
}

#[tokio::test]
async fn cl_3_a_cleaning_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same(&walk::CLEANING, Fault::Kill).await;
}

#[tokio::test]
async fn cl_3_a_cleaning_ends_the_same_when_every_actor_panics_at_every_step() {
    ends_the_same(&walk::CLEANING, Fault::Panic).await;
}

#[tokio::test]
async fn rc_6_a_rental_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same(&walk::RENTAL, Fault::Kill).await;
}

#[tokio::test]
async fn rc_6_a_rental_ends_the_same_when_every_actor_panics_at_every_step() {
    ends_the_same(&walk::RENTAL, Fault::Panic).await;
}

#[tokio::test]
async fn tx_6_a_ride_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same(&walk::TAXI, Fault::Kill).await;
}

#[tokio::test]
async fn tx_6_a_ride_ends_the_same_when_every_actor_panics_at_every_step() {
    ends_the_same(&walk::TAXI, Fault::Panic).await;
}

#[tokio::test]
async fn sc_3_a_seat_ends_the_same_when_the_server_is_killed_at_every_step() {
    ends_the_same(&walk::STUDYCAFE, Fault::Kill).await;
}

#[tokio::test]
async fn sc_3_a_seat_ends_the_same_when_every_actor_panics_at_every_step() {
    ends_the_same(&walk::STUDYCAFE, Fault::Panic).await;
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
