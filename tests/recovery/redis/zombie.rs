//! A server is frozen, another takes over, and the first is thawed: it must not speak for the calls any more.

use std::{fs::File, time::Duration};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::rig::Rig;
use crate::{
    harness::{Server, eventually, pause},
    redis_server::RedisServer,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thawed_server_whose_shards_were_taken_is_fenced_and_ends() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let mut rig = Rig::on(&redis.url(), 1).await;
    let load = rig.load().await;
    freeze(&rig.server).await;
    let successor = rig.server.successor().await;
    let mut zombie = std::mem::replace(&mut rig.server, successor);
    // The new one is used at once, by the same people.
    let new_load = rig.load().await;
    zombie.signal("CONT");
    answers_nothing_any_more(&zombie).await;
    load.end().await;
    let status = zombie.ended().await;
    assert_eq!(status.code(), Some(1), "it says that it was taken over");
    assert!(zombie.log().contains("another process has taken over the store"), "{}", zombie.log());
    pause(Duration::from_millis(200)).await;
    rig.check(new_load).await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_taken_over_while_it_runs_stops_answering_within_seconds() {
    let redis = RedisServer::start(&[]).expect("a Redis");
    let mut rig = Rig::on(&redis.url(), 1).await;
    let load = rig.load().await;
    let successor = rig.server.successor().await;
    let mut old = std::mem::replace(&mut rig.server, successor);
    answers_nothing_any_more(&old).await;
    load.end().await;
    assert_eq!(old.ended().await.code(), Some(1));
    let load = rig.load().await;
    rig.check(load).await;
    rig.finish().await;
}

/// Stops the server where it holds no lock on the files that both servers use: the read model and the simulated
/// gateway's ledger. Servers on different machines share neither.
async fn freeze(server: &Server) {
    let data = server.folder().join("data");
    let ledger = File::open(data.join("simulated-gateway.jsonl")).expect("the gateway's ledger");
    eventually("the server is stopped without a lock", async || {
        server.signal("STOP");
        let model = SqliteConnectOptions::new().filename(data.join("readmodel.db")).busy_timeout(Duration::ZERO);
        let mut model = SqliteConnection::connect_with(&model).await.map_err(|error| error.to_string())?;
        let free = sqlx::query("BEGIN IMMEDIATE").execute(&mut model).await.is_ok() && ledger.try_lock().is_ok();
        // Closing gives back what was taken.
        let _ = ledger.unlock();
        let _ = model.close().await;
        if free {
            return Ok(());
        }
        server.signal("CONT");
        Err("it holds a lock".to_owned())
    })
    .await;
}

/// Waits until no command and no look at a call is answered with success.
async fn answers_nothing_any_more(server: &Server) {
    let customer = server.customer("customer-0");
    eventually("the former owner answers nothing", async || {
        let request = customer.request(reqwest::Method::POST, "/v1/calls").json(&crate::harness::trip());
        match crate::harness::Client::try_send(request.timeout(Duration::from_secs(2))).await {
            Ok(reply) if reply.status < 300 => Err(reply.text),
            Ok(reply) if reply.status != 503 => panic!("{} {}", reply.status, reply.text),
            Ok(_) | Err(_) => Ok(()),
        }
    })
    .await;
}
