//! The commits that Redis has acknowledged, as far as they are remembered, and what is missing of them. Pure.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::actors::ports::store::{Commit, EntityKind, EntityRef};

/// Commits remembered in each shard, at most: some 60,000 in all, a few seconds at the highest rate that one Redis takes.
const REMEMBERED_MAX: usize = 1_024;
/// How long a commit is remembered. A Redis loses two seconds when its machine fails, a failover to a replica as much as
/// the replica may be behind (`min-replicas-max-lag`, 10 s by default).
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// The acknowledged commits, as far as they are remembered.
#[derive(Default)]
pub(super) struct Memory {
    pub owned: Option<Owned>,
    /// The connection that was compared last.
    pub connection: u64,
    pub shards: Vec<Acknowledged>,
}

/// The data set, and the epoch with which its shards were taken.
#[derive(Clone, Copy)]
pub(super) struct Owned {
    pub identity: Uuid,
    pub epoch: u64,
}

/// The commits of one shard.
#[derive(Default)]
pub(super) struct Acknowledged {
    count: u64,
    latest: VecDeque<Write>,
    /// The last snapshot of each call and payment among the latest commits, and the count of its commit. A commit is
    /// never lost without the later ones of its entity, so earlier snapshots are of no use.
    snapshots: HashMap<EntityRef, (u64, String)>,
}

struct Write {
    count: u64,
    at: Instant,
    entity: EntityRef,
    version: u64,
}

/// What is missing, before it is known which versions are there now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub commits: u64,
    /// How many of them are not remembered.
    pub unnamed: u64,
    /// The last acknowledged version and snapshot of each entity with a missing commit; no snapshot of a driver.
    pub entities: HashMap<EntityRef, (u64, String)>,
}

impl Acknowledged {
    /// A shard that has had so many commits, all before anybody looked.
    pub fn since(count: u64) -> Self {
        Self { count, ..Self::default() }
    }

    /// Remembers a commit and its count, and forgets the oldest.
    pub fn remember(&mut self, count: u64, commit: Commit, now: Instant) {
        self.count = self.count.max(count);
        let is_old = |write: &Write| now.duration_since(write.at) > REMEMBERED_FOR;
        while self.latest.len() >= REMEMBERED_MAX || self.latest.front().is_some_and(is_old) {
            self.forget_oldest();
        }
        let Commit { entity, version, snapshot, .. } = commit;
        // Nobody asks what a driver was like.
        if entity.kind != EntityKind::Driver {
            self.snapshots.insert(entity.clone(), (count, snapshot));
        }
        self.latest.push_back(Write { count, at: now, entity, version });
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.latest.pop_front()
            && self.snapshots.get(&oldest.entity).is_some_and(|(count, _)| *count == oldest.count)
        {
            self.snapshots.remove(&oldest.entity);
        }
    }

    fn snapshot(&self, entity: &EntityRef) -> String {
        self.snapshots.get(entity).map(|(_, snapshot)| snapshot.clone()).unwrap_or_default()
    }
}

impl Memory {
    /// The commits above these counts.
    pub fn missing(&self, counts: &[u64]) -> Missing {
        let mut missing = Missing::default();
        for (shard, found) in self.shards.iter().zip(counts) {
            let lost = shard.count.saturating_sub(*found);
            let named: Vec<&Write> = shard.latest.iter().filter(|write| write.count > *found).collect();
            missing.commits += lost;
            missing.unnamed += lost.saturating_sub(named.len() as u64);
            for write in named {
                let snapshot = || (write.version, shard.snapshot(&write.entity));
                missing.entities.entry(write.entity.clone()).or_insert_with(snapshot).0 = write.version;
            }
        }
        missing
    }

    /// Forgets the commits above these counts.
    pub fn go_back(&mut self, counts: &[u64]) {
        for (shard, found) in self.shards.iter_mut().zip(counts) {
            shard.count = shard.count.min(*found);
            shard.latest.retain(|write| write.count <= *found);
            shard.snapshots.retain(|_, (count, _)| *count <= *found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ports::store::{Epoch, Shard};

    fn memory() -> Memory {
        Memory { shards: Shard::all().map(|_| Acknowledged::default()).collect(), ..Memory::default() }
    }

    fn commit(id: &str, version: u64) -> Commit {
        Commit {
            entity: EntityRef::new(EntityKind::Call, id),
            epoch: Epoch(1),
            write_id: Uuid::nil(),
            expected_version: version - 1,
            version,
            snapshot: format!("{id} {version}"),
            events: Vec::new(),
            due_at: None,
            live: true,
            expires_with: None,
        }
    }

    fn shard_of(memory: &mut Memory, id: &str) -> (usize, Vec<u64>) {
        let counts = memory.shards.iter().map(|shard| shard.count).collect();
        (usize::from(Shard::of(id).index()), counts)
    }

    #[test]
    fn a_store_that_has_all_that_was_acknowledged_has_lost_nothing() {
        let mut memory = memory();
        memory.shards[usize::from(Shard::of("a").index())].remember(7, commit("a", 1), Instant::now());
        let (shard, mut counts) = shard_of(&mut memory, "a");
        assert_eq!(memory.missing(&counts), Missing::default());
        // Written, and the answer never came.
        counts[shard] += 1;
        assert_eq!(memory.missing(&counts), Missing::default());
    }

    #[test]
    fn the_commits_above_the_stores_count_are_lost_and_named_by_their_last_version() {
        let mut memory = memory();
        let index = usize::from(Shard::of("a").index());
        for (count, version) in [(7, 1), (8, 2), (9, 3)] {
            memory.shards[index].remember(count, commit("a", version), Instant::now());
        }
        let (shard, mut counts) = shard_of(&mut memory, "a");
        counts[shard] = 7;
        let missing = memory.missing(&counts);
        assert_eq!((missing.commits, missing.unnamed), (2, 0));
        let lost = EntityRef::new(EntityKind::Call, "a");
        assert_eq!(missing.entities, HashMap::from([(lost, (3, "a 3".to_owned()))]));
        memory.go_back(&counts);
        assert_eq!(memory.missing(&counts), Missing::default());
    }

    #[test]
    fn a_missing_count_means_that_everything_is_lost() {
        let mut memory = memory();
        let index = usize::from(Shard::of("a").index());
        memory.shards[index] = Acknowledged::since(5);
        memory.shards[index].remember(6, commit("a", 1), Instant::now());
        let missing = memory.missing(&[0; 64]);
        assert_eq!((missing.commits, missing.unnamed, missing.entities.len()), (6, 5, 1));
    }

    #[test]
    fn no_more_is_remembered_than_the_bounds_allow_and_the_rest_is_counted() {
        let mut memory = memory();
        let index = usize::from(Shard::of("a").index());
        for count in 1..=REMEMBERED_MAX as u64 + 10 {
            memory.shards[index].remember(count, commit("a", count), Instant::now());
        }
        assert_eq!(memory.shards[index].latest.len(), REMEMBERED_MAX);
        let missing = memory.missing(&[0; 64]);
        assert_eq!((missing.commits, missing.unnamed), (REMEMBERED_MAX as u64 + 10, 10));
        let later = Instant::now() + REMEMBERED_FOR + Duration::from_secs(1);
        memory.shards[index].remember(REMEMBERED_MAX as u64 + 11, commit("b", 1), later);
        assert_eq!((memory.shards[index].latest.len(), memory.shards[index].snapshots.len()), (1, 1));
    }
}
