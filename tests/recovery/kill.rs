//! `kill -9` under load, again and again on the same store.

use std::{sync::Arc, time::Duration};

use crate::{
    check::{everything_is_settled, nothing_answered_is_lost, unanswered_requests_are_one_call_each},
    harness::{Chance, Knob, Server, Setup, eventually, pause, rounds, seed},
    load::{Load, PEOPLE, bring_drivers, driver_name},
    promises::Promises,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_under_load_nothing_is_lost_doubled_or_forgotten() {
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    // Offers lapse soon, so that a driver who died with one in hand delays nothing for long.
    let mut server = Setup::new().with(Knob::OfferExpiresS(2)).start().await;
    let promises = Arc::new(Promises::default());
    for round in 0..rounds(15) {
        bring_drivers(&server).await;
        let load = Load::start(&server, &promises, seed, round);
        pause(Duration::from_millis(100) + chance.millis_below(900)).await;
        server.kill();
        load.end().await;
        server.start_again().await;
        nothing_answered_is_lost(&server, &promises).await;
        unanswered_requests_are_one_call_each(&server, &promises).await;
    }
    finish(&server, &promises, seed).await;
}

/// Lets the drivers finish every call, then checks the money and that everybody is free again.
pub async fn finish(server: &Server, promises: &Arc<Promises>, seed: u64) {
    let drivers = Load::drivers_only(server, promises, seed);
    eventually("no call is left open", async || {
        for status in ["dispatching", "assigned", "started"] {
            let page = server.operator().get(&format!("/v1/calls?status={status}")).await.expect(200);
            if page["items"] != serde_json::json!([]) {
                return Err(page.to_string());
            }
        }
        // The lists are the read model's, which may have catching up to do: the calls themselves know.
        for id in promises.all().keys() {
            let call = server.operator().get(&format!("/v1/calls/{id}")).await.expect(200);
            if ["dispatching", "assigned", "started"].contains(&call["status"].as_str().unwrap_or_default()) {
                return Err(call.to_string());
            }
        }
        Ok(())
    })
    .await;
    drivers.end().await;
    everything_is_settled(server, promises).await;
    nothing_answered_is_lost(server, promises).await;
    for n in 0..PEOPLE {
        server.driver_is(&driver_name(n), &["available"]).await;
    }
    assert!(promises.all().len() > 10, "a load that did nothing proves nothing: {}", promises.all().len());
}

#[tokio::test]
async fn killed_while_starting_it_starts_the_next_time() {
    let mut server = Server::start().await;
    let id = server.customer("mina").request_paid_call().await;
    let mut chance = Chance::new(seed(), 7);
    for _ in 0..rounds(10) {
        server.kill();
        server.start_process();
        pause(chance.millis_below(150)).await;
        server.kill();
        server.start_again().await;
        assert_eq!(server.customer("mina").call(&id).await["status"], "dispatching");
    }
    server.ledger_is(&id, 1, 0).await;
}
