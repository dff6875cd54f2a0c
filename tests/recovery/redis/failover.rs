//! A replica is promoted: by a sentinel, or by hand while the former master is still there and cut off from it.

use std::time::Duration;

use super::rig::{IMPATIENT, Rig};
use crate::{
    harness::{Server, Setup, eventually, pause},
    redis_server::RedisServer,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_has_everything_is_promoted_under_load() {
    let mut master = RedisServer::start(&[]).expect("a Redis");
    let replica = RedisServer::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())]).expect("a replica");
    let sentinel = RedisServer::start_sentinel(&format!(
        "sentinel monitor calls 127.0.0.1 {} 1\nsentinel down-after-milliseconds calls 300\n\
         sentinel failover-timeout calls 2000\n",
        master.port()
    ))
    .expect("a sentinel");
    eventually("the sentinel knows the replica", async || match sentinel.say("SENTINEL REPLICAS calls").await {
        Ok(redis::Value::Array(replicas)) if !replicas.is_empty() => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let mut rig = Rig::on(&format!("redis+sentinel://127.0.0.1:{}/calls/0", sentinel.port()), 1).await;
    replicated(&master, &replica).await;
    let load = rig.load().await;
    // Replication is not waited for: what a master acknowledged and did not pass on dies with it. So nothing more is
    // written before it dies, and what is promised is what had arrived.
    master.say("CLIENT PAUSE 60000 WRITE").await.expect("paused");
    replicated(&master, &replica).await;
    master.kill().expect("killed");
    rig.outage_is_seen().await;
    rig.recovers().await;
    pause(Duration::from_millis(300)).await;
    rig.check(load).await;
    rig.finish().await;
}

/// A master that takes writes only while its replica follows, and a sentinel that believes what the test says.
struct Pair {
    master: RedisServer,
    replica: RedisServer,
    sentinel: RedisServer,
}

impl Pair {
    async fn start() -> Self {
        let master = RedisServer::start(&["--min-replicas-to-write", "1", "--repl-diskless-sync-delay", "0"]);
        let master = master.expect("a Redis");
        let of = format!("127.0.0.1 {}", master.port());
        let replica = RedisServer::start(&["--replicaof", &of]).expect("a replica");
        let down_after = "sentinel down-after-milliseconds calls 600000";
        let sentinel = RedisServer::start_sentinel(&format!("sentinel monitor calls {of} 1\n{down_after}\n"));
        let pair = Self { master, replica, sentinel: sentinel.expect("a sentinel") };
        eventually("the master takes writes", async || {
            pair.master.say("SET ready 1").await.map_err(|error| error.to_string())
        })
        .await;
        replicated(&pair.master, &pair.replica).await;
        pair
    }

    fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/calls/0", self.sentinel.port())
    }

    /// The replica has everything, leaves its master, and is the master for the sentinel. The former one still answers reads.
    async fn fail_over(&self) {
        self.sentinel.say("SENTINEL REMOVE calls").await.expect("forgotten");
        replicated(&self.master, &self.replica).await;
        self.replica.say("REPLICAOF NO ONE").await.expect("promoted");
        let promoted = format!("SENTINEL MONITOR calls 127.0.0.1 {} 1", self.replica.port());
        self.sentinel.say(&promoted).await.expect("made known");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_was_cut_off_from_its_replica_is_neither_written_nor_read() {
    let redis = Pair::start().await;
    let leaves_memory_soon = "[actors.supervision.default]\npassivate_after_s = 1\n";
    let server = Setup::new().on_store(&redis.url()).config(&[IMPATIENT, leaves_memory_soon].concat()).start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    redis.fail_over().await;
    eventually("the call is cancelled", async || {
        let reply = customer.command(&id, "cancel").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    eventually("the call has left memory", async || {
        let actor = server.actor("call", &id).await;
        if actor["status"] == "passive" { Ok(()) } else { Err(actor.to_string()) }
    })
    .await;
    assert_eq!(customer.call(&id).await["status"], "cancelled", "it is read where it was written");
    for _ in 0..20 {
        let reply = customer.command(&id, "cancel").await;
        assert!(reply.status < 500, "{} {}", reply.status, reply.text);
    }
    assert_eq!(conflicts(&server).await, 0.0);
    let later = customer.request_paid_call().await;
    eventually("lists go on", async || {
        let page = server.operator().get("/v1/calls").await.expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let has = |id: &str, status: &str| items.iter().any(|call| call["id"] == *id && call["status"] == *status);
        if has(&id, "cancelled") && has(&later, "dispatching") { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_taken_over_behind_a_cut_off_master_ends() {
    let redis = Pair::start().await;
    let mut old = Setup::new().on_store(&redis.url()).config(IMPATIENT).start().await;
    redis.fail_over().await;
    let successor = old.successor().await;
    assert_eq!(old.ended().await.code(), Some(1), "it says that it was taken over");
    assert!(old.log().contains("another process has taken over the store"), "{}", old.log());
    successor.customer("mina").request_paid_call().await;
}

async fn conflicts(server: &Server) -> f64 {
    let metrics = server.nobody().get("/metrics").await.text;
    let name = "callout_store_commits_total{outcome=\"conflict\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|count| count.parse().ok()).expect("the count of conflicts")
}

/// Waits until the replica is where its master is.
async fn replicated(master: &RedisServer, replica: &RedisServer) {
    eventually("the replica has everything", async || {
        let (there, here) = (replication(master).await, replication(replica).await);
        let followed = line(&here, "master_link_status:") == Some("up")
            && line(&here, "slave_repl_offset:") == line(&there, "master_repl_offset:");
        if followed { Ok(()) } else { Err(format!("{here}{there}")) }
    })
    .await;
}

async fn replication(server: &RedisServer) -> String {
    let said = server.say("INFO replication").await.expect("an answer");
    redis::from_redis_value(said).expect("a text")
}

fn line<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines().find_map(|line| line.strip_prefix(name))
}
