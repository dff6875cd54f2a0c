//! How far the read model is behind: what operators are alarmed by.

use std::{sync::atomic::Ordering, time::Duration};

use callout::readmodel::ReadModel;

use crate::{
    fixture::{Life, Outcome, connect},
    world::{PATIENCE, World},
};

/// What the alert of docs/operations.md asks for.
const ALERT: Duration = Duration::from_secs(30);

/// Waits until the lag is as wanted.
async fn lag_is(model: &ReadModel, wanted: impl Fn(Duration) -> bool) -> Outcome {
    let reached = async {
        while !wanted(model.lag()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    reached.map_err(|_| format!("it lags by {:?}", model.lag()).into())
}

#[actix::test]
async fn while_the_file_cannot_be_written_the_lag_is_the_age_of_the_oldest_event_that_is_not_shown() -> Outcome {
    let world = World::with(|settings| settings.lock_timeout_ms = 100).await;
    let _feeder = world.start();
    let mut other = connect(&world.home).await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await?;
    // It happened in 2023: so long ago that the alert is due at once.
    let life = Life::whole("call_1", "mina", "kim", 0);
    world.commit(&life.events).await;
    lag_is(&world.model, |lag| lag > ALERT).await?;
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await?;
    world.caught_up(&life).await;
    lag_is(&world.model, |lag| lag.is_zero()).await
}

#[actix::test]
async fn while_the_store_cannot_be_read_the_lag_grows_though_nobody_knows_what_is_missing() -> Outcome {
    let world = World::new().await;
    let _feeder = world.start();
    let life = Life::whole("call_1", "mina", "kim", 0);
    world.commit(&life.events).await;
    world.caught_up(&life).await;
    lag_is(&world.model, |lag| lag.is_zero()).await?;
    world.store.silent.store(true, Ordering::Release);
    lag_is(&world.model, |lag| lag > Duration::from_millis(500)).await?;
    world.store.silent.store(false, Ordering::Release);
    lag_is(&world.model, |lag| lag.is_zero()).await
}

#[actix::test]
async fn while_the_feeder_is_parked_the_lag_grows() -> Outcome {
    let world = World::new().await;
    let feeder = world.start();
    while feeder.vitals().status() != callout::actors::supervision::Status::Parked {
        feeder.crash();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lag_is(&world.model, |lag| lag > Duration::from_secs(2)).await?;
    assert!(feeder.resume());
    lag_is(&world.model, |lag| lag.is_zero()).await
}

#[actix::test]
async fn a_backlog_that_comes_in_small_pages_is_read_page_after_page() -> Outcome {
    // A wait for the poll time would be noticed: it is longer than the test is patient.
    let world = World::with(|settings| settings.poll_ms = 60_000).await;
    world.store.page_max.store(3, Ordering::Release);
    let lives: Vec<_> = (0..40).map(|n| Life::whole(&format!("call_{n}"), "mina", "kim", n)).collect();
    for life in &lives {
        world.commit_together(&life.events).await;
    }
    let _feeder = world.start();
    for life in &lives {
        world.caught_up(life).await;
    }
    lag_is(&world.model, |lag| lag.is_zero()).await
}
