//! Reading back: deadlines in order, the live set in pages, and all of it after a restart.

use callout::actors::ports::store::{Commit, Committed, EntityRef, EventCursor, Shard, StoreError};
use jiff::Timestamp;

use crate::harness::{Case, Fixture, TestResult, at, case, ids_in, next, records, stored};

pub fn cases() -> Vec<Case> {
    vec![
        case(what_was_committed_is_there_after_a_restart),
        case(deadlines_come_earliest_first_and_only_when_they_have_come),
        case(a_new_deadline_replaces_the_old_one),
        case(a_shard_shows_only_its_own_deadlines_and_live_entities),
        case(live_pages_are_complete_and_without_duplicates),
        case(live_pages_hold_while_others_come_and_go),
        case(what_is_no_longer_live_is_not_shown_but_can_be_loaded),
        case(a_store_that_can_commit_is_ready),
        case(a_closed_store_has_written_what_it_was_given_and_refuses_more),
    ]
}

async fn what_was_committed_is_there_after_a_restart(fixture: Fixture) -> TestResult {
    let commit = {
        let owner = fixture.own().await?;
        let commit = Commit { due_at: Some(at(3)), ..owner.first("a") };
        owner.put(&commit).await?;
        owner.store.close().await;
        commit
    };
    let owner = fixture.own().await?;
    let shard = commit.entity.shard();
    assert_eq!(owner.load(&commit).await?, Some(stored(&commit)));
    assert_eq!(owner.store.due(shard, at(3), 10).await?, [stored(&commit)]);
    assert_eq!(owner.live(shard, 10).await?, [stored(&commit)]);
    assert_eq!(owner.read_on(EventCursor::default(), 10).await?.0, records(&commit));
    let on = Commit { epoch: owner.epoch, ..next(&commit, 1) };
    assert_eq!(owner.commit(&on).await?, Committed::Ok);
    Ok(())
}

async fn deadlines_come_earliest_first_and_only_when_they_have_come(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let shard = Shard::of("call_0");
    let mut commits = Vec::new();
    for (id, due) in ids_in(shard, 6).iter().zip([Some(50), Some(10), None, Some(30), Some(20), Some(-40)]) {
        let commit = Commit { due_at: due.map(at), live: due != Some(10), ..owner.first(id) };
        owner.put(&commit).await?;
        commits.push(commit);
    }
    let [fifty, ten, _, thirty, twenty, before_1970] = &commits[..] else { return Err("six were made".into()) };
    let expect = |commits: &[&Commit]| commits.iter().map(|commit| stored(commit)).collect::<Vec<_>>();
    assert_eq!(owner.store.due(shard, at(-41), 10).await?, []);
    assert_eq!(owner.store.due(shard, at(29), 10).await?, expect(&[before_1970, ten, twenty]));
    assert_eq!(owner.store.due(shard, at(30), 3).await?, expect(&[before_1970, ten, twenty]));
    let all = expect(&[before_1970, ten, twenty, thirty, fifty]);
    assert_eq!(owner.store.due(shard, Timestamp::MAX, 10).await?, all);
    Ok(())
}

async fn a_new_deadline_replaces_the_old_one(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = Commit { due_at: Some(at(10)), ..owner.first("a") };
    let later = Commit { due_at: Some(at(70)), ..next(&first, 1) };
    let never = Commit { due_at: None, ..next(&later, 0) };
    let shard = first.entity.shard();
    owner.put(&first).await?;
    owner.put(&later).await?;
    assert_eq!(owner.store.due(shard, at(69), 10).await?, []);
    assert_eq!(owner.store.due(shard, at(70), 10).await?, [stored(&later)]);
    owner.put(&never).await?;
    assert_eq!(owner.store.due(shard, at(100), 10).await?, []);
    Ok(())
}

async fn a_shard_shows_only_its_own_deadlines_and_live_entities(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let ids: Vec<_> = (0..200).map(|n| format!("call_{n}")).collect();
    for id in &ids {
        owner.put(&Commit { due_at: Some(at(1)), ..owner.first(id) }).await?;
    }
    let (mut due, mut live) = (0, 0);
    for shard in Shard::all() {
        let mine = owner.store.due(shard, at(1), 500).await?;
        assert!(mine.iter().all(|stored| stored.entity.shard() == shard));
        due += mine.len();
        let mine = owner.live(shard, 3).await?;
        assert!(mine.iter().all(|stored| stored.entity.shard() == shard));
        live += mine.len();
    }
    assert_eq!((due, live), (200, 200));
    Ok(())
}

async fn live_pages_are_complete_and_without_duplicates(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let shard = Shard::of("call_0");
    let mut expected: Vec<String> = ids_in(shard, 23);
    for id in &expected {
        owner.put(&owner.first(id)).await?;
    }
    expected.sort();
    for page in [1, 7, 22, 23, 24, 100] {
        let found: Vec<_> = owner.live(shard, page).await?.iter().map(|stored| stored.entity.id.to_string()).collect();
        assert_eq!(found, expected, "in pages of {page}");
    }
    Ok(())
}

async fn live_pages_hold_while_others_come_and_go(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let shard = Shard::of("call_0");
    let mut ids = ids_in(shard, 12);
    ids.sort();
    let (early, rest) = ids.split_at(3);
    for id in rest {
        owner.put(&owner.first(id)).await?;
    }
    let page = owner.store.live(shard, None, 4).await?;
    for id in early {
        owner.put(&owner.first(id)).await?;
    }
    let gone = page.items.last().ok_or("the first page is empty")?.clone();
    let start = owner.first(&gone.entity.id);
    owner.put(&Commit { live: false, ..next(&start, 1) }).await?;
    let mut seen: Vec<EntityRef> = page.items.iter().map(|stored| stored.entity.clone()).collect();
    let mut after = page.next;
    while after.is_some() {
        let page = owner.store.live(shard, after, 4).await?;
        seen.extend(page.items.into_iter().map(|stored| stored.entity));
        after = page.next;
    }
    let seen: Vec<_> = seen.iter().map(|entity| entity.id.to_string()).collect();
    assert_eq!(seen, rest, "what was live all the time is there once");
    Ok(())
}

async fn what_is_no_longer_live_is_not_shown_but_can_be_loaded(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    let last = Commit { live: false, ..next(&first, 1) };
    owner.put(&first).await?;
    owner.put(&last).await?;
    assert_eq!(owner.live(first.entity.shard(), 10).await?, []);
    assert_eq!(owner.load(&last).await?, Some(stored(&last)));
    Ok(())
}

async fn a_store_that_can_commit_is_ready(fixture: Fixture) -> TestResult {
    let store = fixture.open().await?;
    store.ready().await?;
    store.take_ownership().await?;
    store.ready().await?;
    Ok(())
}

async fn a_closed_store_has_written_what_it_was_given_and_refuses_more(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let commit = owner.first("a");
    let (answer, ()) = tokio::join!(owner.commit(&commit), owner.store.close());
    assert_eq!(answer?, Committed::Ok);
    let refused = owner.commit(&next(&commit, 1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(fixture.own().await?.load(&commit).await?, Some(stored(&commit)));
    Ok(())
}
