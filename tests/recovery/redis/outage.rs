//! Redis is killed, frozen or cut off, and comes back.

use std::time::Duration;

use super::rig::Rig;
use crate::{
    harness::{Server, pause},
    proxy::{Proxy, Wire},
    redis_server::RedisServer,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_under_load_loses_nothing_when_it_syncs_always() {
    redis_is_killed("always").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_under_load_loses_nothing_when_it_syncs_every_second() {
    redis_is_killed("everysec").await;
}

async fn redis_is_killed(appendfsync: &str) {
    let mut redis = RedisServer::start(&["--appendfsync", appendfsync]).expect("a Redis");
    let mut rig = Rig::on(&redis.url(), 2).await;
    for _ in 0..rig.rounds {
        let load = rig.load().await;
        if appendfsync == "everysec" {
            redis.hold_writes_until_none_is_postponed().await.expect("written");
        }
        redis.kill().expect("killed");
        rig.outage_is_seen().await;
        redis.restart(&[]).expect("started again");
        rig.recovers().await;
        rig.check(load).await;
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_frozen_under_load_and_thawed() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let mut rig = Rig::on(&redis.url(), 2).await;
    for _ in 0..rig.rounds {
        let load = rig.load().await;
        redis.signal("STOP").expect("stopped");
        rig.outage_is_seen().await;
        redis.signal("CONT").expect("continued");
        rig.recovers().await;
        rig.check(load).await;
    }
    the_metrics_tell_of_it(&rig.server).await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_and_the_server_killed_together() {
    let mut redis = RedisServer::start(&["--appendfsync", "always"]).expect("a Redis");
    let mut rig = Rig::on(&redis.url(), 2).await;
    for _ in 0..rig.rounds {
        let load = rig.load().await;
        redis.kill().expect("killed");
        rig.server.kill();
        load.end().await;
        redis.restart(&[]).expect("started again");
        rig.server.start_again().await;
        rig.check_now().await;
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_between_the_server_and_redis() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let proxy = Proxy::start(redis.port()).await.expect("a proxy");
    let mut rig = Rig::on(&proxy.url(), 2).await;
    for _ in 0..rig.rounds {
        let load = rig.load().await;
        proxy.set(Wire::BlackHole);
        rig.outage_is_seen().await;
        proxy.set(Wire::Open);
        rig.recovers().await;
        rig.check(load).await;
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_cut_between_the_writes_and_their_replies() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let proxy = Proxy::start(redis.port()).await.expect("a proxy");
    let mut rig = Rig::on(&proxy.url(), 8).await;
    let load = rig.load().await;
    for _ in 0..rig.rounds {
        proxy.set(Wire::SwallowReplies);
        pause(Duration::from_millis(5) + rig.chance.millis_below(50)).await;
        proxy.cut();
        proxy.set(Wire::Open);
        rig.recovers().await;
    }
    rig.check(load).await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_cut_in_half() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let proxy = Proxy::start(redis.port()).await.expect("a proxy");
    let mut rig = Rig::on(&proxy.url(), 8).await;
    let load = rig.load().await;
    for _ in 0..rig.rounds {
        proxy.set(Wire::CutReplies);
        pause(rig.chance.millis_below(60)).await;
        rig.recovers().await;
    }
    rig.check(load).await;
    rig.finish().await;
}

/// Latency, group size, repetitions, fenced and unknown outcomes are there for who watches.
async fn the_metrics_tell_of_it(server: &Server) {
    let said = server.nobody().get("/metrics").await.text;
    let counted = |name: &str| {
        let line =
            said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {said}"));
        line.trim().parse::<f64>().unwrap_or_else(|_| panic!("{name} is {line:?}"))
    };
    assert!(counted("callout_store_commit_seconds_count") > 0.0);
    assert!(counted("callout_store_group_commits_count") > 0.0);
    assert!(counted("callout_commit_repeats_total") > 0.0);
    assert!(counted("callout_store_commits_total{outcome=\"unknown\"}") > 0.0);
    assert_eq!(counted("callout_store_commits_total{outcome=\"fenced\"}"), 0.0);
}
