//! Lists, pages, timelines and replays.

use std::time::Duration;

use callout::{
    domain::{
        Machine, Role, ServiceId,
        call::{CallMachine, Command},
        payment::PaymentStatus,
    },
    readmodel::{CallFilter, DriverFilter, Extent, NoticeFilter, ReadError},
};

use crate::fixture::{
    Home, Life, Outcome, call_id, customer, driver_id, feed, registered, service, timeline_in_pages, timeline_of,
    told_in_pages,
};

#[tokio::test]
async fn pages_are_complete_and_nothing_new_moves_them() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    // Pairs at the same millisecond: the id decides.
    for n in 0..23 {
        feed(&model, &Life::new(&format!("call_{n:02}"), "mina", n / 2).events).await?;
    }
    let mut seen = Vec::new();
    let mut next = None;
    for page in 0.. {
        let list = model.me_calls(Role::Customer, "mina", CallFilter::default(), 5, next.as_deref()).await?;
        seen.extend(list.items.iter().map(|call| call.id.to_string()));
        next = list.next_cursor;
        feed(&model, &Life::new(&format!("call_new{page}"), "mina", 1_000).events).await?;
        if next.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..23).rev().map(|n| format!("call_{n:02}")).collect();
    assert_eq!(seen, expected);
    Ok(())
}

#[tokio::test]
async fn lists_are_narrowed_by_service_status_and_what_an_operator_may_see() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed(&model, &Life::new("call_open", "mina", 0).events).await?;
    feed(&model, &Life::new("call_gone", "mina", 1).cancelled_by(customer("mina")).events).await?;
    feed(&model, &Life::new("call_jun", "jun", 2).events).await?;
    let (own, other) = (service(), ServiceId::new("taxi")?);
    let (mine, others) = ([own.clone()], [other.clone()]);
    let all = CallFilter::default();
    for (filter, expected) in [
        (all, vec!["call_jun", "call_gone", "call_open"]),
        (CallFilter { statuses: &["requested"], ..all }, vec!["call_jun", "call_open"]),
        (CallFilter { statuses: &["cancelled"], ..all }, vec!["call_gone"]),
        (CallFilter { service: Some(&own), services: Some(&mine), ..all }, vec!["call_jun", "call_gone", "call_open"]),
        (CallFilter { service: Some(&other), ..all }, vec![]),
        (CallFilter { services: Some(&others), ..all }, vec![]),
        (CallFilter { services: Some(&[]), ..all }, vec![]),
    ] {
        let list = model.calls(filter, 50, None).await?;
        let ids: Vec<_> = list.items.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
    let mine = model.me_calls(Role::Customer, "jun", all, 50, None).await?;
    assert_eq!(mine.items.len(), 1);
    Ok(())
}

#[tokio::test]
async fn drivers_are_listed_by_id_with_their_status() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for id in ["lee", "kim", "park"] {
        feed(&model, &registered(id, 0)).await?;
    }
    feed(&model, &registered("kim", 0)[..1]).await?;
    let first = model.drivers(DriverFilter::default(), 2, None).await?;
    let ids: Vec<_> = first.items.iter().map(|driver| driver.id.as_str()).collect();
    assert_eq!(ids, ["kim", "lee"]);
    let rest = model.drivers(DriverFilter::default(), 2, first.next_cursor.as_deref()).await?;
    assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
    let available = DriverFilter { status: Some("available"), ..DriverFilter::default() };
    assert_eq!(model.drivers(available, 50, None).await?.items.len(), 3);
    let retired = DriverFilter { status: Some("retired"), ..DriverFilter::default() };
    assert!(model.drivers(retired, 50, None).await?.items.is_empty());
    Ok(())
}

#[tokio::test]
async fn notifications_since_a_time_are_found_behind_many_later_ones() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for n in 0..120 {
        feed(&model, &Life::whole(&format!("call_{n}"), "mina", "kim", n).events).await?;
    }
    let told = told_in_pages(&model, Role::Customer, "mina", 200).await?;
    assert!(told.len() > 400, "more than two batches: {}", told.len());
    for index in [0, 7, 199, 200, 201, 430] {
        let since = told[index].at;
        let wanted: Vec<_> = told.iter().filter(|notice| notice.at >= since).cloned().collect();
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let filter = NoticeFilter { since: Some(since), ..NoticeFilter::default() };
            let page = model.notifications(Role::Customer, &["mina"], filter, 150, next.as_deref()).await?;
            found.extend(page.items);
            next = page.next_cursor;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(found, wanted, "{index}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_another_list_or_none_at_all_is_refused() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for n in 0..3 {
        feed(&model, &Life::whole(&format!("call_{n}"), "mina", "kim", n).events).await?;
    }
    let calls = model.calls(CallFilter::default(), 1, None).await?.next_cursor.ok_or("no next page")?;
    let notices = model
        .notifications(Role::Customer, &["mina"], NoticeFilter::default(), 1, None)
        .await?
        .next_cursor
        .ok_or("no next page")?;
    for bad in ["garbage", "", "Y2FsbHM6", "콜", notices.as_str()] {
        let refused = model.calls(CallFilter::default(), 1, Some(bad)).await;
        assert!(matches!(refused, Err(ReadError::BadCursor)), "{bad:?}");
    }
    assert!(matches!(
        model.notifications(Role::Customer, &["mina"], NoticeFilter::default(), 1, Some(&calls)).await,
        Err(ReadError::BadCursor)
    ));
    assert!(matches!(model.drivers(DriverFilter::default(), 1, Some(&calls)).await, Err(ReadError::BadCursor)));
    Ok(())
}

