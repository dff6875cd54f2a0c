//! The feeder on a real store: it follows, catches up, hands over what people are told, and survives what happens to it.

use std::time::Duration;

use callout::{
    actors::{
        hub::Listener,
        ports::store::{EventCursor, Store},
        supervision::Status,
    },
    domain::{Role, payment::PaymentStatus},
    readmodel::{NoticeFilter, ReadModel},
};

use crate::{
    fixture::{Life, Outcome, call_id, connect, counted, policies, timeline_of},
    world::{PATIENCE, World, next_told},
};

#[actix::test]
async fn what_is_committed_is_shown_and_told_in_order() -> Outcome {
    let world = World::new().await;
    let mut mina = world.listener(Role::Customer, "mina");
    let mut kim = world.listener(Role::Driver, "kim");
    let mut jun = world.listener(Role::Customer, "jun");
    let _feeder = world.start();
    let life = Life::whole("call_1", "mina", "kim", 0);
    world.commit(&life.events).await;
    world.caught_up(&life).await;
    for occasion in ["paid", "assigned", "started", "completed"] {
        let told = next_told(&mut mina).await;
        assert_eq!((&told["occasion"], &told["call"]), (&occasion.into(), &"call_1".into()));
        assert!(told["text"]["ko"].is_string() && told["text"]["en"].is_string() && told["at"].is_string(), "{told}");
        assert_eq!(told["receiver"], serde_json::json!({"role": "customer", "id": "mina"}));
    }
    assert_eq!(next_told(&mut kim).await["occasion"], "offer");
    assert_eq!(next_told(&mut kim).await["occasion"], "assigned");
    let other = Life::whole("call_2", "jun", "lee", 1);
    world.commit(&other.events).await;
    assert_eq!(next_told(&mut jun).await["call"], "call_2", "the other call is none of jun's business");
    Ok(())
}

#[actix::test]
async fn cl_n2_after_an_outage_everything_is_shown_and_told_once_and_in_order() -> Outcome {
    let world = World::with(|settings| settings.batch_max = 64).await;
    let lives: Vec<_> = (0..250).map(|n| Life::whole(&format!("call_{n:03}"), "mina", "kim", n)).collect();
    for life in &lives {
        world.commit_together(&life.events).await;
    }
    let mut mina = world.listener(Role::Customer, "mina");
    let _feeder = world.start();
    for life in &lives {
        world.caught_up(life).await;
        assert_eq!(world.model.states_after(&life.state().id, 0).await?.last(), life.call.as_ref());
    }
    let mut last = 0;
    let mut told = Vec::new();
    for _ in 0..1_000 {
        let notice = next_told(&mut mina).await;
        let id: u64 = notice["id"].as_str().ok_or("no id")?.parse()?;
        assert!(id > last, "{id} after {last}");
        last = id;
        told.push(format!("{} {}", notice["call"], notice["occasion"]));
    }
    assert!(counted(told).values().all(|count| *count == 1));
    is_told_nothing_more(&world, &mut mina).await;
    Ok(())
}

#[actix::test]
async fn crashes_lose_nothing_and_repeat_nothing() -> Outcome {
    let world = World::with(|settings| settings.batch_max = 3).await;
    let mut mina = world.listener(Role::Customer, "mina");
    let feeder = world.start();
    let lives: Vec<_> = (0..30).map(|n| Life::whole(&format!("call_{n:02}"), "mina", "kim", n)).collect();
    for (index, life) in lives.iter().enumerate() {
        world.commit_together(&life.events).await;
        if index % 10 == 5 {
            feeder.crash();
        }
    }
    for life in &lives {
        world.caught_up(life).await;
    }
    let mut told = Vec::new();
    for _ in 0..120 {
        told.push(next_told(&mut mina).await["id"].to_string());
    }
    assert!(counted(told).values().all(|count| *count == 1));
    is_told_nothing_more(&world, &mut mina).await;
    assert!(feeder.vitals().restarts() >= 1);
    Ok(())
}

