//! A replica is promoted by a sentinel.

use std::time::Duration;

use super::rig::Rig;
use crate::{
    harness::{eventually, pause},
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
