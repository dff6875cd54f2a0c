//! Events that are missing: another process followed the stream meanwhile, with a file of its own, and had it trimmed.

use callout::{
    actors::ports::store::{EventCursor, EventRecord, Store},
    domain::{Role, call::Call},
    readmodel::{CallFilter, Extent, NoticeFilter, ReadModel, TimelineEntry},
};

use crate::{
    fixture::{Life, Outcome, connect, customer, policies, timeline_in_pages, timeline_of},
    world::{PATIENCE, World, next_told},
};

/// Has the stream trimmed of everything that is in it, as by a process with another file.
async fn followed_by_another(world: &World) -> Outcome {
    let mut cursor = EventCursor::default();
    loop {
        let page = world.store.events(cursor.clone(), 1_000).await?;
        if page.next == cursor {
            return Ok(world.store.trim_events(cursor).await?);
        }
        cursor = page.next;
    }
}

/// Has a process follow up to here, which then ends. The next one has opened the file, and does not follow yet.
async fn followed_up_to(
    world: World,
    life: &Life,
    events: &[EventRecord],
) -> Result<World, Box<dyn std::error::Error>> {
    let _feeder = world.start();
    world.commit(events).await;
    assert!(world.model.caught_up_to(&life.state().id, events.len() as u64, PATIENCE).await);
    next_process(world).await
}

/// The same file, opened by the next process.
async fn next_process(world: World) -> Result<World, Box<dyn std::error::Error>> {
    world.model.close().await;
    let identity = world.store.identity().await?;
    let model = ReadModel::open(world.home.settings(), identity, policies()).await?;
    Ok(World { model, ..world })
}

async fn calls(model: &ReadModel, filter: CallFilter<'_>) -> Result<Vec<Call>, Box<dyn std::error::Error>> {
    Ok(model.calls(filter, 50, None).await?.items)
}

