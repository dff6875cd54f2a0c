//! A read model on a file of its own, and calls that live through the real state machine.

use std::{collections::BTreeMap, error::Error, sync::Arc};

use callout::{
    actors::ports::store::{EntityKind, EntityRef, EventCursor, EventPage, EventRecord},
    domain::{
        Asker, CallId, CustomerId, DriverId, LatLng, Machine, Money, Party, Place, Role, ServiceId,
        call::{Call, CallMachine, Command, DriverCard, Event, MethodMark, Request},
        driver::{self, DriverMachine},
        geo::ServiceArea,
        payment::{Method, News, PaymentStatus},
        policy::{Policies, Policy, PolicyFile},
    },
    readmodel::{
        ApplyError, Eta, Extent, Notice, NoticeFilter, ReadError, ReadModel, ReadModelSettings, Snapshots,
        TimelineEntry,
    },
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

/// What tests answer.
pub type Outcome = Result<(), Box<dyn Error>>;

const POLICY: &str = r#"
    name = { ko = "대리운전", en = "Driver-Call" }
    noun = { ko = "대리기사", en = "substitute driver" }
    currency = "KRW"
    confirmed_by = "driver"
    [dispatch]
    by = "offer"
    deadline_s = 600
    offers_per_round = 20
    offer_s = 20
    radius_m = 3000
    radius_growth = 2.0
    radius_max_m = 12000
    [payment]
    due = "with_request"
    gateway_down = "refuse"
    minimum = 5000
    unpaid_s = 600
    [fare]
    kind = "fixed"
    amount = 20000
    [messages]
    started = { ko = "{driver} {noun}가 출발했습니다.", en = "{driver}, your {noun}, is on the way." }
"#;

/// The identity of the data set that tests feed.
pub const IDENTITY: Uuid = Uuid::from_u128(1);

pub fn service() -> ServiceId {
    ServiceId::new("driver-call").expect("an id")
}

pub fn policies() -> Arc<Policies> {
    let file: PolicyFile = toml::from_str(POLICY).expect("a policy");
    Arc::new(Policies::new([Policy::new(service(), file, ServiceArea::Everywhere)]))
}

pub fn no_eta() -> Eta {
    Arc::new(|_| None)
}

/// Milliseconds after some Friday.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(1_700_000_000_000 + milliseconds)
}

pub fn call_id(id: &str) -> CallId {
    CallId::new(id).expect("an id")
}

pub fn driver_id(id: &str) -> DriverId {
    DriverId::new(id).expect("an id")
}

pub fn customer(id: &str) -> Party {
    Party::Customer(CustomerId::new(id).expect("an id"))
}

pub fn place() -> Place {
    Place::new(LatLng::new(37.5, 127.03).expect("in range"), Some("강남역".to_owned())).expect("a place")
}

/// A folder with a read model's file in it.
pub struct Home {
    pub folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn settings(&self) -> ReadModelSettings {
        ReadModelSettings::in_file(&self.folder.path().join("readmodel.db"))
    }

    pub async fn open(&self) -> Arc<ReadModel> {
        self.open_for(IDENTITY).await
    }

    pub async fn open_for(&self, identity: Uuid) -> Arc<ReadModel> {
        ReadModel::open(self.settings(), identity, policies()).await.expect("a read model")
    }
}

/// Cuts events into a page that goes from one cursor to the next.
pub fn page(events: &[EventRecord], to: &str) -> EventPage {
    EventPage { events: events.to_vec(), next: EventCursor(to.to_owned()), more: false }
}

pub fn cursor(text: &str) -> EventCursor {
    EventCursor(text.to_owned())
}

/// Applies events in one page, wherever the read model stands. What is missing the store does not have either.
pub async fn feed(model: &ReadModel, events: &[EventRecord]) -> Result<usize, Box<dyn Error>> {
    let from = model.cursor().await?;
    let next = from.0.parse::<u64>().unwrap_or_default() + 1;
    let page = page(events, &next.to_string());
    let applied = match model.apply(&from, &page, &no_eta(), &Snapshots::default()).await {
        Err(ApplyError::Gaps(entities)) => model.apply(&from, &page, &no_eta(), &Snapshots::none_of(entities)).await,
        applied => applied,
    };
    Ok(applied?.events)
}

