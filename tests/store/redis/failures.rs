//! What a Redis says that cannot serve: certainly not written, and good again when it can.

use callout::{
    actors::ports::{
        loss::LostEntity,
        store::{Commit, Committed, EventCursor, StoreError},
    },
    persistence::{OpenError, StoreSettings},
};

use super::{impatient, own, unavailable, until_it_works};
use crate::{
    harness::{Case, Fixture, TestResult, case, next, stored},
    redis_server::RedisServer,
};

pub fn cases() -> Vec<Case> {
    vec![
        case(a_server_that_forgot_the_script_is_given_it_again),
        case(a_server_out_of_memory_refuses_and_writes_nothing),
        case(a_demoted_server_is_unavailable_until_it_is_a_master_again),
        case(a_replica_is_not_used_whoever_names_it),
        case(a_loading_server_is_unavailable_until_it_has_loaded),
        case(a_server_that_wants_a_password_is_named_as_such),
        case(a_user_without_permission_is_unavailable),
        case(a_cluster_node_is_refused_with_what_to_use_instead),
        case(a_server_that_is_not_there_is_unavailable_at_once),
        case(a_key_of_another_type_is_found_before_anything_is_written),
        case(a_snapshot_that_is_no_envelope_is_corrupt_and_left_alone),
        case(a_data_set_of_a_later_release_is_left_alone),
        case(a_flushed_server_fences_its_owner),
        case(a_server_that_lost_commits_takes_none_until_the_loss_is_accepted),
        case(a_cursor_beyond_the_end_of_the_stream_comes_back_to_it),
        case(records_of_lost_payments_are_replaced_by_payment),
    ]
}

async fn a_server_that_forgot_the_script_is_given_it_again(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    owner.put(&owner.first("a")).await?;
    server.say("SCRIPT FLUSH").await?;
    let answers = futures_util::future::join_all((0..50).map(|n| {
        let owner = owner.clone();
        async move { owner.commit(&owner.first(&format!("b{n}"))).await }
    }));
    for answer in answers.await {
        assert_eq!(answer?, Committed::Ok);
    }
    Ok(())
}

async fn a_server_out_of_memory_refuses_and_writes_nothing(_: Fixture) -> TestResult {
    let server = RedisServer::start(&["--maxmemory-policy", "noeviction"])?;
    let owner = own(&server.url(), &impatient()).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    server.say("CONFIG SET maxmemory 1").await?;
    let second = next(&first, 2);
    let reason = unavailable(owner.commit(&second).await)?;
    assert!(reason.starts_with("it is out of memory"), "{reason}");
    unavailable(owner.store.ready().await)?;
    assert_eq!(owner.load(&first).await?, Some(stored(&first)), "what is there can still be read");
    server.say("CONFIG SET maxmemory 0").await?;
    assert_eq!(owner.commit(&second).await?, Committed::Ok, "nothing of it had been written");
    owner.store.ready().await?;
    Ok(())
}

async fn a_demoted_server_is_unavailable_until_it_is_a_master_again(_: Fixture) -> TestResult {
    let (server, master) = (RedisServer::start(&[])?, RedisServer::start(&[])?);
    let owner = own(&server.url(), &impatient()).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    // Of a master that never answers, so that the data stays.
    master.signal("STOP")?;
    server.say(&format!("REPLICAOF 127.0.0.1 {}", master.port())).await?;
    let second = next(&first, 1);
    let reason = unavailable(owner.commit(&second).await)?;
    assert!(reason.starts_with("it is a replica now"), "{reason}");
    unavailable(owner.store.ready().await)?;
    server.say("REPLICAOF NO ONE").await?;
    assert_eq!(until_it_works(|| owner.commit(&second)).await?, Committed::Ok);
    Ok(())
}

async fn a_replica_is_not_used_whoever_names_it(_: Fixture) -> TestResult {
    let master = RedisServer::start(&[])?;
    let replica = RedisServer::start(&["--replicaof", &format!("127.0.0.1 {}", master.port())])?;
    let Err(OpenError::Store { source, .. }) = callout::persistence::open(&impatient().at(&replica.url())).await else {
        return Err("a replica was opened".into());
    };
    let reason = unavailable::<()>(Err(source))?;
    assert!(reason.contains("it is a replica, not a master"), "{reason}");
    Ok(())
}

