//! Replies that never came: unknown, and exactly once after the same write was repeated.

use callout::actors::ports::store::{Commit, Committed, EventCursor, StoreError};
use tokio::sync::watch;

use super::{impatient, own, unavailable, until_it_works};
use crate::{
    harness::{Case, Fixture, Owner, TestResult, assert_each_once_in_order, case, next, stored},
    proxy::{Proxy, Wire},
    redis_server::RedisServer,
};

pub fn cases() -> Vec<Case> {
    vec![
        case(a_swallowed_reply_is_unknown_and_the_repeated_write_a_duplicate),
        case(a_reply_cut_in_half_is_unknown_and_the_repeated_write_a_duplicate),
        case(a_frozen_server_leaves_the_outcome_unknown_and_writes_once),
        case(what_a_given_up_connection_still_carries_is_never_written_later),
        case(a_given_up_connection_is_not_forgotten_before_it_is_gone),
        case(a_connection_whose_name_is_not_learned_is_not_used),
        case(a_cut_connection_is_made_anew_without_anyone_noticing_for_long),
        case(acknowledged_commits_survive_kill_9_of_the_server_when_it_syncs_always),
        case(acknowledged_commits_survive_kill_9_of_the_server_when_it_syncs_every_second),
    ]
}

async fn behind_a_proxy(server: &RedisServer) -> Result<(Proxy, Owner), Box<dyn std::error::Error>> {
    let proxy = Proxy::start(server.port()).await?;
    let owner = own(&proxy.url(), &impatient()).await?;
    Ok((proxy, owner))
}

fn unknown(answer: Result<Committed, StoreError>) -> TestResult {
    match answer {
        Err(StoreError::Unknown { .. }) => Ok(()),
        other => Err(format!("unknown was expected, not {other:?}").into()),
    }
}

async fn written_once(owner: &Owner, first: &Commit, second: &Commit) -> TestResult {
    assert_eq!(until_it_works(|| owner.load(second)).await?, Some(stored(second)));
    let (events, _) = owner.read_on(EventCursor::default(), 10).await?;
    assert_each_once_in_order(&events);
    assert_eq!(events.len(), first.events.len() + second.events.len());
    Ok(())
}

async fn a_swallowed_reply_is_unknown_and_the_repeated_write_a_duplicate(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let (proxy, owner) = behind_a_proxy(&server).await?;
    let first = owner.first("a");
    let second = next(&first, 2);
    owner.put(&first).await?;
    proxy.set(Wire::SwallowReplies);
    unknown(owner.commit(&second).await)?;
    proxy.set(Wire::Open);
    assert_eq!(until_it_works(|| owner.commit(&second)).await?, Committed::Duplicate);
    written_once(&owner, &first, &second).await
}

async fn a_reply_cut_in_half_is_unknown_and_the_repeated_write_a_duplicate(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let (proxy, owner) = behind_a_proxy(&server).await?;
    let first = owner.first("a");
    let second = next(&first, 2);
    owner.put(&first).await?;
    proxy.set(Wire::CutReplies);
    unknown(owner.commit(&second).await)?;
    assert_eq!(until_it_works(|| owner.commit(&second)).await?, Committed::Duplicate);
    written_once(&owner, &first, &second).await
}

async fn a_frozen_server_leaves_the_outcome_unknown_and_writes_once(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let owner = own(&server.url(), &impatient()).await?;
    let first = owner.first("a");
    let second = next(&first, 2);
    owner.put(&first).await?;
    server.signal("STOP")?;
    unknown(owner.commit(&second).await)?;
    assert!(owner.store.ready().await.is_err());
    server.signal("CONT")?;
    let answer = until_it_works(|| owner.commit(&second)).await?;
    assert!(matches!(answer, Committed::Ok | Committed::Duplicate), "{answer:?}");
    written_once(&owner, &first, &second).await
}

