//! The feeder on a real store: it follows, catches up, hands over what people are told, and survives what happens to it.

use std::{sync::Arc, time::Duration};

use callout::{
    actors::{
        backoff::BackoffSettings,
        hub::{Hub, Listener, Note, Topic},
        ports::store::{Commit, Epoch, EventCursor, EventRecord, NewEvent, Store},
        supervision::{Intensity, KindStats, OnExceeded, Singleton, Status, SupervisionSettings},
    },
    domain::{Role, payment::PaymentStatus, policy::Lang},
    persistence::{self, StoreSettings},
    readmodel::{Feeder, ReadModel, ReadModelSettings},
};
use uuid::Uuid;

use crate::fixture::{Home, Life, Outcome, call_id, counted, no_eta, policies};

/// Nothing here takes longer, even on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    store: Arc<dyn Store>,
    epoch: Epoch,
    model: Arc<ReadModel>,
    hub: Arc<Hub>,
    home: Home,
    writes: std::cell::Cell<u128>,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut ReadModelSettings)) -> Self {
        let home = Home::new();
        let url = format!("sqlite://{}", home.folder.path().join("store.db").display());
        let store = persistence::open(&url, &StoreSettings::default()).await.expect("a store");
        let epoch = store.take_ownership().await.expect("the shards");
        let mut settings = home.settings();
        settings.poll = Duration::from_millis(50);
        change(&mut settings);
        let identity = store.identity().await.expect("an identity");
        let model = ReadModel::open(settings, identity, policies()).await.expect("a read model");
        Self { store, epoch, model, hub: Hub::new(), home, writes: std::cell::Cell::new(0) }
    }

    fn start(&self) -> Arc<Singleton<Feeder>> {
        let feeder = Feeder::new(Arc::clone(&self.model), Arc::clone(&self.store), Arc::clone(&self.hub), no_eta());
        let settings = SupervisionSettings {
            backoff: BackoffSettings { initial_ms: 1, factor: 1.0, max_ms: 1, jitter: 0.0 },
            intensity: Intensity { restarts_max: 3, window: Duration::from_secs(60) },
            on_exceeded: OnExceeded::Park,
            ..SupervisionSettings::default()
        };
        let arbiter = actix::Arbiter::current();
        let stats = KindStats::new(Feeder::KIND);
        Singleton::start(Feeder::KIND, arbiter, settings, stats, Arc::new(|_| {}), move || feeder.clone())
    }

    /// Commits the events of a call, a commit per event.
    async fn commit(&self, events: &[EventRecord]) {
        for event in events {
            self.commit_together(std::slice::from_ref(event)).await;
        }
    }

    async fn commit_together(&self, events: &[EventRecord]) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        self.writes.set(self.writes.get() + 1);
        let new = |event: &EventRecord| NewEvent { seq: event.seq, at: event.at, body: event.body.clone() };
        let commit = Commit {
            entity: first.entity.clone(),
            epoch: self.epoch,
            write_id: Uuid::from_u128(self.writes.get()),
            expected_version: first.seq - 1,
            version: last.seq,
            snapshot: "{}".to_owned(),
            events: events.iter().map(new).collect(),
            due_at: None,
            live: true,
        };
        self.store.commit(commit).await.expect("committed");
    }

    fn listener(&self, role: Role, id: &str) -> Listener {
        let mut listener = self.hub.listener(4_096);
        listener.subscribe(Topic::Person(role, id.into()));
        listener
    }

    async fn caught_up(&self, life: &Life) {
        assert!(self.model.caught_up_to(&life.state().id, life.state().version, PATIENCE).await, "it did not catch up");
    }
}

async fn next_told(listener: &mut Listener) -> serde_json::Value {
    let note = tokio::time::timeout(PATIENCE, listener.next()).await.expect("told in time");
    let Some(Note::Notified(told)) = note else { panic!("not a notification: {note:?}") };
    let [ko, en] = [Lang::Ko, Lang::En].map(|lang| told.in_lang(lang).get());
    let [ko, mut en]: [serde_json::Value; 2] = [ko, en].map(|json| serde_json::from_str(json).expect("JSON"));
    assert_eq!((&ko["message"], &en["message"]), (&ko["text"]["ko"], &ko["text"]["en"]));
    en["message"] = ko["message"].clone();
    assert_eq!(ko, en, "they differ in the language only");
    ko
}

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
    assert!(tokio::time::timeout(Duration::from_millis(50), jun.next()).await.is_err(), "it is none of jun's business");
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
    assert!(tokio::time::timeout(Duration::from_millis(50), mina.next()).await.is_err(), "nothing is told twice");
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
    assert!(tokio::time::timeout(Duration::from_millis(50), mina.next()).await.is_err(), "nothing is told twice");
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
    assert_eq!(world.model.notifications(Role::Customer, "mina", 50, None).await?.items.len(), 4);
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
    assert_eq!(world.model.timeline(&id).await?.len(), life.events.len());
    assert_eq!(world.model.notifications(Role::Customer, "mina", 50, None).await?.items.len(), 4);
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
    let world = World::with(|settings| settings.payment_unknown_after = Duration::from_millis(1)).await;
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
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(world.model.notifications(Role::Operator, "driver-call", 50, None).await?.items.len(), 1);
    Ok(())
}

#[actix::test]
async fn a_file_that_cannot_be_written_holds_it_up_and_it_goes_on_by_itself() -> Outcome {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
    let world = World::with(|settings| settings.timeout = Duration::from_millis(50)).await;
    let mut mina = world.listener(Role::Customer, "mina");
    let feeder = world.start();
    let mut other = SqliteConnectOptions::new().filename(world.home.settings().file).connect().await?;
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
