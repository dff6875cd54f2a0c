//! A server on a store that the test breaks, a load on it, and what must hold in the end.

use std::{sync::Arc, time::Duration};

use crate::{
    check::{everything_is_settled, nothing_answered_is_lost, unanswered_requests_are_one_call_each},
    harness::{Chance, Knob, Server, Setup, eventually, pause, rounds, seed},
    kill::finish,
    load::{Load, bring_drivers},
    promises::Promises,
};

/// Time-outs short enough to be waited out.
pub const IMPATIENT: &str = "
[store]
commit_timeout_ms = 400
read_timeout_ms = 400
connect_timeout_ms = 400
";

/// A paid call that nobody took by then is cancelled and refunded: soon enough to see it happen.
const DEADLINE_S: i64 = 6;

/// What one test works with.
pub struct Rig {
    pub server: Server,
    pub promises: Arc<Promises>,
    pub chance: Chance,
    pub rounds: u64,
    seed: u64,
    round: u64,
}

impl Rig {
    /// A server on the store there. `rounds` is how often the test breaks something, unless the environment says.
    pub async fn on(url: &str, times: u64) -> Self {
        let seed = seed();
        let setup = Setup::new().on_store(url).config(IMPATIENT);
        let server = setup.with(Knob::OfferExpiresS(2)).with(Knob::DispatchDeadlineS(DEADLINE_S)).start().await;
        let (promises, chance) = (Arc::default(), Chance::new(seed, 0));
        Self { server, promises, chance, rounds: rounds(times), seed, round: 0 }
    }

    /// Puts a load on the server and lets it run for a moment that the seed decides.
    pub async fn load(&mut self) -> Load {
        bring_drivers(&self.server).await;
        let load = self.load_on(&self.server);
        self.round += 1;
        pause(Duration::from_millis(200) + self.chance.millis_below(400)).await;
        load
    }

    /// Puts the next round of the load on that server.
    pub fn load_on(&self, server: &Server) -> Load {
        Load::start(server, &self.promises, self.seed, self.round)
    }

    /// Waits until the server is not ready and somebody was told that the store cannot commit.
    pub async fn outage_is_seen(&self) {
        let before = self.promises.refusals();
        eventually("the server is not ready", async || {
            if self.server.is_ready().await { Err("ready".to_owned()) } else { Ok(()) }
        })
        .await;
        eventually("callers are told store_unavailable", async || {
            if self.promises.refusals() > before { Ok(()) } else { Err("nobody was".to_owned()) }
        })
        .await;
    }

    /// Waits until the server is ready again, and lets the load go on for a moment.
    pub async fn recovers(&mut self) {
        eventually("the server is ready again", async || {
            if self.server.is_ready().await { Ok(()) } else { Err("not ready".to_owned()) }
        })
        .await;
        pause(Duration::from_millis(200) + self.chance.millis_below(200)).await;
    }

    /// Ends the load and holds what is there against what was told.
    pub async fn check(&self, load: Load) {
        load.end().await;
        self.check_now().await;
    }

    /// Holds what is there against what was told.
    pub async fn check_now(&self) {
        nothing_answered_is_lost(&self.server, &self.promises).await;
        unanswered_requests_are_one_call_each(&self.server, &self.promises).await;
    }

    /// Nobody takes the calls that are left: each is cancelled and refunded at its deadline. The others are finished, and
    /// everybody is free.
    pub async fn finish(self) {
        eventually("no call waits longer than its deadline", async || {
            let page = self.server.operator().get("/v1/calls?status=dispatching").await.expect(200);
            if page["items"] == serde_json::json!([]) { Ok(()) } else { Err(page.to_string()) }
        })
        .await;
        finish(&self.server, &self.promises, self.seed).await;
        everything_is_settled(&self.server, &self.promises).await;
    }
}
