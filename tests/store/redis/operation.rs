//! How it is run: users, TLS, sentinels, databases; and what it leaves in Redis.

use std::{path::PathBuf, time::Duration};

use callout::{
    actors::ports::store::{Commit, Committed, EntityKind, EntityRef, EventCursor},
    persistence::{OpenError, StoreSettings},
};

use super::{impatient, own, until_it_works};
use crate::{
    harness::{Case, Fixture, TestResult, at, case, next, stored},
    redis_server::RedisServer,
};

pub fn cases() -> Vec<Case> {
    vec![
        case(a_user_and_its_password_may_be_in_the_url_or_in_the_settings),
        case(databases_are_separate_data_sets),
        case(tls_needs_the_right_authority),
        case(sentinels_lead_to_the_master_and_after_a_failover_to_the_new_one),
        case(a_master_the_sentinels_do_not_know_is_named),
        case(keys_are_as_documented_and_readable_by_hand),
        case(a_call_that_is_over_expires_with_its_payment_and_nothing_else_does),
    ]
}

async fn a_user_and_its_password_may_be_in_the_url_or_in_the_settings(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    // As docs/redis.md has it.
    let may = "+@all -@admin -@dangerous +client|id +client|kill +info +role +script|load";
    server.say(&format!("ACL SETUSER app on >s3c@ret ~callout:* {may}")).await?;
    server.say("ACL SETUSER default off").await.ok();
    let in_url = format!("redis://app:s3c%40ret@127.0.0.1:{}/0", server.port());
    let owner = own(&in_url, &impatient()).await?;
    let first = Commit { due_at: Some(at(5)), ..owner.first("a") };
    owner.put(&first).await?;
    assert_eq!(owner.live(first.entity.shard(), 10).await?, [stored(&first)]);
    let (events, cursor) = owner.read_on(EventCursor::default(), 10).await?;
    assert_eq!(events.len(), 1);
    owner.store.trim_events(cursor).await?;
    owner.store.ready().await?;
    let settings = StoreSettings { username: Some("app".into()), password: Some("s3c@ret".into()), ..impatient() };
    own(&server.url(), &settings).await?;
    assert!(own(&server.url(), &impatient()).await.is_err(), "the default user is off");
    Ok(())
}

async fn databases_are_separate_data_sets(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let zero = own(&server.url(), &impatient()).await?;
    let one = own(&format!("redis://127.0.0.1:{}/1", server.port()), &impatient()).await?;
    assert_ne!(zero.store.identity().await?, one.store.identity().await?);
    zero.put(&zero.first("a")).await?;
    assert_eq!(one.load(&one.first("a")).await?, None);
    Ok(())
}

async fn tls_needs_the_right_authority(_: Fixture) -> TestResult {
    let file = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/store/redis/tls").join(name);
    let (cert, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let [cert, key, ca_text] = [&cert, &key, &ca].map(|path| path.display().to_string());
    let _server = RedisServer::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca_text,
    ])?;
    let url = format!("rediss://localhost:{port}/0");
    let trusted = StoreSettings {
        tls_ca_file: Some(ca),
        tls_cert_file: Some(cert.into()),
        tls_key_file: Some(key.into()),
        ..impatient()
    };
    let owner = own(&url, &trusted).await?;
    owner.put(&owner.first("a")).await?;
    let answer = callout::persistence::open(&impatient().at(&url)).await;
    assert!(matches!(answer, Err(OpenError::Store { .. })), "the system does not trust the test's authority");
    let half = StoreSettings { tls_key_file: None, ..trusted };
    let answer = callout::persistence::open(&half.clone().at(&url)).await;
    assert!(matches!(answer, Err(OpenError::Setting { .. })), "a certificate without its key");
    Ok(())
}

/// A master, a replica of it and a sentinel that fails over quickly.
fn with_sentinel() -> Result<(RedisServer, RedisServer, RedisServer), Box<dyn std::error::Error>> {
    let master = RedisServer::start(&[])?;
    let of = format!("127.0.0.1 {}", master.port());
    let replica = RedisServer::start(&["--replicaof", &of])?;
    let sentinel = RedisServer::start_sentinel(&format!(
        "sentinel monitor calls 127.0.0.1 {} 1\nsentinel down-after-milliseconds calls 300\n\
         sentinel failover-timeout calls 2000\n",
        master.port()
    ))?;
    Ok((master, replica, sentinel))
}