/// Everything somebody was told, latest first, asked for in pages of `limit`.
pub async fn told_in_pages(model: &ReadModel, role: Role, id: &str, limit: usize) -> Result<Vec<Notice>, ReadError> {
    let (mut told, mut next) = (Vec::new(), None);
    loop {
        let page = model.notifications(role, &[id], NoticeFilter::default(), limit, next.as_deref()).await?;
        told.extend(page.items);
        next = page.next_cursor;
        if next.is_none() {
            return Ok(told);
        }
    }
}

/// The whole timeline of a call, read in pages of `limit`.
pub async fn timeline_in_pages(
    model: &ReadModel,
    call: &CallId,
    extent: Extent,
    limit: usize,
) -> Result<Vec<TimelineEntry>, ReadError> {
    let (mut entries, mut next) = (Vec::new(), None);
    loop {
        let page = model.timeline(call, extent, limit, next.as_deref()).await?;
        assert!(page.items.len() <= limit, "{} of {limit}", page.items.len());
        entries.extend(page.items);
        next = page.next_cursor;
        if next.is_none() {
            return Ok(entries);
        }
    }
}

/// The whole timeline of a call.
pub async fn timeline_of(model: &ReadModel, call: &CallId) -> Result<Vec<TimelineEntry>, ReadError> {
    timeline_in_pages(model, call, Extent::Whole, 200).await
}

/// A call that is driven with commands and keeps the events they caused.
pub struct Life {
    pub call: Option<Call>,
    pub events: Vec<EventRecord>,
    id: CallId,
    clock: i64,
    policies: Arc<Policies>,
}

impl Life {
    /// A call that a customer asks for and pays with the request, at `clock` ms.
    pub fn new(id: &str, by: &str, clock: i64) -> Self {
        let mut life = Self { call: None, events: Vec::new(), id: call_id(id), clock, policies: policies() };
        let policy = life.policies.get(&service()).expect("the policy");
        let request = Request {
            id: life.id.clone(),
            service: service(),
            customer_id: CustomerId::new(by).expect("an id"),
            pickup: place(),
            dropoff: None,
            note: None,
            fare: Money::new(20_000, policy.file.currency),
            request_fingerprint: None,
            driver_id: None,
            period: None,
            candidates: Vec::new(),
            method: Some(Method("tok_ok".to_owned())),
        };
        life.tell(&Command::Request(Box::new(request)), &format!("customer/{by}"));
        life
    }

    /// Sends a command a second after the last one.
    pub fn tell(&mut self, command: &Command, by: &str) {
        self.clock += 1_000;
        let now = at(self.clock);
        let decision = CallMachine::decide(self.call.as_ref(), command, &self.policies, now).expect("a decision");
        for event in decision.events {
            self.call = CallMachine::evolve(self.call.take(), &event, now);
            self.events.push(record(&self.id, self.events.len() + 1, now, &event, by));
        }
    }

    pub fn news(&mut self, status: PaymentStatus, candidates: &[&str]) {
        let version = self.call.as_ref().map_or(0, |call| call.payment.version) + 1;
        let fare = self.call.as_ref().map(|call| call.fare);
        let taken = matches!(status, PaymentStatus::Charged | PaymentStatus::Refunded);
        let news = News {
            version,
            status,
            charged: fare.filter(|_| taken),
            refunded: fare.filter(|_| status == PaymentStatus::Refunded),
            retry_after_s: (status == PaymentStatus::Created).then_some(7),
            reason: (status == PaymentStatus::Declined).then(|| "card expired".to_owned()),
            action: None,
            word: None,
        };
        let candidates = candidates.iter().map(|id| driver_id(id)).collect();
        self.tell(&Command::PaymentNews { news, candidates }, "payment");
    }

