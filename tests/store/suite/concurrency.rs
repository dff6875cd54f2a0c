//! Many committers at once.

use callout::actors::ports::store::{Commit, Committed, EventCursor};

use crate::harness::{Case, Fixture, TestResult, assert_each_once_in_order, case, next, stored};

pub fn cases() -> Vec<Case> {
    vec![
        case(a_thousand_entities_commit_at_once),
        case(of_two_racing_writes_of_a_version_exactly_one_is_written),
        case(of_two_racing_owners_only_the_later_writes),
        case(the_same_write_sent_twice_at_once_is_written_once),
        case(writes_of_one_entity_in_one_group_are_taken_in_order),
    ]
}

async fn a_thousand_entities_commit_at_once(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let tasks: Vec<_> = (0..1000)
        .map(|n| {
            let owner = owner.clone();
            tokio::spawn(async move {
                let mut commit = owner.first(&format!("call_{n}"));
                for _ in 0..3 {
                    assert_eq!(owner.commit(&commit).await.ok(), Some(Committed::Ok));
                    commit = next(&commit, 2);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    for n in 0..1000 {
        let found = owner.load(&owner.first(&format!("call_{n}"))).await?;
        assert_eq!(found.map(|stored| stored.version), Some(5));
    }
    let (events, _) = owner.read_on(EventCursor::default(), 333).await?;
    assert_each_once_in_order(&events);
    assert_eq!(events.len(), 5000);
    Ok(())
}

async fn of_two_racing_writes_of_a_version_exactly_one_is_written(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    for round in 0..50 {
        let id = format!("call_{round}");
        let rivals = [owner.first(&id), owner.first(&id)];
        let (one, other) = tokio::join!(owner.commit(&rivals[0]), owner.commit(&rivals[1]));
        let won = match (one?, other?) {
            (Committed::Ok, Committed::Conflict { found: 1 }) => &rivals[0],
            (Committed::Conflict { found: 1 }, Committed::Ok) => &rivals[1],
            both => return Err(format!("{both:?}").into()),
        };
        assert_eq!(owner.load(won).await?, Some(stored(won)));
        assert_eq!(owner.commit(won).await?, Committed::Duplicate, "it is the winner's write that is there");
    }
    Ok(())
}

async fn of_two_racing_owners_only_the_later_writes(fixture: Fixture) -> TestResult {
    let mut owner = fixture.own().await?;
    let mut commit = owner.first("a");
    owner.put(&commit).await?;
    for _ in 0..10 {
        let successor = fixture.own().await?;
        let (late, on) = (next(&commit, 1), Commit { epoch: successor.epoch, ..next(&commit, 1) });
        let (lost, won) = tokio::join!(owner.commit(&late), successor.commit(&on));
        assert_eq!(lost?, Committed::Fenced { found: successor.epoch });
        assert_eq!(won?, Committed::Ok);
        (owner, commit) = (successor, on);
    }
    Ok(())
}

async fn the_same_write_sent_twice_at_once_is_written_once(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let commit = owner.first("a");
    let (one, other) = tokio::join!(owner.commit(&commit), owner.commit(&commit));
    // Two groups may be under way at once, so either may arrive first.
    let answers = [one?, other?];
    assert!(answers.contains(&Committed::Ok) && answers.contains(&Committed::Duplicate), "{answers:?}");
    let (events, _) = owner.read_on(EventCursor::default(), 10).await?;
    assert_eq!(events.len(), 1);
    Ok(())
}

async fn writes_of_one_entity_in_one_group_are_taken_in_order(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let first = owner.first("a");
    let second = next(&first, 1);
    let third = next(&second, 1);
    let plug = owner.first("b");
    let (_, one, two, three) =
        tokio::join!(owner.commit(&plug), owner.commit(&first), owner.commit(&second), owner.commit(&third));
    assert_eq!((one?, two?, three?), (Committed::Ok, Committed::Ok, Committed::Ok));
    assert_eq!(owner.load(&first).await?, Some(stored(&third)));
    Ok(())
}
