//! A read model that follows a real store, which can be made to fail.

use std::{cell::RefCell, collections::HashMap, sync::Arc, time::Duration};

use callout::{
    actors::{
        backoff::BackoffSettings,
        hub::{Hub, Listener, Note, Topic},
        ports::store::{Commit, Epoch, EventRecord, NewEvent, Store},
        supervision::{Intensity, KindStats, OnExceeded, Singleton, SupervisionSettings},
    },
    domain::{
        Machine, Role,
        call::{Call, CallMachine},
        policy::Lang,
    },
    persistence::{self, StoreSettings},
    readmodel::{Feeder, ReadModel, ReadModelSettings},
};
use uuid::Uuid;

use crate::{
    faulty_store::FaultyStore,
    fixture::{Home, Life, no_eta, policies},
};

/// Nothing here takes longer, even on a machine that does ten other things.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A read model, the store that it follows, and who listens.
pub struct World {
    pub store: Arc<FaultyStore>,
    pub epoch: Epoch,
    pub model: Arc<ReadModel>,
    pub hub: Arc<Hub>,
    pub home: Home,
    pub writes: std::cell::Cell<u128>,
    pub calls: RefCell<HashMap<Arc<str>, Call>>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// One with other settings.
    pub async fn with(change: impl FnOnce(&mut ReadModelSettings)) -> Self {
        let home = Home::new();
        let url = format!("sqlite://{}", home.folder.path().join("store.db").display());
        let store = persistence::open(&StoreSettings::default().at(&url)).await.expect("a store");
        let store = Arc::new(FaultyStore::new(store));
        let epoch = store.take_ownership().await.expect("the shards");
        let mut settings = home.settings();
        settings.poll_ms = 50;
        change(&mut settings);
        let identity = store.identity().await.expect("an identity");
        let model = ReadModel::open(settings, identity, policies()).await.expect("a read model");
        Self { store, epoch, model, hub: Hub::new(), home, writes: std::cell::Cell::new(0), calls: RefCell::default() }
    }

    /// Starts a feeder under supervision.
    pub fn start(&self) -> Arc<Singleton<Feeder>> {
        let store: Arc<dyn Store> = self.store.clone();
        let feeder = Feeder::new(Arc::clone(&self.model), store, Arc::clone(&self.hub), no_eta());
        let settings = SupervisionSettings {
            backoff: BackoffSettings { initial_ms: 1, factor: 1.0, max_ms: 1, jitter: 0.0 },
            intensity: Intensity { restarts_max: 3, window_s: 60 },
            on_exceeded: OnExceeded::Park,
            ..SupervisionSettings::default()
        };
        let arbiter = actix::Arbiter::current();
        let stats = KindStats::new(Feeder::KIND);
        Singleton::start(Feeder::KIND, arbiter, settings, stats, Arc::new(|_| {}), move || feeder.clone())
    }

    /// Commits the events of a call, a commit per event.
    pub async fn commit(&self, events: &[EventRecord]) {
        for event in events {
            self.commit_together(std::slice::from_ref(event)).await;
        }
    }

    /// Commits the events of one entity together.
    pub async fn commit_together(&self, events: &[EventRecord]) {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        self.writes.set(self.writes.get() + 1);
        let new = |event: &EventRecord| NewEvent { seq: event.seq, at: event.at, body: event.body.clone() };
        let commit = Commit {
            entity: first.entity.clone(),
            epoch: self.epoch,
            write_id: Uuid::from_u128(self.writes.get()),
            expected_version: first.seq - 1,
            version: last.seq,
            snapshot: self.snapshot_after(events),
            events: events.iter().map(new).collect(),
            due_at: None,
            live: true,
            expires_with: None,
        };
        self.store.commit(commit).await.expect("committed");
    }

    /// What the actor of a call would have stored.
    fn snapshot_after(&self, events: &[EventRecord]) -> String {
        let mut calls = self.calls.borrow_mut();
        for record in events {
            let body: serde_json::Value = serde_json::from_str(&record.body).expect("JSON");
            let event = serde_json::from_value(body["event"].clone()).expect("an event of a call");
            let before = calls.remove(&record.entity.id);
            let mut call = CallMachine::evolve(before, &event, record.at).expect("a call");
            call.version = record.seq;
            calls.insert(record.entity.id.clone(), call);
        }
        let call = events.last().and_then(|last| calls.get(&last.entity.id));
        serde_json::json!({ "v": 1, "state": call }).to_string()
    }

    /// Who is told what this person is told.
    pub fn listener(&self, role: Role, id: &str) -> Listener {
        let mut listener = self.hub.listener(4_096);
        listener.subscribe(Topic::Person(role, id.into()));
        listener
    }

    /// Waits until the read model shows the whole life of a call.
    pub async fn caught_up(&self, life: &Life) {
        assert!(self.model.caught_up_to(&life.state().id, life.state().version, PATIENCE).await, "it did not catch up");
    }
}

/// The next notification, checked to be the same in both languages.
pub async fn next_told(listener: &mut Listener) -> serde_json::Value {
    let note = tokio::time::timeout(PATIENCE, listener.next()).await.expect("told in time");
    let Some(Note::Notified(told)) = note else { panic!("not a notification: {note:?}") };
    let [ko, en] = [Lang::Ko, Lang::En].map(|lang| told.in_lang(lang).get());
    let [ko, mut en]: [serde_json::Value; 2] = [ko, en].map(|json| serde_json::from_str(json).expect("JSON"));
    assert_eq!((&ko["message"], &en["message"]), (&ko["text"]["ko"], &ko["text"]["en"]));
    en["message"] = ko["message"].clone();
    assert_eq!(ko, en, "they differ in the language only");
    ko
}
