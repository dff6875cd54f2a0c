//! Each event counts once, in whatever pieces it arrives.

use callout::{
    domain::Role,
    readmodel::{ApplyError, CallFilter, DriverFilter, NoticeFilter, ReadModel, Snapshots},
};

use crate::fixture::{
    Home, IDENTITY, Life, Outcome, at, call_id, connect, counted, cursor, feed, no_eta, page, record, registered,
    timeline_of, told_in_pages,
};

async fn occasions(model: &ReadModel, role: Role, id: &str) -> Vec<String> {
    let notices = model.notifications(role, &[id], NoticeFilter::default(), 200, None).await.expect("notifications");
    notices.items.into_iter().map(|notice| notice.occasion).rev().collect()
}

#[tokio::test]
async fn a_call_is_shown_as_its_events_made_it() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    assert_eq!(feed(&model, &life.events).await?, life.events.len());
    let shown = model.me_calls(Role::Customer, "mina", CallFilter::default(), 50, None).await?;
    assert_eq!(shown.items, [life.state().clone()]);
    let had = model.me_calls(Role::Driver, "kim", CallFilter::default(), 50, None).await?;
    assert_eq!(had.items, [life.state().clone()]);
    assert!(model.me_calls(Role::Driver, "other-1", CallFilter::default(), 50, None).await?.items.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_event_that_comes_again_counts_once() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    let (first, last) = life.events.split_at(4);
    feed(&model, first).await?;
    assert_eq!(feed(&model, first).await?, 0);
    let twice: Vec<_> = life.events.iter().chain(last).cloned().collect();
    assert_eq!(feed(&model, &twice).await?, last.len());
    assert_eq!(timeline_of(&model, &call_id("call_1")).await?.len(), life.events.len());
    let told = occasions(&model, Role::Customer, "mina").await;
    assert_eq!(told, ["paid", "assigned", "started", "completed"]);
    Ok(())
}

#[tokio::test]
async fn a_page_that_does_not_begin_where_it_stands_is_refused_and_changes_nothing() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    model.apply(&cursor(""), &page(&life.events[..2], "2"), &no_eta(), &Snapshots::default()).await?;
    let refused = model.apply(&cursor(""), &page(&life.events, "9"), &no_eta(), &Snapshots::default()).await;
    assert!(matches!(refused, Err(ApplyError::Stale { found }) if found == "2"));
    assert_eq!(model.cursor().await?, cursor("2"));
    assert_eq!(timeline_of(&model, &call_id("call_1")).await?.len(), 2);
    model.apply(&cursor("2"), &page(&life.events[2..], "9"), &no_eta(), &Snapshots::default()).await?;
    assert_eq!(timeline_of(&model, &call_id("call_1")).await?.len(), life.events.len());
    Ok(())
}

#[tokio::test]
async fn a_transaction_cut_off_at_any_moment_leaves_all_of_it_or_nothing() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let lives: Vec<_> = (0..40).map(|n| Life::whole(&format!("call_{n}"), "mina", "kim", n)).collect();
    let events: Vec<_> = lives.iter().flat_map(|life| life.events.clone()).collect();
    let mut cut = 0;
    for (index, piece) in events.chunks(8).enumerate() {
        // Dropped after so many microseconds, from at once to longer than it takes.
        for wait in [0, 200, 500, 1_000, 2_000, 4_000, 60_000_000] {
            let from = model.cursor().await?;
            let next = page(piece, &(index + 1).to_string());
            if from == next.next {
                break;
            }
            let (eta, none) = (no_eta(), Snapshots::default());
            let applying = model.apply(&from, &next, &eta, &none);
            match tokio::time::timeout(std::time::Duration::from_micros(wait), applying).await {
                Ok(Ok(_) | Err(ApplyError::Stale { .. })) => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => cut += 1,
            }
        }
    }
    assert!(cut > 0, "nothing was cut off");
    for life in &lives {
        let timeline = timeline_of(&model, &life.state().id).await?;
        assert_eq!(timeline.len(), life.events.len());
        assert_eq!(model.states_after(&life.state().id, 0).await?.last(), life.call.as_ref());
    }
    let told = counted(occasions(&model, Role::Customer, "mina").await);
    assert_eq!(told.values().copied().collect::<Vec<_>>(), [40, 40, 40, 40], "{told:?}");
    Ok(())
}

#[tokio::test]
async fn events_of_different_calls_may_come_in_any_order() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let lives: Vec<_> = (0..5).map(|n| Life::whole(&format!("call_{n}"), "mina", "kim", n * 10)).collect();
    // The last call's first event first, and so on: each call's own order holds, nothing else does.
    for seq in 0..8 {
        let mixed: Vec<_> = lives.iter().rev().filter_map(|life| life.events.get(seq).cloned()).collect();
        feed(&model, &mixed).await?;
    }
    for life in &lives {
        let states = model.states_after(&life.state().id, 0).await?;
        assert_eq!(states.last(), life.call.as_ref());
    }
    let shown = model.calls(CallFilter::default(), 50, None).await?;
    let ids: Vec<_> = shown.items.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["call_4", "call_3", "call_2", "call_1", "call_0"], "latest first");
    Ok(())
}

#[tokio::test]
async fn what_was_applied_is_there_after_a_restart() -> Outcome {
    let home = Home::new();
    let life = Life::whole("call_1", "mina", "kim", 0);
    {
        let model = home.open().await;
        feed(&model, &life.events[..5]).await?;
        model.close().await;
        assert!(model.cursor().await.is_err(), "it is closed");
        assert!(!home.folder.path().join("readmodel.db-wal").exists(), "its log is folded into the file");
    }
    let model = home.open().await;
    assert_eq!(model.cursor().await?, cursor("1"));
    feed(&model, &life.events).await?;
    assert_eq!(occasions(&model, Role::Customer, "mina").await.len(), 4);
    assert_eq!(model.states_after(&call_id("call_1"), 0).await?.last(), life.call.as_ref());
    Ok(())
}

