//! The group commit against backends that answer when the test lets them.

use std::sync::Mutex;

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::*;
use crate::actors::ports::store::{EntityKind, EntityRef, Epoch};

/// Keeps the sizes of the groups it was given and answers each when the gate lets it.
struct Gated {
    gate: Semaphore,
    groups: Mutex<Vec<usize>>,
    panics: bool,
}

impl Gated {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { gate: Semaphore::new(permits), groups: Mutex::default(), panics: false })
    }

    fn groups(&self) -> Vec<usize> {
        self.groups.lock().map(|groups| groups.clone()).unwrap_or_default()
    }
}

impl Backend for Gated {
    const UNDER_WAY: usize = 1;

    async fn write(&self, group: Vec<Commit>) -> Vec<CommitResult> {
        assert!(!self.panics, "a drill");
        if let Ok(mut groups) = self.groups.lock() {
            groups.push(group.len());
        }
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        vec![Ok(Committed::Ok); group.len()]
    }
}

fn settings() -> StoreSettings {
    StoreSettings { group_max_commits: 3, queue_max_commits: 4, commit_timeout_ms: 100, ..StoreSettings::default() }
}

fn commit(id: &str) -> Commit {
    Commit {
        entity: EntityRef::new(EntityKind::Call, id),
        epoch: Epoch(1),
        write_id: Uuid::nil(),
        expected_version: 0,
        version: 0,
        snapshot: "{}".to_owned(),
        events: Vec::new(),
        due_at: None,
        live: true,
        expires_with: None,
    }
}

/// Lets every other task run until it waits.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_arrives_while_a_group_is_under_way_is_the_next_group() {
    let backend = Gated::new(0);
    let group = Arc::new(GroupCommit::start(Arc::clone(&backend), &settings()));
    let ask = |id: &'static str| {
        let group = Arc::clone(&group);
        tokio::spawn(async move { group.commit(commit(id)).await })
    };
    let first = ask("a");
    settle().await;
    let others = ["b", "c", "d", "e"].map(ask);
    settle().await;
    backend.gate.add_permits(9);
    for task in std::iter::once(first).chain(others) {
        assert!(matches!(task.await, Ok(Ok(Committed::Ok))));
    }
    assert_eq!(backend.groups(), [1, 3, 1]);
}

#[tokio::test]
async fn a_commit_that_never_left_the_queue_is_unavailable_one_that_did_is_unknown() {
    let backend = Gated::new(0);
    let group = GroupCommit::start(Arc::clone(&backend), &settings());
    let (first, second) = tokio::join!(group.commit(commit("a")), async {
        settle().await;
        group.commit(commit("b")).await
    });
    assert!(matches!(first, Err(StoreError::Unknown { .. })), "{first:?}");
    assert!(matches!(second, Err(StoreError::Unavailable { .. })), "{second:?}");
    backend.gate.add_permits(9);
    group.close().await;
    assert_eq!(backend.groups(), [1], "what was given up is not written later");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
    let backend = Gated::new(0);
    let group = Arc::new(GroupCommit::start(Arc::clone(&backend), &settings()));
    for id in ["a", "b", "c", "d", "e"] {
        let group = Arc::clone(&group);
        tokio::spawn(async move { group.commit(commit(id)).await });
        settle().await;
    }
    let Err(StoreError::Unavailable { reason, retry_after }) = group.commit(commit("f")).await else {
        panic!("a sixth commit was taken: one is under way and four may wait");
    };
    assert_eq!(reason, "4 commits are waiting already");
    assert!(retry_after >= RETRY_AFTER.0);
}

#[tokio::test]
async fn closing_writes_what_waits_and_refuses_the_rest() {
    let backend = Gated::new(9);
    let group = GroupCommit::start(Arc::clone(&backend), &settings());
    let (answer, ()) = tokio::join!(group.commit(commit("a")), group.close());
    assert!(matches!(answer, Ok(Committed::Ok)), "{answer:?}");
    assert!(matches!(group.commit(commit("b")).await, Err(StoreError::Unavailable { .. })));
}

#[tokio::test]
async fn a_panic_while_writing_leaves_the_outcome_unknown_and_the_writer_alive() {
    let backend = Arc::new(Gated { gate: Semaphore::new(9), groups: Mutex::default(), panics: true });
    let group = GroupCommit::start(backend, &settings());
    for _ in 0..2 {
        assert!(matches!(group.commit(commit("a")).await, Err(StoreError::Unknown { .. })));
    }
}

#[tokio::test]
async fn a_commit_that_contradicts_itself_is_refused_with_its_numbers() {
    let group = GroupCommit::start(Gated::new(9), &settings());
    let wrong = Commit { version: 3, ..commit("a") };
    let Err(StoreError::Corrupt { reason }) = group.commit(wrong).await else { panic!("it was taken") };
    assert_eq!(reason, "refused a commit of call/a from version 0 to 3: its 0 events must be numbered from 1 to 3");
}
