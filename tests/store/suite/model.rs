//! Any sequence of operations against the simplest model that could be right.

use std::collections::{BTreeMap, HashMap};

use callout::actors::ports::store::{Commit, Committed, EntityRef, Epoch, EventCursor, EventRecord, Shard, Stored};
use jiff::Timestamp;
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::harness::{Case, Fixture, Owner, TestResult, at, case, next, records, stored};

pub fn cases() -> Vec<Case> {
    vec![case(any_sequence_of_operations_answers_as_the_model_does)]
}

#[derive(Debug, Clone)]
enum Op {
    Commit { entity: usize, off: u64, events: u64, due: Option<i64>, live: bool, stale: bool },
    Repeat,
    TakeOwnership,
    Reopen,
    Consume { page: usize, trim: bool },
}

fn op() -> impl Strategy<Value = Op> {
    let off = prop_oneof![6 => Just(0_u64), 1 => 1..3_u64];
    let commit = (0..6_usize, off, 0..4_u64, proptest::option::of(-5..5_i64), any::<bool>(), 0..10_u8).prop_map(
        |(entity, off, events, due, live, stale)| Op::Commit { entity, off, events, due, live, stale: stale == 0 },
    );
    prop_oneof![
        12 => commit,
        2 => Just(Op::Repeat),
        1 => Just(Op::TakeOwnership),
        1 => Just(Op::Reopen),
        3 => (1..6_usize, any::<bool>()).prop_map(|(page, trim)| Op::Consume { page, trim }),
    ]
}

async fn any_sequence_of_operations_answers_as_the_model_does(fixture: Fixture) -> TestResult {
    // Sequences share the data set and have entities of their own in it: making one is far slower than using one.
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let strategy = proptest::collection::vec(op(), 1..60);
    tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&strategy, |ops| {
            let outcome = tokio::runtime::Handle::current().block_on(run(&fixture, ops));
            outcome.map_err(|error| TestCaseError::fail(error.to_string()))
        })
    })?;
    Ok(())
}

struct World<'a> {
    fixture: &'a Fixture,
    owner: Owner,
    entities: Vec<EntityRef>,
    model: Model,
    cursor: EventCursor,
    consumed: Vec<EventRecord>,
    last: Option<Commit>,
}

#[derive(Default)]
struct Model {
    epoch: u64,
    heads: BTreeMap<EntityRef, Commit>,
    events: HashMap<EntityRef, Vec<EventRecord>>,
}

impl Model {
    fn commit(&mut self, commit: &Commit) -> Committed {
        if commit.epoch.0 != self.epoch {
            return Committed::Fenced { found: Epoch(self.epoch) };
        }
        let head = self.heads.get(&commit.entity);
        if head.is_some_and(|head| head.write_id == commit.write_id) {
            return Committed::Duplicate;
        }
        let found = head.map_or(0, |head| head.version);
        if found != commit.expected_version {
            return Committed::Conflict { found };
        }
        self.events.entry(commit.entity.clone()).or_default().extend(records(commit));
        self.heads.insert(commit.entity.clone(), commit.clone());
        Committed::Ok
    }
}

async fn run(fixture: &Fixture, ops: Vec<Op>) -> TestResult {
    let owner = fixture.own().await?;
    let kinds = callout::actors::ports::store::EntityKind::ALL;
    let run = callout::clock::random_id().simple();
    let entities = (0..6).map(|n| EntityRef::new(kinds[n % 3], format!("{run}_{}", n / 2))).collect();
    let (_, cursor) = owner.read_on(EventCursor::default(), 1000).await?;
    let model = Model { epoch: owner.epoch.0, ..Model::default() };
    let mut world = World { fixture, owner, entities, model, cursor, consumed: Vec::new(), last: None };
    for op in ops {
        world.step(op).await?;
    }
    world.check().await
}

impl World<'_> {
    async fn step(&mut self, op: Op) -> TestResult {
        match op {
            Op::Commit { entity, off, events, due, live, stale } => {
                let commit = self.make(entity, off, events, due, live, stale);
                self.commit(&commit).await?;
                self.last = Some(commit);
            }
            Op::Repeat => {
                if let Some(commit) = self.last.clone() {
                    self.commit(&commit).await?;
                }
            }
            Op::TakeOwnership => self.owner.epoch = self.owner.store.take_ownership().await?,
            Op::Reopen => {
                self.owner.store.close().await;
                self.owner = self.fixture.own().await?;
            }
            Op::Consume { page, trim } => {
                let read = self.owner.store.events(self.cursor.clone(), page).await?;
                self.consumed.extend(read.events);
                self.cursor = read.next;
                if trim {
                    self.owner.store.trim_events(self.cursor.clone()).await?;
                }
            }
        }
        self.model.epoch = self.owner.epoch.0;
        Ok(())
    }

    fn make(&self, entity: usize, off: u64, events: u64, due: Option<i64>, live: bool, stale: bool) -> Commit {
        let entity = &self.entities[entity];
        let head = self.model.heads.get(entity).cloned();
        let head = head.unwrap_or_else(|| Commit { version: 0, ..self.owner.first_of(entity.clone()) });
        let base = Commit { version: head.version + off, ..head };
        let epoch = Epoch(self.owner.epoch.0 - u64::from(stale));
        Commit { epoch, due_at: due.map(at), live, ..next(&base, events) }
    }

    async fn commit(&mut self, commit: &Commit) -> TestResult {
        let (found, expected) = (self.owner.commit(commit).await?, self.model.commit(commit));
        if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?} for {commit:?}").into()) }
    }

    async fn check(mut self) -> TestResult {
        let mine = |stored: &Stored| self.entities.contains(&stored.entity);
        for entity in &self.entities {
            let expected = self.model.heads.get(entity).map(stored);
            assert_eq!(self.owner.store.load(entity.clone()).await?, expected);
        }
        for shard in Shard::all() {
            let heads: Vec<_> = self.model.heads.values().filter(|head| head.entity.shard() == shard).collect();
            let mut live: Vec<_> = heads.iter().filter(|head| head.live).map(|head| stored(head)).collect();
            live.sort_by_key(|stored| (stored.entity.kind.as_str(), stored.entity.id.clone()));
            let found: Vec<_> = self.owner.live(shard, 3).await?.into_iter().filter(mine).collect();
            assert_eq!(found, live);
            let mut due: Vec<_> =
                heads.iter().filter(|head| head.due_at <= Some(at(2))).map(|head| stored(head)).collect();
            due.retain(|stored| stored.due_at.is_some());
            due.sort_by_key(|stored| (stored.due_at, stored.entity.kind.as_str(), stored.entity.id.clone()));
            let all = self.owner.store.due(shard, at(2), 100_000).await?;
            assert!(all.is_sorted_by_key(|stored| stored.due_at.unwrap_or(Timestamp::MAX)));
            assert_eq!(all.into_iter().filter(mine).collect::<Vec<_>>(), due);
        }
        self.consumed.extend(self.owner.read_on(self.cursor.clone(), 3).await?.0);
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for event in self.consumed {
            found.entry(event.entity.clone()).or_default().push(event);
        }
        self.model.events.retain(|_, events| !events.is_empty());
        assert_eq!(found, self.model.events);
        Ok(())
    }
}
