//! Who is told what, as SERVICES.md lists it, in both languages.

use std::sync::Arc;

use callout::{
    domain::{
        Party, Role,
        call::{Command, DenyReason, Event},
        payment::{Method, PaymentStatus},
    },
    notify,
    readmodel::{Notice, NoticeFilter, ReadModel},
};

use crate::fixture::{
    Home, Life, Outcome, at, call_id, cursor, customer, driver_id, feed, page, policies, record, service, told_in_pages,
};

async fn told(model: &ReadModel, role: Role, id: &str) -> Vec<Notice> {
    let mut notices =
        model.notifications(role, &[id], NoticeFilter::default(), 200, None).await.expect("notifications").items;
    notices.reverse();
    notices
}

async fn occasions(life: &Life, role: Role, id: &str) -> Vec<String> {
    let home = Home::new();
    let model = home.open().await;
    feed(&model, &life.events).await.expect("applied");
    let notices = told(&model, role, id).await;
    for notice in &notices {
        assert_eq!((notice.receiver.role, &*notice.receiver.id), (role, id));
        assert_eq!(notice.service, service());
        for words in [&notice.text.ko, &notice.text.en] {
            assert!(!words.is_empty() && !words.contains(['{', '}']) && *words == words.trim(), "{words:?}");
        }
    }
    notices.into_iter().map(|notice| notice.occasion).collect()
}

#[tokio::test]
async fn dc_n3_the_customer_is_told_of_payment_driver_start_and_end() {
    let life = Life::whole("call_1", "mina", "kim", 0);
    assert_eq!(occasions(&life, Role::Customer, "mina").await, ["paid", "assigned", "started", "completed"]);
}

#[tokio::test]
async fn dc_n3_the_driver_is_told_of_offer_and_assignment_the_others_that_it_is_gone() {
    let life = Life::whole("call_1", "mina", "kim", 0);
    assert_eq!(occasions(&life, Role::Driver, "kim").await, ["offer", "assigned"]);
    assert_eq!(occasions(&life, Role::Driver, "other-1").await, ["offer", "offer_withdrawn"]);
}

#[tokio::test]
async fn dc_n3_a_cancel_tells_the_customer_of_it_and_of_the_refund_and_the_driver_of_it() {
    let mut life = Life::new("call_1", "mina", 0).paid(&["kim", "lee"]).taken_by("kim").cancelled_by(customer("mina"));
    life.news(PaymentStatus::Refunding, &[]);
    life.news(PaymentStatus::Refunded, &[]);
    assert_eq!(occasions(&life, Role::Customer, "mina").await, ["paid", "assigned", "cancelled", "refunded"]);
    assert_eq!(occasions(&life, Role::Driver, "kim").await, ["offer", "assigned", "cancelled"]);
    assert_eq!(occasions(&life, Role::Driver, "lee").await, ["offer", "offer_withdrawn"]);
}

#[tokio::test]
async fn a_driver_that_cancels_is_not_told_what_it_did() {
    let by = Party::Driver(driver_id("kim"));
    let life = Life::new("call_1", "mina", 0).paid(&["kim"]).taken_by("kim").cancelled_by(by);
    assert_eq!(occasions(&life, Role::Driver, "kim").await, ["offer", "assigned"]);
    assert_eq!(occasions(&life, Role::Customer, "mina").await, ["paid", "assigned", "released"]);
}

#[tokio::test]
async fn open_offers_are_withdrawn_when_they_expire_and_when_the_call_is_cancelled() {
    let mut life = Life::new("call_1", "mina", 0).paid(&["kim", "lee"]);
    life.tell(&Command::Decline { driver: driver_id("lee") }, "driver/lee");
    let cancelled = Life::new("call_2", "mina", 0).paid(&["kim"]).cancelled_by(customer("mina"));
    for _ in 0..20 {
        life.tell(&Command::Wake, "deadline");
    }
    assert_eq!(occasions(&life, Role::Driver, "kim").await, ["offer", "offer_withdrawn"]);
    assert_eq!(occasions(&life, Role::Driver, "lee").await, ["offer"], "it declined itself");
    assert_eq!(occasions(&cancelled, Role::Driver, "kim").await, ["offer", "offer_withdrawn"]);
}

#[tokio::test]
async fn every_problem_with_a_payment_is_told_and_said_in_its_own_words() -> Outcome {
    let mut life = Life::new("call_1", "mina", 0);
    for status in [PaymentStatus::Unknown, PaymentStatus::Declined] {
        life.news(status, &[]);
    }
    life.tell(&Command::Pay { method: Method("tok_ok".to_owned()) }, "customer/mina");
    life.news(PaymentStatus::Created, &[]);
    let names = ["payment_unknown", "payment_declined", "payment_unavailable"];
    assert_eq!(occasions(&life, Role::Customer, "mina").await, names);
    let home = Home::new();
    let model = home.open().await;
    feed(&model, &life.events).await?;
    let notices = told(&model, Role::Customer, "mina").await;
    assert!(notices[1].text.en.contains("card expired."), "{:?}", notices[1]);
    assert!(notices[2].text.ko.contains("7초"), "{:?}", notices[2]);
    Ok(())
}

