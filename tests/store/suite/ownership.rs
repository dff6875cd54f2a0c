//! Who may write: epochs rise, and whoever held the shards before is fenced.

use std::sync::Arc;

use callout::actors::ports::store::{Commit, Committed, Epoch, StoreError};

use crate::harness::{Case, Fixture, Owner, TestResult, case, next, stored};

pub fn cases() -> Vec<Case> {
    vec![
        case(every_start_takes_a_higher_epoch),
        case(of_many_that_take_the_shards_at_once_the_last_has_them_all),
        case(a_predecessor_is_fenced_in_every_shard_and_writes_nothing),
        case(a_fenced_process_is_told_so_even_for_a_write_that_is_there),
        case(a_commit_without_ownership_is_fenced),
        case(a_process_whose_shards_were_taken_is_not_ready),
        case(before_anyone_took_them_the_shards_have_no_owner),
        case(the_identity_is_the_same_for_everyone_for_ever),
    ]
}

async fn every_start_takes_a_higher_epoch(fixture: Fixture) -> TestResult {
    let mut last = Epoch(0);
    for _ in 0..4 {
        let owner = fixture.own().await?;
        assert!(owner.epoch > last, "{:?} came after {last:?}", owner.epoch);
        last = owner.store.take_ownership().await?;
        assert!(last > owner.epoch, "taking them again is a new epoch, too");
    }
    Ok(())
}

async fn of_many_that_take_the_shards_at_once_the_last_has_them_all(fixture: Fixture) -> TestResult {
    let mut stores = Vec::new();
    for _ in 0..6 {
        stores.push(fixture.open().await?);
    }
    for round in 0..5 {
        let taking = stores.iter().map(|store| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.take_ownership().await })
        });
        let mut epochs = Vec::new();
        for taken in taking.collect::<Vec<_>>() {
            epochs.push(taken.await??);
        }
        epochs.sort();
        let last = *epochs.last().ok_or("nobody took them")?;
        assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]), "an epoch was given twice: {epochs:?}");
        for id in (0..200).map(|n| format!("{round}_{n}")) {
            let owner = Owner { store: Arc::clone(&stores[0]), epoch: epochs[0] };
            assert_eq!(owner.commit(&owner.first(&id)).await?, Committed::Fenced { found: last });
            let owner = Owner { epoch: last, ..owner };
            assert_eq!(owner.commit(&owner.first(&id)).await?, Committed::Ok);
        }
    }
    Ok(())
}

async fn a_predecessor_is_fenced_in_every_shard_and_writes_nothing(fixture: Fixture) -> TestResult {
    let old = fixture.own().await?;
    let ids: Vec<_> = (0..300).map(|n| format!("call_{n}")).collect();
    for id in &ids {
        old.put(&old.first(id)).await?;
    }
    let new = fixture.own().await?;
    let mut shards = std::collections::HashSet::new();
    for id in &ids {
        let first = old.first(id);
        let late = Commit { live: false, ..next(&first, 1) };
        assert_eq!(old.commit(&late).await?, Committed::Fenced { found: new.epoch });
        let there = new.load(&late).await?.ok_or("the first write is gone")?;
        assert_eq!((there.version, there.live), (1, true));
        shards.insert(late.entity.shard());
    }
    assert_eq!(shards.len(), 64, "the ids cover every shard");
    Ok(())
}

async fn a_fenced_process_is_told_so_even_for_a_write_that_is_there(fixture: Fixture) -> TestResult {
    let old = fixture.own().await?;
    let commit = old.first("a");
    old.put(&commit).await?;
    let new = fixture.own().await?;
    assert_eq!(old.commit(&commit).await?, Committed::Fenced { found: new.epoch });
    assert_eq!(new.load(&commit).await?, Some(stored(&commit)));
    let on = Commit { epoch: new.epoch, ..next(&commit, 1) };
    assert_eq!(new.commit(&on).await?, Committed::Ok);
    Ok(())
}

async fn a_commit_without_ownership_is_fenced(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    for epoch in [Epoch(0), Epoch(owner.epoch.0 + 7)] {
        let commit = Commit { epoch, ..owner.first("a") };
        assert_eq!(owner.commit(&commit).await?, Committed::Fenced { found: owner.epoch });
    }
    Ok(())
}

async fn a_process_whose_shards_were_taken_is_not_ready(fixture: Fixture) -> TestResult {
    let old = fixture.own().await?;
    let new = fixture.own().await?;
    let answer = old.store.ready().await;
    assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
    new.store.ready().await?;
    assert_eq!((old.store.owner().await?, new.store.owner().await?), (new.epoch, new.epoch));
    Ok(())
}

async fn before_anyone_took_them_the_shards_have_no_owner(fixture: Fixture) -> TestResult {
    assert_eq!(fixture.open().await?.owner().await?, Epoch(0));
    Ok(())
}

async fn the_identity_is_the_same_for_everyone_for_ever(fixture: Fixture) -> TestResult {
    let one = fixture.own().await?;
    let identity = one.store.identity().await?;
    let other = fixture.own().await?;
    assert_eq!(other.store.identity().await?, identity);
    one.store.close().await;
    other.store.close().await;
    assert_eq!(fixture.open().await?.identity().await?, identity);
    Ok(())
}
