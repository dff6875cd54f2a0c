//! Long histories: read in pages, each at the same cost, and replayed within a bound.

use callout::{
    domain::{
        Machine, Role,
        call::{Call, CallMachine, Command},
    },
    readmodel::{CallFilter, Extent, REPLAY_MAX, ReadError, TIMELINE_MAX},
};

use crate::fixture::{
    Home, Life, Outcome, call_id, connect, customer, driver_id, feed, timeline_in_pages, timeline_of,
};
use crate::lists::SHAPE_2;

/// The call after each of its events.
fn states(life: &Life) -> Result<Vec<Call>, serde_json::Error> {
    let mut state = None;
    let mut states: Vec<Call> = Vec::new();
    for record in &life.events {
        let body: serde_json::Value = serde_json::from_str(&record.body)?;
        state = CallMachine::evolve(state, &serde_json::from_value(body["event"].clone())?, record.at);
        states.extend(state.clone());
    }
    Ok(states)
}

#[tokio::test]
async fn a_long_timeline_comes_in_pages_each_entry_once() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::long("call_1", "mina", 1_700);
    let (first, rest) = life.events.split_at(7);
    let (second, third) = rest.split_at(640);
    for piece in [first, second, third] {
        feed(&model, piece).await?;
    }
    let all = timeline_in_pages(&model, &call_id("call_1"), Extent::Whole, 1_000).await?;
    let numbers: Vec<_> = all.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=life.events.len() as u64).collect::<Vec<_>>());
    assert!(all.iter().all(|entry| entry.description.is_some() && entry.cause == "customer/mina"));
    for limit in [3, 200, 499, 500] {
        assert_eq!(
            timeline_in_pages(&model, &call_id("call_1"), Extent::Whole, limit).await?,
            all,
            "{limit} at a time"
        );
    }
    let most = model.timeline(&call_id("call_1"), Extent::Whole, usize::MAX, None).await?;
    assert_eq!(most.items.len(), TIMELINE_MAX);
    Ok(())
}

#[tokio::test]
async fn a_long_history_is_read_from_the_nearest_state_that_was_kept() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::long("call_1", "mina", 1_700);
    feed(&model, &life.events).await?;
    let first = model.timeline(&call_id("call_1"), Extent::Whole, 1_000, None).await?;
    // Whoever reads on does not read what lies before the state at the thousandth event.
    let mut sql = connect(&home).await?;
    sqlx::raw_sql("DELETE FROM call_history WHERE seq < 900").execute(&mut sql).await?;
    let rest = model.timeline(&call_id("call_1"), Extent::Whole, 1_000, first.next_cursor.as_deref()).await?;
    let numbers: Vec<_> = rest.items.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1_001..=life.events.len() as u64).collect::<Vec<_>>());
    assert!(rest.items.iter().all(|entry| entry.description.is_some()));
    Ok(())
}

#[tokio::test]
async fn the_end_of_a_long_history_is_known_on_every_page() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let mut life = Life::long("call_1", "mina", 1_200).cancelled_by(customer("mina"));
    let end = life.events.len();
    for _ in 0..3 {
        life.news(callout::domain::payment::PaymentStatus::Created, &[]);
    }
    assert!(life.events.len() > end, "of a call that is over the money still moves");
    feed(&model, &life.events).await?;
    let whole = timeline_of(&model, &call_id("call_1")).await?;
    assert_eq!(whole.len(), life.events.len());
    let known = timeline_in_pages(&model, &call_id("call_1"), Extent::UpToItsEnd, 500).await?;
    assert_eq!(known, whole[..end]);
    let behind = model.timeline(&call_id("call_1"), Extent::Whole, end + 1, None).await;
    let cursor = model.timeline(&call_id("call_1"), Extent::Whole, 1_000, None).await?.next_cursor;
    assert!(behind.is_ok() && cursor.is_some());
    Ok(())
}

#[tokio::test]
async fn of_a_long_history_the_latest_states_are_replayed() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::long("call_1", "mina", 1_700);
    feed(&model, &life.events).await?;
    let states = states(&life)?;
    assert_eq!(model.states_after(&call_id("call_1"), 0).await?, states[states.len() - REPLAY_MAX..]);
    assert_eq!(model.states_after(&call_id("call_1"), 1_600).await?, states[1_600..]);
    Ok(())
}

#[tokio::test]
async fn a_cursor_is_good_for_the_timeline_of_its_own_call_only() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for id in ["call_1", "call_2"] {
        feed(&model, &Life::whole(id, "mina", "kim", 0).events).await?;
    }
    let page = model.timeline(&call_id("call_1"), Extent::Whole, 3, None).await?;
    let cursor = page.next_cursor.ok_or("no next page")?;
    let calls = model.calls(CallFilter::default(), 1, None).await?.next_cursor.ok_or("no next page")?;
    for bad in [cursor.as_str(), calls.as_str(), "garbage"] {
        let refused = model.timeline(&call_id("call_2"), Extent::Whole, 3, Some(bad)).await;
        assert!(matches!(refused, Err(ReadError::BadCursor)), "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn a_file_without_kept_states_is_taken_over() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::long("call_1", "mina", 1_200);
    feed(&model, &life.events).await?;
    let mut given_back = Life::new("call_2", "mina", 0).paid(&["kim"]).taken_by("kim");
    given_back.tell(&Command::GiveBack { driver: driver_id("kim") }, "driver/kim");
    feed(&model, &given_back.events).await?;
    feed(&model, &Life::whole("call_3", "mina", "kim", 1).events).await?;
    model.close().await;
    let mut sql = connect(&home).await?;
    sqlx::raw_sql(SHAPE_2).execute(&mut sql).await?;
    sqlx::raw_sql("DROP TABLE call_states; PRAGMA user_version = 1").execute(&mut sql).await?;
    sqlx::raw_sql("UPDATE calls SET driver_id = 'kim' WHERE id = 'call_2'").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let model = home.open().await;
    let served = model.me_calls(Role::Driver, "kim", CallFilter::default(), 50, None).await?;
    assert_eq!(served.items.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["call_3"]);
    assert_eq!(timeline_of(&model, &call_id("call_1")).await?.len(), life.events.len());
    let mut sql = connect(&home).await?;
    let kept: Vec<(String, i64)> =
        sqlx::query_as("SELECT id, seq FROM call_states ORDER BY seq").fetch_all(&mut sql).await?;
    assert_eq!(kept, [("call_1".to_owned(), 500), ("call_1".to_owned(), 1_000)]);
    Ok(())
}