#[tokio::test]
async fn payment_troubles_after_the_end_are_nobodys_news() {
    let mut life = Life::new("call_1", "mina", 0);
    life.news(PaymentStatus::Unknown, &[]);
    let mut life = life.cancelled_by(customer("mina"));
    life.news(PaymentStatus::Declined, &[]);
    assert_eq!(occasions(&life, Role::Customer, "mina").await, ["payment_unknown", "cancelled"]);
}

#[tokio::test]
async fn dc_9_a_denied_customer_is_told_why() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let mut life = Life::new("call_1", "mina", 0);
    life.events.truncate(1);
    let denied = Event::Denied { reason: DenyReason::OutOfArea, text: None };
    life.events.push(record(&call_id("call_1"), 2, at(2), &denied, "customer/mina"));
    feed(&model, &life.events).await?;
    let notices = told(&model, Role::Customer, "mina").await;
    assert_eq!(notices[0].occasion, "denied");
    assert_eq!(notices[0].text.ko, "대리운전 요청을 받을 수 없습니다. 서비스 지역이 아닙니다.");
    assert_eq!(notices[0].text.en, "Your Driver-Call request cannot be taken. It is outside the service area.");
    Ok(())
}

#[tokio::test]
async fn the_policys_own_words_are_used_with_everything_filled_in() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed(&model, &Life::whole("call_1", "mina", "kim", 0).events).await?;
    let notices = told(&model, Role::Customer, "mina").await;
    assert_eq!(notices[0].text.ko, "결제가 완료되었습니다: 20,000원");
    assert_eq!(notices[2].text.ko, "kim 님 대리기사가 출발했습니다.");
    assert_eq!(notices[2].text.en, "kim 님, your substitute driver, is on the way.");
    assert_eq!(notices[2].call, Some(call_id("call_1")));
    Ok(())
}

#[tokio::test]
async fn the_time_to_the_pickup_is_told_with_a_fresh_assignment_only() -> Outcome {
    for (age_s, expected) in [(0, true), (3_600, false)] {
        let home = Home::new();
        let model = home.open().await;
        let now = callout::clock::now() - jiff::SignedDuration::from_secs(age_s);
        let mut events = Life::whole("call_1", "mina", "kim", 0).events;
        for event in &mut events {
            event.at = now;
        }
        let eta: callout::readmodel::Eta = Arc::new(|call| call.phase.driver().map(|_| 290));
        model.apply(&cursor(""), &page(&events, "1"), &eta, &callout::readmodel::Snapshots::default()).await?;
        let notices = told(&model, Role::Customer, "mina").await;
        assert_eq!(notices[1].text.en.contains("Arrives in about 5 min."), expected, "{:?}", notices[1]);
        assert_eq!(notices[1].text.ko.contains("약 5분"), expected, "{:?}", notices[1]);
    }
    Ok(())
}

#[tokio::test]
async fn a_service_whose_policy_is_gone_still_finds_words() -> Outcome {
    let life = Life::whole("call_1", "mina", "kim", 0);
    let call = life.state();
    let event = Event::Completed { by: Party::System };
    let told = notify::notifications(None, Some(call), &event, call, None);
    assert_eq!(told[0].text.en, "Your driver-call is completed. Thank you.");
    Ok(())
}

#[tokio::test]
async fn operators_are_told_of_parked_actors() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let policies = policies();
    let parked = notify::actor_parked(policies.get(&service()), &service(), "call/call_1", "a drill");
    model.tell(at(5), parked).await?;
    let notices = told(&model, Role::Operator, "driver-call").await;
    assert_eq!((notices.len(), notices[0].occasion.as_str(), notices[0].at), (1, "actor_parked", at(5)));
    assert!(notices[0].text.en.contains("call/call_1: a drill"), "{:?}", notices[0]);
    Ok(())
}

#[tokio::test]
async fn what_many_calls_told_one_driver_at_once_comes_in_order_page_by_page() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for batch in 0..3 {
        let lives: Vec<_> = (0..5).map(|n| Life::whole(&format!("call_{batch}_{n}"), "mina", "kim", n)).collect();
        let events: Vec<_> = lives.into_iter().flat_map(|life| life.events).collect();
        feed(&model, &events).await?;
    }
    let whole: Vec<String> = model
        .notifications(Role::Driver, &["kim"], NoticeFilter::default(), 200, None)
        .await?
        .items
        .into_iter()
        .map(|notice| notice.id)
        .collect();
    let number = |id: &String| id.parse::<u64>().expect("a number");
    assert_eq!(whole.len(), 30);
    assert!(whole.windows(2).all(|pair| number(&pair[0]) > number(&pair[1])), "latest first: {whole:?}");
    for limit in [1, 3, 7, 29, 30] {
        let paged = told_in_pages(&model, Role::Driver, "kim", limit).await?;
        assert_eq!(paged.into_iter().map(|notice| notice.id).collect::<Vec<_>>(), whole, "{limit} at a time");
    }
    Ok(())
}
