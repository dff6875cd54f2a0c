//! What every store test needs: a data set of its own, owners of it, and commits to give them.

use std::{any::Any, collections::HashSet, error::Error, future::Future, pin::Pin, sync::Arc};

use callout::{
    actors::ports::store::{
        Commit, Committed, EntityKind, EntityRef, Epoch, EventCursor, EventRecord, NewEvent, Shard, Store, StoreError,
        Stored,
    },
    persistence::{OpenError, StoreSettings},
};
use jiff::Timestamp;
use libtest_mimic::{Failed, Trial};
use uuid::Uuid;

/// What a test answers.
pub type TestResult = Result<(), Box<dyn Error>>;

/// Makes an empty data set.
pub type Adapter = fn() -> Result<Fixture, Box<dyn Error>>;

type Run = Box<dyn Fn(Fixture) -> Pin<Box<dyn Future<Output = TestResult>>> + Send>;

/// One test of the suite.
pub struct Case {
    name: &'static str,
    run: Run,
}

/// The test that `run` is, under its own name.
pub fn case<F, T>(run: F) -> Case
where
    F: Fn(Fixture) -> T + Send + 'static,
    T: Future<Output = TestResult> + 'static,
{
    let name = std::any::type_name::<F>().rsplit("::").next().unwrap_or_default();
    Case { name, run: Box::new(move |fixture| Box::pin(run(fixture))) }
}

/// A case as the test runner wants it, on a data set of the adapter's.
pub fn trial(adapter_name: &str, adapter: Adapter, case: Case) -> Trial {
    Trial::test(format!("{adapter_name}::{}", case.name), move || {
        let run = || -> TestResult {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let _guard = runtime.enter();
            runtime.block_on((case.run)(adapter()?))
        };
        run().map_err(|error| Failed::from(error.to_string()))
    })
}

/// An empty data set; removed when dropped.
pub struct Fixture {
    pub url: String,
    /// What must live as long as it.
    pub _keep: Box<dyn Any + Send>,
}

impl Fixture {
    /// Opens it as a process would.
    pub async fn open(&self) -> Result<Arc<dyn Store>, OpenError> {
        callout::persistence::open(&StoreSettings::default().at(&self.url)).await
    }

    /// Opens it and takes every shard.
    pub async fn own(&self) -> Result<Owner, Box<dyn Error>> {
        let store = self.open().await?;
        let epoch = store.take_ownership().await?;
        Ok(Owner { store, epoch })
    }
}

/// A process that has taken every shard.
#[derive(Clone)]
pub struct Owner {
    pub store: Arc<dyn Store>,
    pub epoch: Epoch,
}

impl Owner {
    /// The first write of a call: one event.
    pub fn first(&self, id: &str) -> Commit {
        self.first_of(EntityRef::new(EntityKind::Call, id))
    }

    /// The first write of an entity: one event.
    pub fn first_of(&self, entity: EntityRef) -> Commit {
        let start = Commit {
            entity,
            epoch: self.epoch,
            write_id: Uuid::nil(),
            expected_version: 0,
            version: 0,
            snapshot: String::new(),
            events: Vec::new(),
            due_at: None,
            live: true,
            expires_with: None,
        };
        next(&start, 1)
    }

    /// Commits, and fails unless it was written.
    pub async fn put(&self, commit: &Commit) -> TestResult {
        let answer = self.commit(commit).await?;
        if answer == Committed::Ok { Ok(()) } else { Err(format!("{}: {answer:?}", commit.entity).into()) }
    }

    /// Commits.
    pub async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.store.commit(commit.clone()).await
    }

    /// Loads the entity of a commit.
    pub async fn load(&self, commit: &Commit) -> Result<Option<Stored>, StoreError> {
        self.store.load(commit.entity.clone()).await
    }

    /// Every event after a cursor, read in pages, and the cursor behind them.
    pub async fn read_on(
        &self,
        mut cursor: EventCursor,
        page: usize,
    ) -> Result<(Vec<EventRecord>, EventCursor), StoreError> {
        let mut events = Vec::new();
        loop {
            let read = self.store.events(cursor.clone(), page).await?;
            assert!(read.events.len() <= page, "{} events in a page of {page}", read.events.len());
            if read.next == cursor {
                assert!(read.events.is_empty(), "something new moves the cursor");
                return Ok((events, cursor));
            }
            events.extend(read.events);
            cursor = read.next;
        }
    }

    /// Every live entity of a shard, read in pages.
    pub async fn live(&self, shard: Shard, page: usize) -> Result<Vec<Stored>, StoreError> {
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let read = self.store.live(shard, after, page).await?;
            assert!(read.items.len() <= page, "{} entities in a page of {page}", read.items.len());
            items.extend(read.items);
            after = read.next;
            if after.is_none() {
                return Ok(items);
            }
        }
    }
}

/// The write after `commit`, with that many events.
pub fn next(commit: &Commit, events: u64) -> Commit {
    let version = commit.version + events;
    let id = &commit.entity.id;
    Commit {
        write_id: callout::clock::random_id(),
        expected_version: commit.version,
        version,
        snapshot: format!(r#"{{"id":"{id}","version":{version},"note":"\"콜\" \\ \u0000 {{}} 'x'"}}"#),
        events: (commit.version + 1..=version).map(event).collect(),
        ..commit.clone()
    }
}

fn event(seq: u64) -> NewEvent {
    let body = format!(r#"{{"event":"moved","seq":{seq},"note":"택시 \"a\"\n"}}"#);
    NewEvent { seq, at: at(1_000_000 + i64::try_from(seq).unwrap_or_default()), body }
}

/// A time, in milliseconds since 1970.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// What must be there after a commit.
pub fn stored(commit: &Commit) -> Stored {
    Stored {
        entity: commit.entity.clone(),
        version: commit.version,
        snapshot: commit.snapshot.clone(),
        due_at: commit.due_at,
        live: commit.live,
    }
}

/// The events of a commit, as a consumer gets them.
pub fn records(commit: &Commit) -> Vec<EventRecord> {
    let record = |event: &NewEvent| EventRecord {
        entity: commit.entity.clone(),
        seq: event.seq,
        at: event.at,
        body: event.body.clone(),
    };
    commit.events.iter().map(record).collect()
}

/// So many ids of one shard.
pub fn ids_in(shard: Shard, count: usize) -> Vec<String> {
    (0..).map(|n| format!("call_{n}")).filter(|id| Shard::of(id) == shard).take(count).collect()
}

/// Fails when a pair of entity and sequence number is there twice, or an entity's events are out of order or have gaps.
pub fn assert_each_once_in_order(events: &[EventRecord]) {
    let mut last = std::collections::HashMap::new();
    let mut seen = HashSet::new();
    for event in events {
        assert!(seen.insert((event.entity.clone(), event.seq)), "{} {} came twice", event.entity, event.seq);
        let previous = last.insert(event.entity.clone(), event.seq).unwrap_or(event.seq - 1);
        assert_eq!(event.seq, previous + 1, "{}: {} came after {previous}", event.entity, event.seq);
    }
}