    pub fn paid(mut self, candidates: &[&str]) -> Self {
        self.news(PaymentStatus::Charged, candidates);
        self
    }

    pub fn taken_by(mut self, driver: &str) -> Self {
        let card = DriverCard { id: driver_id(driver), name: format!("{driver} 님") };
        self.tell(&Command::Accept { driver: card, service: service() }, &format!("driver/{driver}"));
        self
    }

    pub fn completed_by(mut self, driver: &str) -> Self {
        let by = Party::Driver(driver_id(driver));
        self.tell(&Command::Start { by: by.clone() }, &format!("driver/{driver}"));
        self.tell(&Command::Complete { by }, &format!("driver/{driver}"));
        self
    }

    pub fn cancelled_by(mut self, by: Party) -> Self {
        self.tell(&Command::Cancel { by, reason: Some("too late".to_owned()) }, "somebody");
        self
    }

    /// A call with a long history: a payment that never began, and so many other cards that its customer gave.
    pub fn long(id: &str, by: &str, cards: usize) -> Self {
        let mut life = Self::new(id, by, 0);
        for n in 0..cards {
            life.clock += 1;
            let method = Some(MethodMark { number: u32::try_from(n).expect("few") + 2, digest: format!("card-{n}") });
            let event = Event::MethodGiven { method };
            life.call = CallMachine::evolve(life.call.take(), &event, at(life.clock));
            life.events.push(record(
                &life.id,
                life.events.len() + 1,
                at(life.clock),
                &event,
                &format!("customer/{by}"),
            ));
        }
        life
    }

    /// The whole way of a call with three drivers asked, from asking to the end: 8 events.
    pub fn whole(id: &str, by: &str, driver: &str, clock: i64) -> Self {
        Self::new(id, by, clock).paid(&[driver, "other-1", "other-2"]).taken_by(driver).completed_by(driver)
    }

    /// The same for another service, to which this one's rules apply.
    pub fn of_service(mut self, service: &str) -> Self {
        for event in &mut self.events {
            event.body = event.body.replace("driver-call", service);
        }
        self
    }

    pub fn state(&self) -> &Call {
        self.call.as_ref().expect("a call")
    }
}

/// The record of a call's event as the store hands it out.
pub fn record(id: &CallId, seq: usize, at: Timestamp, event: &Event, by: &str) -> EventRecord {
    let trace = "0123456789abcdef0123456789abcdef";
    let body = serde_json::json!({ "event": event, "by": by, "trace": trace }).to_string();
    let entity = EntityRef::new(EntityKind::Call, id.to_arc());
    EventRecord { entity, seq: u64::try_from(seq).expect("few events"), at, body }
}

/// The events of a driver that registers and goes on duty.
pub fn registered(id: &str, clock: i64) -> Vec<EventRecord> {
    let profile = driver::Profile { service: service(), name: format!("{id} 님"), phone: None, plate: None };
    let commands = [
        driver::Command::Register {
            by: Asker::new(Party::System),
            id: driver_id(id),
            registration: profile.into(),
            position: None,
        },
        driver::Command::SetAvailability { by: Asker::new(Party::System), available: true },
    ];
    let policies = policies();
    let mut state = None;
    let mut events = Vec::new();
    for command in commands {
        let decision = DriverMachine::decide(state.as_ref(), &command, &policies, at(clock)).expect("a decision");
        for event in decision.events {
            state = DriverMachine::evolve(state.take(), &event, at(clock));
            let body = serde_json::json!({ "event": event, "by": format!("driver/{id}"), "trace": "0" }).to_string();
            let entity = EntityRef::new(EntityKind::Driver, id);
            events.push(EventRecord { entity, seq: events.len() as u64 + 1, at: at(clock), body });
        }
    }
    events
}

/// How often each of these occurs.
pub fn counted(names: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// A connection of the test's own to the file.
pub async fn connect(home: &Home) -> Result<sqlx::SqliteConnection, sqlx::Error> {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
    SqliteConnectOptions::new().filename(home.settings().file()).create_if_missing(true).connect().await
}