#[tokio::test]
async fn states_after_a_number_are_those_that_folding_gives() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    feed(&model, &life.events).await?;
    let mut expected = Vec::new();
    let mut state = None;
    for record in &life.events {
        let body: serde_json::Value = serde_json::from_str(&record.body)?;
        let event = serde_json::from_value(body["event"].clone())?;
        state = CallMachine::evolve(state, &event, record.at);
        expected.extend(state.clone());
    }
    for seq in [0, 1, 5, 7, 8, 99] {
        let from = expected.len().min(usize::try_from(seq)?);
        assert_eq!(model.states_after(&call_id("call_1"), seq).await?, expected[from..], "after {seq}");
    }
    assert!(model.states_after(&call_id("call_none"), 0).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn dc_8_the_timeline_tells_everything_with_cause_and_trace_in_both_languages() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    feed(&model, &life.events).await?;
    let timeline = timeline_of(&model, &call_id("call_1")).await?;
    let events: Vec<_> = timeline.iter().map(|entry| entry.event.as_str()).collect();
    let expected = [
        "requested",
        "payment_started",
        "payment_changed",
        "dispatch_started",
        "offered",
        "assigned",
        "started",
        "completed",
    ];
    assert_eq!(events, expected);
    for (entry, seq) in timeline.iter().zip(1..) {
        assert_eq!((entry.seq, entry.trace.len()), (seq, 32));
        let text = entry.description.as_ref().ok_or("no description")?;
        for words in [&text.ko, &text.en] {
            assert!(!words.is_empty() && !words.contains(['{', '}']), "{words}");
        }
    }
    assert_eq!((timeline[0].cause.as_str(), timeline[5].cause.as_str()), ("customer/mina", "driver/kim"));
    let assigned = timeline[5].description.as_ref().ok_or("no description")?;
    assert_eq!(
        (assigned.ko.as_str(), assigned.en.as_str()),
        ("대리기사 배정: kim 님", "Assigned to substitute driver kim 님")
    );
    assert!(timeline_of(&model, &call_id("call_none")).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_history_up_to_the_end_of_its_call_leaves_out_what_became_of_the_money() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let mut life = Life::new("call_1", "mina", 0).paid(&["kim"]).taken_by("kim").cancelled_by(customer("mina"));
    life.news(PaymentStatus::Refunded, &[]);
    feed(&model, &life.events).await?;
    let whole = timeline_of(&model, &call_id("call_1")).await?;
    let up_to_its_end = timeline_in_pages(&model, &call_id("call_1"), Extent::UpToItsEnd, 200).await?;
    assert_eq!(whole.last().map(|entry| entry.event.as_str()), Some("payment_changed"));
    assert_eq!(up_to_its_end.last().map(|entry| entry.event.as_str()), Some("cancelled"));
    assert_eq!(up_to_its_end, whole[..whole.len() - 1]);
    Ok(())
}

#[tokio::test]
async fn a_call_that_a_driver_gave_back_is_none_of_its_calls() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let mut life = Life::new("call_1", "mina", 0).paid(&["kim"]).taken_by("kim");
    feed(&model, &life.events).await?;
    assert_eq!(model.me_calls(Role::Driver, "kim", CallFilter::default(), 50, None).await?.items.len(), 1);
    life.tell(&Command::GiveBack { driver: driver_id("kim") }, "driver/kim");
    assert_eq!(life.state().phase.status(), "dispatching");
    feed(&model, &life.events).await?;
    assert!(model.me_calls(Role::Driver, "kim", CallFilter::default(), 50, None).await?.items.is_empty());
    assert!(model.summary(Role::Driver, "kim", None).await?.calls.is_empty());
    Ok(())
}

#[tokio::test]
async fn who_waits_to_be_caught_up_is_woken_and_never_waits_for_ever() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let life = Life::whole("call_1", "mina", "kim", 0);
    let id = call_id("call_1");
    assert!(!model.caught_up_to(&id, 1, Duration::from_millis(20)).await);
    let feeding = async {
        for event in &life.events {
            feed(&model, std::slice::from_ref(event)).await.expect("applied");
        }
    };
    let (caught_up, ()) = tokio::join!(model.caught_up_to(&id, 8, Duration::from_secs(20)), feeding);
    assert!(caught_up);
    assert!(
        model.caught_up_to(&id, 3, Duration::ZERO).await || model.caught_up_to(&id, 3, Duration::from_secs(5)).await
    );
    let summary = model.summary(Role::Driver, driver_id("kim").as_str(), None).await?;
    assert_eq!(summary.calls.get("completed"), Some(&1));
    Ok(())
}
