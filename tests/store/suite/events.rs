//! The event stream: each entity's events in order, each once, by cursor, also behind a trim.

use callout::actors::ports::store::{EventCursor, StoreError};

use crate::harness::{Case, Fixture, TestResult, assert_each_once_in_order, case, next};

pub fn cases() -> Vec<Case> {
    vec![
        case(events_come_in_each_entitys_order_each_once_whatever_the_page),
        case(a_page_says_whether_there_is_more_also_when_all_of_it_is_in_one_shard),
        case(a_cursor_catches_up_with_what_came_later),
        case(a_cursor_is_good_after_a_restart),
        case(trimmed_events_are_gone_and_the_rest_still_comes_each_once),
        case(trimming_everything_loses_nothing_that_comes_later),
        case(a_store_knows_how_far_it_has_forgotten),
        case(only_the_owner_trims),
        case(a_consumer_is_woken_by_a_commit),
        case(a_cursor_that_no_store_made_is_refused),
    ]
}

async fn events_come_in_each_entitys_order_each_once_whatever_the_page(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let mut last: Vec<_> = (0..30).map(|n| owner.first(&format!("call_{n}"))).collect();
    for round in 0..4 {
        for commit in &mut last {
            owner.put(commit).await?;
            *commit = next(commit, 1 + round % 3);
        }
    }
    for page in [1, 7, 1000] {
        let (events, _) = owner.read_on(EventCursor::default(), page).await?;
        assert_each_once_in_order(&events);
        assert_eq!(events.len(), 30 * (1 + 1 + 2 + 3), "in pages of {page}");
    }
    Ok(())
}

async fn a_page_says_whether_there_is_more_also_when_all_of_it_is_in_one_shard(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    owner.put(&next(&first, 99)).await?;
    for limit in [1, 64, 1_000] {
        let (mut cursor, mut events, mut more) = (EventCursor::default(), Vec::new(), true);
        while more {
            let page = owner.store.events(cursor, limit).await?;
            events.extend(page.events);
            (cursor, more) = (page.next, page.more);
        }
        assert_each_once_in_order(&events);
        assert_eq!(events.len(), 100, "in pages of {limit}");
        assert!(!owner.store.events(cursor, limit).await?.more, "there is nothing more");
    }
    Ok(())
}

async fn a_cursor_catches_up_with_what_came_later(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let mut commit = owner.first("a");
    let other = owner.first("b");
    owner.put(&commit).await?;
    let (mut all, mut cursor) = owner.read_on(EventCursor::default(), 10).await?;
    owner.put(&other).await?;
    for _ in 0..5 {
        commit = next(&commit, 2);
        owner.put(&commit).await?;
        let (events, behind) = owner.read_on(cursor, 1).await?;
        all.extend(events);
        cursor = behind;
    }
    assert_each_once_in_order(&all);
    assert_eq!(all.len(), 1 + 1 + 5 * 2);
    Ok(())
}

async fn a_cursor_is_good_after_a_restart(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    owner.put(&owner.first("a")).await?;
    let (_, cursor) = owner.read_on(EventCursor::default(), 10).await?;
    owner.store.close().await;
    let owner = fixture.own().await?;
    owner.put(&owner.first("b")).await?;
    let cursor = serde_json::from_str::<EventCursor>(&serde_json::to_string(&cursor)?)?;
    let (events, _) = owner.read_on(cursor, 10).await?;
    let ids: Vec<_> = events.iter().map(|event| event.entity.id.to_string()).collect();
    assert_eq!(ids, ["b"]);
    Ok(())
}

async fn trimmed_events_are_gone_and_the_rest_still_comes_each_once(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    for n in 0..20 {
        owner
            .put(&next(&owner.first(&format!("call_{n}")), 0))
            .await
            .err()
            .ok_or("version 1 was expected of nothing")?;
        owner.put(&owner.first(&format!("call_{n}"))).await?;
    }
    let page = owner.store.events(EventCursor::default(), 8).await?;
    owner.store.trim_events(page.next.clone()).await?;
    let (from_start, _) = owner.read_on(EventCursor::default(), 5).await?;
    let (from_cursor, _) = owner.read_on(page.next, 5).await?;
    assert_eq!(from_start, from_cursor);
    assert_each_once_in_order(&[page.events, from_cursor].concat());
    assert_eq!(from_start.len(), 12);
    Ok(())
}

async fn trimming_everything_loses_nothing_that_comes_later(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    let (_, cursor) = owner.read_on(EventCursor::default(), 10).await?;
    owner.store.trim_events(cursor.clone()).await?;
    owner.store.trim_events(cursor.clone()).await?;
    owner.store.trim_events(EventCursor::default()).await?;
    owner.store.close().await;
    let owner = fixture.own().await?;
    let second = next(&first, 2);
    owner.put(&callout::actors::ports::store::Commit { epoch: owner.epoch, ..second }).await?;
    for start in [cursor, EventCursor::default()] {
        let (events, _) = owner.read_on(start, 10).await?;
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3]);
    }
    Ok(())
}

async fn a_store_knows_how_far_it_has_forgotten(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    for n in 0..12 {
        owner.put(&owner.first(&format!("call_{n}"))).await?;
    }
    let start = EventCursor::default();
    assert!(!owner.store.has_forgotten(start.clone()).await?, "nothing was trimmed");
    let half = owner.store.events(start.clone(), 6).await?.next;
    owner.store.trim_events(half.clone()).await?;
    owner.store.close().await;
    let owner = fixture.own().await?;
    owner.store.trim_events(start.clone()).await?;
    let (_, end) = owner.read_on(half.clone(), 10).await?;
    for (cursor, is_behind) in [(&start, true), (&half, false), (&end, false)] {
        assert_eq!(owner.store.has_forgotten(cursor.clone()).await?, is_behind, "{cursor:?}");
    }
    owner.store.trim_events(end.clone()).await?;
    for (cursor, is_behind) in [(&half, true), (&end, false)] {
        assert_eq!(owner.store.has_forgotten(cursor.clone()).await?, is_behind, "{cursor:?}");
    }
    Ok(())
}

async fn only_the_owner_trims(fixture: Fixture) -> TestResult {
    let before = fixture.own().await?;
    before.put(&before.first("a")).await?;
    let (events, cursor) = before.read_on(EventCursor::default(), 10).await?;
    let owner = fixture.own().await?;
    let refused = before.store.trim_events(cursor.clone()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(owner.read_on(EventCursor::default(), 10).await?.0, events, "the owner may not have them yet");
    owner.store.trim_events(cursor).await?;
    assert!(owner.read_on(EventCursor::default(), 10).await?.0.is_empty());
    Ok(())
}

async fn a_consumer_is_woken_by_a_commit(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let mut committed = owner.store.committed();
    committed.borrow_and_update();
    let commit = owner.first("a");
    owner.put(&commit).await?;
    tokio::time::timeout(std::time::Duration::from_secs(5), committed.changed()).await??;
    committed.borrow_and_update();
    owner.commit(&commit).await?;
    assert!(!committed.has_changed()?, "a duplicate is no news");
    Ok(())
}

async fn a_cursor_that_no_store_made_is_refused(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let answer = owner.store.events(EventCursor("yesterday".to_owned()), 10).await;
    assert!(matches!(answer, Err(StoreError::Corrupt { .. })), "{answer:?}");
    Ok(())
}
