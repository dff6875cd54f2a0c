//! One commit: its four answers, and that it is there whole or not at all.

use callout::actors::ports::store::{Commit, Committed, EntityKind, EntityRef, EventCursor, StoreError};

use crate::harness::{Case, Fixture, Owner, TestResult, at, case, next, records, stored};

pub fn cases() -> Vec<Case> {
    vec![
        case(a_commit_is_there_with_everything_in_it),
        case(a_snapshot_without_events_keeps_the_version),
        case(the_same_write_again_is_a_duplicate_and_written_once),
        case(a_write_repeated_after_a_later_one_is_a_conflict),
        case(another_version_is_a_conflict_that_names_it),
        case(a_conflict_writes_nothing_at_all),
        case(kinds_with_the_same_id_are_different_entities),
        case(a_commit_that_contradicts_itself_is_refused),
        case(a_large_snapshot_comes_back_as_it_was),
    ]
}

async fn a_commit_is_there_with_everything_in_it(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = Commit { due_at: Some(at(5_000)), ..owner.first("a") };
    assert_eq!(owner.commit(&first).await?, Committed::Ok);
    assert_eq!(owner.load(&first).await?, Some(stored(&first)));
    let second = Commit { due_at: None, live: false, ..next(&first, 3) };
    assert_eq!(owner.commit(&second).await?, Committed::Ok);
    assert_eq!(owner.load(&second).await?, Some(stored(&second)));
    let (events, _) = owner.read_on(EventCursor::default(), 10).await?;
    assert_eq!(events, [records(&first), records(&second)].concat());
    Ok(())
}

async fn a_snapshot_without_events_keeps_the_version(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    let moved = Commit { snapshot: r#"{"position":1}"#.to_owned(), ..next(&first, 0) };
    owner.put(&moved).await?;
    assert_eq!(owner.load(&first).await?, Some(stored(&moved)));
    assert_eq!(owner.commit(&moved).await?, Committed::Duplicate);
    assert_eq!(owner.commit(&next(&moved, 1)).await?, Committed::Ok);
    Ok(())
}

async fn the_same_write_again_is_a_duplicate_and_written_once(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    for _ in 0..3 {
        assert_eq!(owner.commit(&first).await?, Committed::Duplicate);
    }
    let (events, _) = owner.read_on(EventCursor::default(), 10).await?;
    assert_eq!(events, records(&first));
    Ok(())
}

async fn a_write_repeated_after_a_later_one_is_a_conflict(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    let second = next(&first, 2);
    owner.put(&first).await?;
    owner.put(&second).await?;
    assert_eq!(owner.commit(&first).await?, Committed::Conflict { found: 3 });
    assert_eq!(owner.load(&first).await?, Some(stored(&second)));
    Ok(())
}

async fn another_version_is_a_conflict_that_names_it(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    let ahead = next(&first, 1);
    assert_eq!(owner.commit(&ahead).await?, Committed::Conflict { found: 0 }, "it does not exist yet");
    owner.put(&first).await?;
    let again = owner.first("a");
    assert_eq!(owner.commit(&again).await?, Committed::Conflict { found: 1 }, "it exists already");
    assert_eq!(owner.commit(&next(&ahead, 1)).await?, Committed::Conflict { found: 1 });
    Ok(())
}

async fn a_conflict_writes_nothing_at_all(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = Commit { due_at: Some(at(9_000)), ..owner.first("a") };
    owner.put(&first).await?;
    let wrong = Commit {
        expected_version: 5,
        version: 5,
        events: Vec::new(),
        due_at: Some(at(1)),
        live: false,
        ..next(&first, 0)
    };
    assert_eq!(owner.commit(&wrong).await?, Committed::Conflict { found: 1 });
    nothing_changed(&owner, &first).await?;
    let stale = Commit { due_at: Some(at(1)), live: false, ..owner.first("a") };
    assert_eq!(owner.commit(&stale).await?, Committed::Conflict { found: 1 });
    nothing_changed(&owner, &first).await
}

async fn nothing_changed(owner: &Owner, commit: &Commit) -> TestResult {
    let shard = commit.entity.shard();
    assert_eq!(owner.load(commit).await?, Some(stored(commit)));
    assert_eq!(owner.store.due(shard, at(8_999), 10).await?, []);
    assert_eq!(owner.store.due(shard, at(9_000), 10).await?, [stored(commit)]);
    assert_eq!(owner.live(shard, 10).await?, [stored(commit)]);
    assert_eq!(owner.read_on(EventCursor::default(), 10).await?.0, records(commit));
    Ok(())
}

async fn kinds_with_the_same_id_are_different_entities(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    for kind in EntityKind::ALL {
        owner.put(&owner.first_of(EntityRef::new(kind, "same"))).await?;
    }
    let shard = EntityRef::new(EntityKind::Call, "same").shard();
    let kinds: Vec<_> = owner.live(shard, 1).await?.into_iter().map(|stored| stored.entity.kind).collect();
    assert_eq!(kinds, EntityKind::ALL);
    assert_eq!(owner.store.load(EntityRef::new(EntityKind::Call, "other")).await?, None);
    Ok(())
}

async fn a_commit_that_contradicts_itself_is_refused(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    for wrong in [
        Commit { version: 2, ..first.clone() },
        Commit { events: Vec::new(), ..first.clone() },
        Commit { expected_version: u64::MAX, ..first.clone() },
        Commit { expected_version: 7, version: 8, ..first.clone() },
    ] {
        let answer = owner.commit(&wrong).await;
        assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    }
    assert_eq!(owner.load(&first).await?, None);
    Ok(())
}

async fn a_large_snapshot_comes_back_as_it_was(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let text: String = ('\u{20}'..'\u{d7ff}').filter(|c| *c != '"' && *c != '\\').cycle().take(700_000).collect();
    let large = Commit {
        write_id: callout::clock::random_id(),
        snapshot: format!(r#"{{"text":"{text}"}}"#),
        ..owner.first("a")
    };
    owner.put(&large).await?;
    assert_eq!(owner.load(&large).await?, Some(stored(&large)));
    Ok(())
}