async fn a_loading_server_is_unavailable_until_it_has_loaded(_: Fixture) -> TestResult {
    let mut server = RedisServer::start(&["--aof-use-rdb-preamble", "no"])?;
    let owner = own(&server.url(), &StoreSettings::default()).await?;
    let commits = (0..2000).map(|n| {
        let owner = owner.clone();
        async move { owner.commit(&owner.first(&format!("call_{n}"))).await }
    });
    futures_util::future::join_all(commits).await;
    server.kill()?;
    // Microseconds for each command that it loads. It answers after every 1024 of them.
    server.restart(&["--key-load-delay", "100"])?;
    let on = next(&owner.first("call_0"), 1);
    let mut reasons = Vec::new();
    let answer = loop {
        match owner.commit(&on).await {
            Err(StoreError::Unavailable { reason, .. }) => reasons.push(reason),
            Err(StoreError::Unknown { reason }) => reasons.push(reason),
            Ok(answer) => break answer,
            Err(other) => return Err(other.into()),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert!(matches!(answer, Committed::Ok | Committed::Duplicate), "{answer:?}");
    assert!(reasons.iter().any(|reason| reason.starts_with("it is loading its data")), "{reasons:?}");
    Ok(())
}

async fn a_server_that_wants_a_password_is_named_as_such(_: Fixture) -> TestResult {
    let server = RedisServer::start(&["--requirepass", "hidden"])?;
    for settings in [impatient(), StoreSettings { password: Some("wrong".into()), ..impatient() }] {
        let Err(OpenError::Store { source, .. }) =
            callout::persistence::open(&settings.clone().at(&server.url())).await
        else {
            return Err("it was opened without the password".into());
        };
        let reason = unavailable::<()>(Err(source))?;
        assert!(reason.starts_with("it wants another user or password"), "{reason}");
    }
    let right = StoreSettings { password: Some("hidden".into()), ..impatient() };
    let owner = own(&server.url(), &right).await?;
    owner.put(&owner.first("a")).await?;
    Ok(())
}

async fn a_user_without_permission_is_unavailable(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    server.say("ACL SETUSER app on >hidden ~callout:* +@all").await?;
    let url = format!("redis://app:hidden@127.0.0.1:{}/0", server.port());
    let owner = own(&url, &impatient()).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    server.say("ACL SETUSER app -evalsha -script").await?;
    let reason = unavailable(owner.commit(&next(&first, 1)).await)?;
    assert!(reason.starts_with("its user may not do this"), "{reason}");
    assert_eq!(owner.load(&first).await?, Some(stored(&first)));
    Ok(())
}

async fn a_cluster_node_is_refused_with_what_to_use_instead(_: Fixture) -> TestResult {
    let server = RedisServer::start(&["--cluster-enabled", "yes"])?;
    let Err(OpenError::Store { source, .. }) = callout::persistence::open(&impatient().at(&server.url())).await else {
        return Err("a cluster without slots was opened".into());
    };
    let reason = unavailable::<()>(Err(source))?;
    assert!(reason.starts_with("it is a node of a Redis Cluster"), "{reason}");
    server.say("CLUSTER ADDSLOTSRANGE 0 16383").await?;
    let store = until_it_works(|| async {
        callout::persistence::open(&impatient().at(&server.url())).await.map_err(|error| match error {
            OpenError::Store { source, .. } => source,
            other => StoreError::Corrupt { reason: other.to_string() },
        })
    });
    let reason = unavailable(store.await?.take_ownership().await)?;
    assert!(reason.starts_with("it is a node of a Redis Cluster"), "{reason}");
    Ok(())
}

async fn a_server_that_is_not_there_is_unavailable_at_once(_: Fixture) -> TestResult {
    let mut server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    server.kill()?;
    // The first may have been on its way when the connection broke.
    let _ = owner.commit(&next(&first, 1)).await;
    let asked = std::time::Instant::now();
    unavailable(owner.commit(&next(&first, 1)).await)?;
    unavailable(owner.load(&first).await.and(owner.load(&first).await))?;
    unavailable(owner.store.ready().await)?;
    assert!(asked.elapsed() < std::time::Duration::from_secs(1), "{:?}", asked.elapsed());
    let settings = impatient();
    let Err(OpenError::Store { source, .. }) = callout::persistence::open(&settings.clone().at(&server.url())).await
    else {
        return Err("a server that is not there was opened".into());
    };
    unavailable::<()>(Err(source))?;
    server.restart(&[])?;
    until_it_works(|| owner.store.ready()).await?;
    let found = until_it_works(|| owner.load(&first)).await?;
    assert_eq!(found, Some(stored(&first)), "a killed server has what it acknowledged");
    Ok(())
}

async fn a_key_of_another_type_is_found_before_anything_is_written(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let store = callout::persistence::open(&impatient().at(&server.url())).await?;
    server.say("SET callout:{017}:events oops").await?;
    let Err(StoreError::Corrupt { reason }) = store.take_ownership().await else {
        return Err("a string was taken for a stream".into());
    };
    assert_eq!(reason, "callout:{017}:events is a string; it must be a stream or not be there");
    Ok(())
}

async fn a_snapshot_that_is_no_envelope_is_corrupt_and_left_alone(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    let first = owner.first("a");
    let key = format!("callout:{{{:03}}}:call/a", first.entity.shard().index());
    server.say(&format!("SET {key} oops")).await?;
    for answer in [owner.commit(&first).await.map(drop), owner.load(&first).await.map(drop)] {
        assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    }
    owner.put(&owner.first("b")).await?;
    Ok(())
}

async fn a_data_set_of_a_later_release_is_left_alone(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    callout::persistence::open(&impatient().at(&server.url())).await?.close().await;
    server.say("HSET callout:store schema 99").await?;
    let answer = callout::persistence::open(&impatient().at(&server.url())).await;
    assert!(matches!(answer, Err(OpenError::Newer { found: 99, known: 1, .. })));
    server.say("HSET callout:store schema 1 shards 128").await?;
    let answer = callout::persistence::open(&impatient().at(&server.url())).await;
    assert!(matches!(answer, Err(OpenError::Foreign { .. })));
    Ok(())
}

async fn a_flushed_server_fences_its_owner(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    server.say("FLUSHALL").await?;
    let answer = owner.commit(&owner.first("a")).await?;
    assert!(matches!(answer, Committed::Fenced { .. }), "{answer:?}");
    unavailable(owner.store.ready().await)?;
    Ok(())
}

/// A server that keeps what it has when it is told to save, and no more.
fn forgetful() -> Result<RedisServer, Box<dyn std::error::Error>> {
    RedisServer::start(&["--appendonly", "no"])
}

async fn a_server_that_lost_commits_takes_none_until_the_loss_is_accepted(_: Fixture) -> TestResult {
    let mut server = forgetful()?;
    let owner = own(&server.url(), &impatient()).await?;
    let kept = owner.first("a");
    let (lost, gone) = (next(&kept, 2), owner.first("b"));
    owner.put(&kept).await?;
    server.say("SAVE").await?;
    owner.put(&lost).await?;
    owner.put(&gone).await?;
    let losses = owner.store.lost();
    server.kill()?;
    server.restart(&[])?;
    let after = next(&lost, 1);
    let found = until_it_works(|| async {
        // Every refusal is of the connection until it was made anew, and of the loss from then on.
        let _ = unavailable(owner.commit(&after).await);
        let loss = std::sync::Arc::clone(&losses.borrow());
        if loss.number > 0 { Ok(loss) } else { Err(StoreError::Unknown { reason: "no loss is known".to_owned() }) }
    })
    .await?;
    assert_eq!((found.number, found.commits, found.unnamed), (1, 2, 0));
    let named = |commit: &Commit, found| LostEntity {
        entity: commit.entity.clone(),
        acknowledged: commit.version,
        found,
        snapshot: commit.snapshot.as_str().into(),
    };
    assert_eq!(found.entities, [named(&lost, kept.version), named(&gone, 0)]);
    let reason = unavailable(owner.commit(&after).await)?;
    assert!(reason.starts_with("it lost commits"), "{reason}");
    unavailable(owner.store.ready().await)?;
    owner.store.accept_loss(found.number);
    owner.store.ready().await?;
    // A repetition of the write whose answer counted before: it is written now, in the place of itself.
    assert_eq!(owner.commit(&after).await?, Committed::Conflict { found: kept.version });
    assert_eq!(owner.commit(&lost).await?, Committed::Ok);
    assert_eq!(owner.load(&gone).await?, None);
    Ok(())
}

async fn a_cursor_beyond_the_end_of_the_stream_comes_back_to_it(_: Fixture) -> TestResult {
    let mut server = forgetful()?;
    let owner = own(&server.url(), &impatient()).await?;
    assert_eq!(owner.store.within_stream(EventCursor::default()).await?, EventCursor::default());
    let first = owner.first("a");
    owner.put(&first).await?;
    let (_, before) = owner.read_on(EventCursor::default(), 10).await?;
    server.say("SAVE").await?;
    owner.put(&next(&first, 1)).await?;
    let (_, beyond) = owner.read_on(EventCursor::default(), 10).await?;
    assert_eq!(owner.store.within_stream(beyond.clone()).await?, beyond, "nothing is lost");
    owner.store.trim_events(beyond.clone()).await?;
    assert_eq!(
        owner.store.within_stream(beyond.clone()).await?,
        beyond,
        "a stream knows where it was when it is empty"
    );
    server.kill()?;
    server.restart(&[])?;
    let within = until_it_works(|| async {
        owner.store.owner().await?;
        owner.store.within_stream(beyond.clone()).await
    });
    assert_eq!(within.await?, before);
    Ok(())
}

async fn records_of_lost_payments_are_replaced_by_payment(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    let record = |id: &str, text: &str| (id.to_owned(), text.to_owned());
    assert_eq!(owner.store.lost_payments().await?, []);
    owner.store.keep_lost_payments(vec![record("a", "1"), record("b", "1")]).await?;
    owner.store.keep_lost_payments(vec![record("a", "2")]).await?;
    let mut found = owner.store.lost_payments().await?;
    found.sort();
    assert_eq!(found, [record("a", "2"), record("b", "1")]);
    Ok(())
}