#[tokio::test]
async fn views_of_an_older_release_are_made_anew_from_the_history() -> Outcome {
    let home = Home::new();
    let lives: Vec<_> = (0..30).map(|n| Life::whole(&format!("call_{n}"), "mina", "kim", n)).collect();
    let model = home.open().await;
    for life in &lives {
        feed(&model, &life.events).await?;
    }
    feed(&model, &registered("kim", 0)).await?;
    let before = model.calls(CallFilter::default(), 200, None).await?;
    model.close().await;
    let mut sql = connect(&home).await?;
    sqlx::raw_sql("DELETE FROM calls; DROP TABLE drivers; PRAGMA user_version = 0").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let model = home.open().await;
    assert_eq!(model.calls(CallFilter::default(), 200, None).await?, before);
    assert_eq!(model.drivers(DriverFilter::default(), 50, None).await?.items.len(), 1);
    assert_eq!(occasions(&model, Role::Customer, "mina").await.len(), 120, "nobody is told anything again");
    assert_eq!(model.cursor().await?, cursor("31"));
    Ok(())
}

#[tokio::test]
async fn a_file_with_a_row_for_each_notification_is_taken_over() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed(&model, &Life::whole("call_1", "mina", "kim", 0).events[..1]).await?;
    model.close().await;
    let mut sql = connect(&home).await?;
    sqlx::raw_sql("ALTER TABLE notifications DROP COLUMN more").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let model = home.open().await;
    feed(&model, &Life::whole("call_2", "mina", "kim", 0).events).await?;
    assert_eq!(occasions(&model, Role::Customer, "mina").await.len(), 4);
    Ok(())
}

#[tokio::test]
async fn files_of_a_later_release_and_of_other_programs_are_left_alone() -> Outcome {
    let home = Home::new();
    home.open().await.close().await;
    let mut sql = connect(&home).await?;
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let refused = ReadModel::open(home.settings(), IDENTITY, crate::fixture::policies()).await;
    let Err(error) = refused else { return Err("it was opened".into()) };
    assert!(error.to_string().contains("schema 99"), "{error}");
    let other = Home::new();
    let mut sql = connect(&other).await?;
    sqlx::raw_sql("CREATE TABLE theirs (a)").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let refused = ReadModel::open(other.settings(), IDENTITY, crate::fixture::policies()).await;
    let Err(error) = refused else { return Err("it was opened".into()) };
    assert!(error.to_string().contains("not a read model"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_unreadable_event_is_kept_and_holds_nobody_up() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let mut life = Life::whole("call_1", "mina", "kim", 0);
    life.events[2].body = r#"{"event":{"type":"teleported","to":"mars"},"by":"customer/mina","trace":"t"}"#.to_owned();
    feed(&model, &life.events).await?;
    let timeline = timeline_of(&model, &call_id("call_1")).await?;
    assert_eq!(timeline.len(), life.events.len());
    assert_eq!((timeline[2].event.as_str(), &timeline[2].description), ("teleported", &None));
    let shown = model.calls(CallFilter::default(), 1, None).await?;
    assert_eq!(shown.items[0].version, life.state().version);
    Ok(())
}

#[tokio::test]
async fn events_whose_call_never_began_here_are_kept_and_hold_nobody_up() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    feed(&model, &life.events[3..]).await?;
    assert!(model.calls(CallFilter::default(), 1, None).await?.items.is_empty());
    let timeline = timeline_of(&model, &call_id("call_1")).await?;
    let events: Vec<_> = timeline.iter().map(|entry| (entry.seq, entry.event.as_str())).collect();
    assert_eq!(events[..2], [(1, "history_missing"), (4, "dispatch_started")]);
    assert_eq!(events.len(), 1 + life.events.len() - 3);
    Ok(())
}

#[tokio::test]
async fn after_an_outage_of_10_000_events_all_of_them_are_there_once() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let lives: Vec<_> = (0..1_250).map(|n| Life::whole(&format!("call_{n:04}"), "mina", "kim", n)).collect();
    let events: Vec<_> =
        (0..8).flat_map(|seq| lives.iter().filter_map(move |life| life.events.get(seq))).cloned().collect();
    assert_eq!(events.len(), 10_000);
    for piece in events.chunks(500) {
        feed(&model, piece).await?;
    }
    let summary = model.summary(Role::Customer, "mina", None).await?;
    assert_eq!(summary.calls.into_iter().collect::<Vec<_>>(), [("completed".to_owned(), 1_250)]);
    let told = told_in_pages(&model, Role::Customer, "mina", 200).await?;
    let mut told: Vec<_> = told.into_iter().map(|told| (told.call.map(|id| id.to_string()), told.occasion)).collect();
    assert_eq!(told.len(), 4 * 1_250);
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 4 * 1_250, "each of it once");
    Ok(())
}

#[tokio::test]
async fn an_event_counts_by_its_number_even_if_one_before_it_is_missing() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::new("call_1", "mina", 0);
    feed(&model, &life.events).await?;
    let cancelled = callout::domain::call::Event::Cancelled { by: crate::fixture::customer("mina"), reason: None };
    feed(&model, &[record(&call_id("call_1"), 7, at(9), &cancelled, "customer/mina")]).await?;
    let shown = model.calls(CallFilter::default(), 1, None).await?;
    assert_eq!((shown.items[0].version, shown.items[0].phase.status()), (7, "cancelled"));
    Ok(())
}