async fn shown_is(world: &World, wanted: &[Call]) -> Outcome {
    let shown = async {
        while calls(&world.model, CallFilter::default()).await.expect("a list") != wanted {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, shown).await.is_err() {
        return Err(format!("{:?}", calls(&world.model, CallFilter::default()).await?).into());
    }
    Ok(())
}

/// Each entry's number and kind.
fn outline(timeline: &[TimelineEntry]) -> Vec<(u64, &str)> {
    timeline.iter().map(|entry| (entry.seq, entry.event.as_str())).collect()
}

#[actix::test]
async fn a_call_whose_events_were_missed_is_shown_as_the_store_has_it_with_its_next_event() -> Outcome {
    let world = World::new().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    let count = life.events.len();
    let world = followed_up_to(world, &life, &life.events[..3]).await?;
    world.commit(&life.events[3..count - 1]).await;
    followed_by_another(&world).await?;
    let mut mina = world.listener(Role::Customer, "mina");
    let _feeder = world.start();
    world.commit(&life.events[count - 1..]).await;
    shown_is(&world, &[life.state().clone()]).await?;
    assert_eq!(next_told(&mut mina).await["occasion"], "completed", "who is told what happened now");
    let timeline = timeline_of(&world.model, &life.state().id).await?;
    let last = count as u64;
    let seen: Vec<_> = timeline.iter().map(|entry| entry.seq).collect();
    assert_eq!(seen, [1, 2, 3, 4, last]);
    let gap = &timeline[3];
    assert_eq!((gap.event.as_str(), gap.cause.as_str()), ("history_missing", "readmodel"));
    let said = gap.description.as_ref().ok_or("no words")?;
    assert_eq!(said.en, format!("What happened from number 4 to {} is not recorded here", last - 1));
    assert!(timeline[4].description.is_some(), "what happened last is told in words");
    for limit in 1..4 {
        let pages = timeline_in_pages(&world.model, &life.state().id, Extent::Whole, limit).await?;
        assert_eq!(outline(&pages), outline(&timeline), "in pages of {limit}");
    }
    assert_eq!(world.model.states_after(&life.state().id, 0).await?.last(), life.call.as_ref());
    Ok(())
}

#[actix::test]
async fn a_call_that_ended_meanwhile_is_not_open_any_more_when_the_process_has_started() -> Outcome {
    let world = World::new().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    let world = followed_up_to(world, &life, &life.events[..3]).await?;
    world.commit(&life.events[3..]).await;
    followed_by_another(&world).await?;
    let mut mina = world.listener(Role::Customer, "mina");
    let _feeder = world.start();
    shown_is(&world, &[life.state().clone()]).await?;
    assert_eq!(world.model.summary(Role::Customer, "mina", None).await?.calls["completed"], 1);
    let timeline = timeline_of(&world.model, &life.state().id).await?;
    assert_eq!(outline(&timeline[3..]), [(4, "history_missing")], "its history says that it lacks the end");
    assert_eq!(world.model.states_after(&life.state().id, 0).await?.last(), life.call.as_ref());
    let other = Life::new("call_2", "mina", 9).paid(&[]);
    world.commit(&other.events).await;
    assert_eq!(next_told(&mut mina).await["call"], "call_2", "nobody is told what is over");
    Ok(())
}

#[actix::test]
async fn a_call_that_was_made_meanwhile_is_listed_when_the_process_has_started() -> Outcome {
    let world = World::new().await;
    let life = Life::new("call_1", "mina", 0).paid(&["kim"]);
    world.commit(&life.events).await;
    followed_by_another(&world).await?;
    let _feeder = world.start();
    shown_is(&world, &[life.state().clone()]).await?;
    let timeline = timeline_of(&world.model, &life.state().id).await?;
    assert_eq!(outline(&timeline), [(1, "history_missing")]);
    let cancelled = Life::new("call_1", "mina", 0).paid(&["kim"]).cancelled_by(customer("mina"));
    world.commit(&cancelled.events[life.events.len()..]).await;
    world.caught_up(&cancelled).await;
    shown_is(&world, &[cancelled.state().clone()]).await
}

#[actix::test]
async fn an_open_call_that_the_store_no_longer_has_is_not_listed() -> Outcome {
    let world = World::new().await;
    let life = Life::new("call_1", "mina", 0).paid(&["kim"]);
    let world = followed_up_to(world, &life, &life.events).await?;
    let file = world.home.folder.path().join("store.db");
    let mut store =
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite://{}", file.display())).await?;
    sqlx::raw_sql("DELETE FROM snapshots").execute(&mut store).await?;
    let _feeder = world.start();
    shown_is(&world, &[]).await?;
    assert!(world.model.summary(Role::Customer, "mina", None).await?.calls.values().all(|count| *count == 0));
    assert_eq!(timeline_of(&world.model, &life.state().id).await?.len(), life.events.len(), "its history stays");
    Ok(())
}

#[actix::test]
async fn what_the_store_had_is_still_known_when_the_views_are_made_anew() -> Outcome {
    let mut world = World::new().await;
    let ended = Life::whole("call_1", "mina", "kim", 0);
    let going_on = Life::whole("call_2", "jun", "lee", 1);
    for life in [&ended, &going_on] {
        world = followed_up_to(world, life, &life.events[..3]).await?;
    }
    world.commit(&ended.events[3..]).await;
    world.commit(&going_on.events[3..6]).await;
    followed_by_another(&world).await?;
    let _feeder = world.start();
    world.commit(&going_on.events[6..]).await;
    let shown = [going_on.state().clone(), ended.state().clone()];
    shown_is(&world, &shown).await?;
    world.model.close().await;
    let mut sql = connect(&world.home).await?;
    sqlx::raw_sql("PRAGMA user_version = 0").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let world = next_process(world).await?;
    assert_eq!(calls(&world.model, CallFilter::default()).await?, shown, "without a feeder");
    Ok(())
}

#[actix::test]
async fn what_comes_with_the_stream_was_not_missed() -> Outcome {
    let world = World::with(|settings| settings.batch_max = 2).await;
    let lives: Vec<_> = (0..20).map(|n| Life::whole(&format!("call_{n:02}"), "mina", "kim", n)).collect();
    for life in &lives {
        world.commit(&life.events[..2]).await;
    }
    let feeder = world.start();
    for life in &lives {
        world.commit(&life.events[2..]).await;
    }
    for life in &lives {
        world.caught_up(life).await;
        let timeline = timeline_of(&world.model, &life.state().id).await?;
        assert_eq!(timeline.len(), life.events.len(), "{:?}", outline(&timeline));
    }
    drop(feeder);
    assert_eq!(
        world.model.notifications(Role::Customer, &["mina"], NoticeFilter::default(), 200, None).await?.items.len(),
        80
    );
    Ok(())
}