async fn what_a_given_up_connection_still_carries_is_never_written_later(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let (proxy, owner) = behind_a_proxy(&server).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    // Writes without events are the dangerous ones: their version does not tell them apart.
    let [late, on] =
        ["late", "on"].map(|note| Commit { snapshot: format!(r#"{{"note":"{note}"}}"#), ..next(&first, 0) });
    proxy.hold();
    unknown(owner.commit(&late).await)?;
    assert_eq!(until_it_works(|| owner.commit(&on)).await?, Committed::Ok, "over a new connection");
    proxy.release().await;
    assert_eq!(until_it_works(|| owner.load(&on)).await?, Some(stored(&on)), "the late write undid the later one");
    Ok(())
}

async fn a_given_up_connection_is_not_forgotten_before_it_is_gone(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let (proxy, owner) = behind_a_proxy(&server).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    let [late, on] =
        ["late", "on"].map(|note| Commit { snapshot: format!(r#"{{"note":"{note}"}}"#), ..next(&first, 0) });
    server.say("ACL SETUSER default -client|kill").await?;
    proxy.hold();
    unknown(owner.commit(&late).await)?;
    for _ in 0..2 {
        let reason = until_it_says(&owner, &on, "its user may not do this").await?;
        assert!(reason.contains("client|kill"), "{reason}");
    }
    server.say("ACL SETUSER default +client|kill").await?;
    assert_eq!(until_it_works(|| owner.commit(&on)).await?, Committed::Ok, "over a new connection");
    proxy.release().await;
    assert_eq!(until_it_works(|| owner.load(&on)).await?, Some(stored(&on)), "the late write undid the later one");
    Ok(())
}

/// Commits until the store refuses for that reason: in between it waits before it connects again. On a busy machine an
/// attempt may take longer than the store waits for an answer; had it been written, the next one would say so.
async fn until_it_says(owner: &Owner, commit: &Commit, reason: &str) -> Result<String, Box<dyn std::error::Error>> {
    for _ in 0..500 {
        match owner.commit(commit).await {
            // It was sent over the held connection just before that was given up.
            Err(StoreError::Unknown { .. }) => {}
            answer => {
                let said = unavailable(answer)?;
                if said.starts_with(reason) {
                    return Ok(said);
                }
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Err(format!("it never said {reason:?}").into())
}

async fn a_connection_whose_name_is_not_learned_is_not_used(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let (proxy, owner) = behind_a_proxy(&server).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    for (forbidden, command) in [("client|id", "client|id"), ("info", "info"), ("role", "role")] {
        server.say(&format!("ACL SETUSER default -{forbidden}")).await?;
        proxy.cut();
        let reason = until_refused(&owner, &next(&first, 0)).await?;
        assert!(reason.contains(command), "{reason}");
        server.say(&format!("ACL SETUSER default +{forbidden}")).await?;
        until_it_works(|| owner.store.ready()).await?;
    }
    Ok(())
}

/// Commits until the store refuses it; the first may have been on its way when the connection broke.
async fn until_refused(owner: &Owner, commit: &Commit) -> Result<String, Box<dyn std::error::Error>> {
    match owner.commit(commit).await {
        Err(StoreError::Unknown { .. }) => until_it_says(owner, commit, "its user may not do this").await,
        Err(StoreError::Unavailable { reason, .. }) if reason.starts_with("its user may not do this") => Ok(reason),
        Err(StoreError::Unavailable { .. }) => until_it_says(owner, commit, "its user may not do this").await,
        other => Err(format!("it was used: {other:?}").into()),
    }
}

async fn a_cut_connection_is_made_anew_without_anyone_noticing_for_long(_: Fixture) -> TestResult {
    let server = RedisServer::start(&[])?;
    let (proxy, owner) = behind_a_proxy(&server).await?;
    let mut commit = owner.first("a");
    for _ in 0..20 {
        let answer = until_it_works(|| owner.commit(&commit)).await?;
        assert!(matches!(answer, Committed::Ok | Committed::Duplicate), "{answer:?}");
        proxy.cut();
        let next = next(&commit, 1);
        assert_eq!(until_it_works(|| owner.load(&commit)).await?, Some(stored(&commit)));
        commit = next;
    }
    Ok(())
}

async fn acknowledged_commits_survive_kill_9_of_the_server_when_it_syncs_always(_: Fixture) -> TestResult {
    kill_the_server("always").await
}

async fn acknowledged_commits_survive_kill_9_of_the_server_when_it_syncs_every_second(_: Fixture) -> TestResult {
    kill_the_server("everysec").await
}

/// Kills the server three times while thirty entities commit, and repeats every write until it is known to be there.
async fn kill_the_server(appendfsync: &str) -> TestResult {
    let mut server = RedisServer::start(&["--appendfsync", appendfsync])?;
    let owner = own(&server.url(), &impatient()).await?;
    let acknowledged = watch::Sender::new(0);
    let writers: Vec<_> = (0..30)
        .map(|n| {
            let (owner, acknowledged) = (owner.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut commit = owner.first(&format!("call_{n}"));
                for _ in 0..300 {
                    let answer = until_it_works(|| owner.commit(&commit)).await?;
                    assert!(matches!(answer, Committed::Ok | Committed::Duplicate), "{answer:?}");
                    commit = next(&commit, 1);
                    acknowledged.send_modify(|count| *count += 1);
                }
                Ok::<_, StoreError>(commit)
            })
        })
        .collect();
    // While less than half of all is written: there is always somebody who writes.
    for kill in 1..=3 {
        acknowledged.subscribe().wait_for(|count| *count >= kill * 1_000).await?;
        if appendfsync == "everysec" {
            server.hold_writes_until_none_is_postponed().await?;
        }
        server.kill()?;
        server.restart(&[])?;
    }
    for writer in writers {
        let commit = writer.await??;
        let found = until_it_works(|| owner.load(&commit)).await?;
        assert_eq!(found.map(|stored| stored.version), Some(300), "{}", commit.entity);
    }
    let (events, _) = owner.read_on(EventCursor::default(), 500).await?;
    assert_each_once_in_order(&events);
    assert_eq!(events.len(), 30 * 300);
    Ok(())
}