async fn sentinels_lead_to_the_master_and_after_a_failover_to_the_new_one(_: Fixture) -> TestResult {
    let (mut master, replica, sentinel) = with_sentinel()?;
    // The first sentinel named is not there: the next one is asked.
    let url = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/calls/0", sentinel.port());
    let owner = own(&url, &impatient()).await?;
    let first = Commit { due_at: Some(at(5)), ..owner.first("a") };
    owner.put(&first).await?;
    wait_for_replica(&master, &sentinel).await?;
    master.kill()?;
    let second = next(&first, 1);
    let promoted = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match owner.commit(&second).await {
                Ok(answer) => break answer,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    let answer = promoted.await?;
    assert!(matches!(answer, Committed::Ok | Committed::Duplicate), "{answer:?}");
    let found = until_it_works(|| owner.load(&second)).await?;
    assert_eq!(found.map(|stored| stored.version), Some(2));
    drop(replica);
    Ok(())
}

/// Until the replica has everything and the sentinel knows it.
async fn wait_for_replica(master: &RedisServer, sentinel: &RedisServer) -> TestResult {
    for _ in 0..300 {
        let synced = master.say("WAIT 1 20").await?;
        let info = sentinel.say("SENTINEL REPLICAS calls").await?;
        let known = matches!(&info, redis::Value::Array(replicas) if !replicas.is_empty());
        if synced == redis::Value::Int(1) && known {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the replica did not follow its master".into())
}

async fn a_master_the_sentinels_do_not_know_is_named(_: Fixture) -> TestResult {
    let (_master, _replica, sentinel) = with_sentinel()?;
    let url = format!("redis+sentinel://127.0.0.1:{}/nobody", sentinel.port());
    let Err(error) = callout::persistence::open(&impatient().at(&url)).await else {
        return Err("nobody was opened".into());
    };
    assert!(error.to_string().contains("nobody"), "{error}");
    Ok(())
}

async fn keys_are_as_documented_and_readable_by_hand(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    let commit = Commit {
        snapshot: r#"{"status":"dispatching"}"#.to_owned(),
        due_at: Some(at(1_790_000_000_000)),
        ..owner.first("call_1")
    };
    owner.put(&commit).await?;
    let prefix = format!("callout:{{{:03}}}", commit.entity.shard().index());
    let said = async |command: String| {
        let value = server.say(&command).await?;
        redis::from_redis_value::<String>(value).map_err(redis::RedisError::from)
    };
    let envelope = said(format!("GET {prefix}:call/call_1")).await?;
    let (high, low) = commit.write_id.as_u64_pair();
    let write = format!("{:016x}", high ^ low);
    assert_eq!(
        envelope,
        format!(
            r#"{{"v":1,"version":1,"write":"{write}","live":true,"due":1790000000000,"snapshot":{{"status":"dispatching"}}}}"#
        )
    );
    assert_eq!(said(format!("ZSCORE {prefix}:agenda call/call_1")).await?, "1790000000000");
    let idle = Commit { due_at: None, ..next(&commit, 0) };
    owner.put(&idle).await?;
    assert_eq!(said(format!("ZSCORE {prefix}:agenda call/call_1")).await?, "inf");
    owner.put(&Commit { live: false, ..next(&idle, 0) }).await?;
    assert_eq!(server.say(&format!("ZCARD {prefix}:agenda")).await?, redis::Value::Int(0));
    assert_eq!(said(format!("GET {prefix}:owner")).await?, owner.epoch.0.to_string());
    assert_eq!(server.say(&format!("XLEN {prefix}:events")).await?, redis::Value::Int(1));
    assert_eq!(said("HGET callout:store schema".to_owned()).await?, "1");
    Ok(())
}

async fn a_call_that_is_over_expires_with_its_payment_and_nothing_else_does(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &StoreSettings { keep_finished_s: 1_000, ..impatient() }).await?;
    let expires = async |commit: &Commit| -> Result<bool, Box<dyn std::error::Error>> {
        let key = format!("callout:{{{:03}}}:{}", commit.entity.shard().index(), commit.entity);
        let seconds: i64 = redis::from_redis_value(server.say(&format!("TTL {key}")).await?)?;
        Ok(seconds > 0)
    };
    let first = |kind, id: &str| {
        let other = match kind {
            EntityKind::Call => Some(EntityKind::Payment),
            EntityKind::Payment => Some(EntityKind::Call),
            EntityKind::Driver | EntityKind::Account => None,
        };
        let expires_with = other.map(|other| EntityRef::new(other, id));
        Commit { expires_with, ..owner.first_of(EntityRef::new(kind, id)) }
    };
    let over = |commit: &Commit| Commit { live: false, ..next(commit, 0) };
    // Settled long before its call is over, and written once more afterwards.
    let (call, payment) = (first(EntityKind::Call, "a"), over(&first(EntityKind::Payment, "a")));
    let (call_over, payment_again) = (over(&call), over(&payment));
    for commit in [&call, &first(EntityKind::Payment, "a"), &payment] {
        owner.put(commit).await?;
        assert!(!expires(commit).await?, "{} while the call lives", commit.entity);
    }
    owner.put(&call_over).await?;
    assert!(expires(&call_over).await? && expires(&payment).await?);
    owner.put(&payment_again).await?;
    assert!(expires(&payment_again).await?, "written again");
    // A refund is still owed when the call is over.
    let (call, payment) = (first(EntityKind::Call, "b"), first(EntityKind::Payment, "b"));
    owner.put(&payment).await?;
    owner.put(&call).await?;
    owner.put(&over(&call)).await?;
    assert!(!expires(&call).await? && !expires(&payment).await?, "money is still to go back");
    owner.put(&over(&payment)).await?;
    assert!(expires(&call).await? && expires(&payment).await?);
    // A call that was never paid expires alone, and a payment whose call is not there any more.
    let (call, payment) = (first(EntityKind::Call, "c"), first(EntityKind::Payment, "d"));
    for commit in [&call, &payment] {
        owner.put(commit).await?;
        owner.put(&over(commit)).await?;
        assert!(expires(commit).await?, "{}", commit.entity);
    }
    let driver = first(EntityKind::Driver, "d");
    owner.put(&driver).await?;
    owner.put(&over(&driver)).await?;
    assert!(!expires(&driver).await?, "a driver may come back");
    Ok(())
}