#[actix::test]
async fn while_it_is_parked_commits_go_on_and_when_it_is_resumed_it_catches_up() -> Outcome {
    let world = World::new().await;
    let feeder = world.start();
    while feeder.vitals().status() != Status::Parked {
        feeder.crash();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let life = Life::whole("call_1", "mina", "kim", 0);
    world.commit(&life.events).await;
    assert!(!world.model.caught_up_to(&life.state().id, 1, Duration::from_millis(100)).await, "it is parked");
    assert!(feeder.resume());
    world.caught_up(&life).await;
    assert_eq!(
        world.model.notifications(Role::Customer, &["mina"], NoticeFilter::default(), 50, None).await?.items.len(),
        4
    );
    Ok(())
}

#[actix::test]
async fn the_stream_is_trimmed_behind_it_and_a_restart_goes_on_where_it_was() -> Outcome {
    let world = World::new().await;
    let feeder = world.start();
    let life = Life::whole("call_1", "mina", "kim", 0);
    world.commit(&life.events[..6]).await;
    let id = call_id("call_1");
    assert!(world.model.caught_up_to(&id, 6, PATIENCE).await);
    let trimmed = async {
        while !world.store.events(EventCursor::default(), 10).await.expect("events").events.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, trimmed).await?;
    feeder.crash();
    world.commit(&life.events[6..]).await;
    world.caught_up(&life).await;
    assert_eq!(timeline_of(&world.model, &id).await?.len(), life.events.len());
    assert_eq!(
        world.model.notifications(Role::Customer, &["mina"], NoticeFilter::default(), 50, None).await?.items.len(),
        4
    );
    Ok(())
}

#[actix::test]
async fn what_was_told_before_a_restart_of_the_process_is_not_told_again() -> Outcome {
    let world = World::new().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    let feeder = world.start();
    world.commit(&life.events[..6]).await;
    assert!(world.model.caught_up_to(&call_id("call_1"), 6, PATIENCE).await);
    drop(feeder);
    world.model.close().await;
    let identity = world.store.identity().await?;
    let world = World { model: ReadModel::open(world.home.settings(), identity, policies()).await?, ..world };
    let mut mina = world.listener(Role::Customer, "mina");
    let _feeder = world.start();
    world.commit(&life.events[6..]).await;
    assert_eq!(next_told(&mut mina).await["occasion"], "started");
    assert_eq!(next_told(&mut mina).await["occasion"], "completed");
    Ok(())
}

#[actix::test]
async fn operators_are_told_once_of_a_payment_whose_outcome_is_unknown_for_too_long() -> Outcome {
    let world = World::with(|settings| settings.payment_unknown_ms = 1).await;
    let mut operator = world.listener(Role::Operator, "driver-call");
    let mut life = Life::new("call_1", "mina", 0);
    life.news(PaymentStatus::Unknown, &[]);
    let settled = {
        let mut settled = Life::new("call_2", "jun", 0);
        settled.news(PaymentStatus::Unknown, &[]);
        settled.paid(&[])
    };
    world.commit_together(&life.events).await;
    world.commit_together(&settled.events).await;
    let _feeder = world.start();
    let told = next_told(&mut operator).await;
    assert_eq!((&told["occasion"], &told["call"]), (&"payment_unknown_long".into(), &"call_1".into()));
    // Whoever is told of the next one was looked for again, and so was the first.
    let mut next = Life::new("call_3", "lee", 0);
    next.news(PaymentStatus::Unknown, &[]);
    world.commit_together(&next.events).await;
    assert_eq!(next_told(&mut operator).await["call"], "call_3", "nothing is told twice");
    assert_eq!(
        world
            .model
            .notifications(Role::Operator, &["driver-call"], NoticeFilter::default(), 50, None)
            .await?
            .items
            .len(),
        2
    );
    Ok(())
}

#[actix::test]
async fn a_file_that_cannot_be_written_holds_it_up_and_it_goes_on_by_itself() -> Outcome {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
    let world = World::with(|settings| settings.lock_timeout_ms = 50).await;
    let mut mina = world.listener(Role::Customer, "mina");
    let feeder = world.start();
    let mut other = SqliteConnectOptions::new().filename(world.home.settings().file()).connect().await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await?;
    let life = Life::whole("call_1", "mina", "kim", 0);
    world.commit(&life.events).await;
    assert!(!world.model.caught_up_to(&life.state().id, 1, Duration::from_millis(400)).await, "the file is locked");
    assert_eq!((feeder.vitals().status(), feeder.vitals().restarts()), (Status::Running, 0));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await?;
    other.close().await?;
    world.caught_up(&life).await;
    for occasion in ["paid", "assigned", "started", "completed"] {
        assert_eq!(next_told(&mut mina).await["occasion"], occasion);
    }
    Ok(())
}

/// Checks that mina is told nothing but what happens from now on.
async fn is_told_nothing_more(world: &World, mina: &mut Listener) {
    let life = Life::whole("call_after_all", "mina", "kim", 0);
    world.commit_together(&life.events).await;
    assert_eq!(next_told(mina).await["call"], "call_after_all", "nothing is told twice");
}

/// How long the log of the read model's file is, bytes.
fn log_length(world: &World) -> u64 {
    let mut log = world.home.settings().file().into_os_string();
    log.push("-wal");
    std::fs::metadata(log).map_or(0, |log| log.len())
}

#[actix::test]
async fn the_log_is_cut_when_it_is_too_long_and_the_read_that_held_it_up_has_ended() -> Outcome {
    use sqlx::Connection;
    const LOG_MAX: u64 = 256 << 10;
    let world = World::with(|settings| {
        settings.log_max_bytes = LOG_MAX;
        settings.lock_timeout_ms = 50;
    })
    .await;
    let mut reader = connect(&world.home).await?;
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM calls").execute(&mut reader).await?;
    let _feeder = world.start();
    let mut calls = 0;
    while log_length(&world) <= LOG_MAX {
        let life = Life::whole(&format!("call_{calls}"), "mina", "kim", calls);
        world.commit(&life.events).await;
        world.caught_up(&life).await;
        calls += 1;
    }
    let length = log_length(&world);
    let life = Life::whole("call_more", "mina", "kim", calls);
    world.commit(&life.events).await;
    world.caught_up(&life).await;
    assert!(log_length(&world) >= length, "what the read still needs is there");
    reader.close().await?;
    let cut = async {
        while log_length(&world) > LOG_MAX {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cut).await?;
    let count = world.model.summary(Role::Customer, "mina", None).await?.calls["completed"];
    assert_eq!(count, u64::try_from(calls)? + 1);
    Ok(())
}
