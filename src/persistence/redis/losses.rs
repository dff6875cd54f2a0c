//! Finds out that Redis came back with less than it had acknowledged.
//!
//! The commit script counts the commits of each shard. Here the highest count that was acknowledged is remembered for each
//! shard, with the latest commits themselves. Whenever the writing connection was made anew, the counts are compared before
//! the connection is used: a shard with a lower count has lost the commits above it. What Redis loses is always the end of
//! what it did, so a count that is as high means that nothing is missing.
//!
//! From the moment at which a loss was found until it is accepted, nothing is committed: no entity that is still in memory
//! can write over what the store has, and nothing new mixes with what is reported as lost.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use redis::{RedisError, aio::MultiplexedConnection, pipe};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::{
    acknowledged::{Acknowledged, Memory, Missing, Owned},
    envelope,
    error::unavailable,
    keys, owner,
    terms::Known,
};
use crate::actors::ports::{
    loss::{self, Loss, LostEntity},
    store::{Commit, StoreError},
};

/// Snapshots whose versions are asked for in one request.
const ASKED_AT_ONCE: usize = 1_000;

/// What was acknowledged here, compared with what Redis has.
#[derive(Default)]
pub(super) struct Losses {
    memory: Mutex<Memory>,
    last: watch::Sender<Arc<Loss>>,
    accepted: AtomicU64,
    /// The terms that Redis has to have.
    pub terms: Known,
}

/// What Redis says of itself when a connection was made.
struct Found {
    owners: Vec<u64>,
    counts: Vec<u64>,
}

impl Losses {
    /// The shards of this data set were taken; they have had so many commits.
    pub fn begin(&self, identity: Uuid, epoch: u64, counts: Vec<u64>) {
        let shards = counts.into_iter().map(Acknowledged::since);
        let mut memory = self.memory.lock();
        memory.owned = Some(Owned { identity, epoch });
        memory.shards = shards.collect();
    }

    /// Remembers commits that Redis has acknowledged over a connection, each with its count. `false`, and nothing is
    /// remembered, when another connection was compared meanwhile: Redis may have lost them since.
    pub fn remember(&self, connection: u64, commits: impl Iterator<Item = (u64, Commit)>) -> bool {
        let mut memory = self.memory.lock();
        if memory.connection != connection && memory.owned.is_some() {
            return false;
        }
        let now = Instant::now();
        for (count, commit) in commits {
            if let Some(shard) = memory.shards.get_mut(usize::from(commit.entity.shard().index())) {
                shard.remember(count, commit, now);
            }
        }
        true
    }

    /// Whether a loss was found that is not accepted yet.
    fn is_pending(&self) -> bool {
        self.last.borrow().number != self.accepted.load(Ordering::Acquire)
    }

    /// Refuses while a loss was found that is not accepted yet.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.is_pending() {
            return Err(unavailable("it lost commits, and what is in memory is being loaded anew".to_owned()));
        }
        Ok(())
    }

    /// Nothing in memory is of the time before the loss.
    pub fn accept(&self, number: u64) {
        self.accepted.fetch_max(number, Ordering::AcqRel);
    }

    /// The last loss that was found.
    pub fn last(&self) -> watch::Receiver<Arc<Loss>> {
        self.last.subscribe()
    }

    /// Compares what Redis has with what was acknowledged here, over a connection that nobody uses yet.
    pub async fn compare(&self, connection: &mut MultiplexedConnection, number: u64) -> Result<(), RedisError> {
        let owned = self.memory.lock().owned;
        if let Some(owned) = owned
            && let Some(found) = Found::ask(connection, owned).await?
        {
            self.take_again(connection, owned, &found).await?;
            self.terms.keep_again(connection).await?;
            let missing = self.memory.lock().missing(&found.counts);
            if missing.commits > 0 {
                let loss = versions_of(connection, missing).await?;
                self.report(loss, &found.counts);
            }
        }
        self.memory.lock().connection = number;
        Ok(())
    }

    /// Redis may also have lost that this process took the shards. Nobody else has taken them since, or the epoch would be
    /// as high or higher; so they are still this process's.
    async fn take_again(
        &self,
        connection: &mut MultiplexedConnection,
        owned: Owned,
        found: &Found,
    ) -> Result<(), RedisError> {
        if found.owners.iter().all(|owner| *owner == owned.epoch) {
            return Ok(());
        }
        tracing::warn!(epoch = owned.epoch, "the store lost that this process took the shards; it takes them again");
        owner::raising(owned.epoch).query_async::<Vec<u64>>(connection).await.map(drop)
    }

    fn report(&self, found: Loss, counts: &[u64]) {
        let commits = found.commits;
        self.memory.lock().go_back(counts);
        let before = Arc::clone(&self.last.borrow());
        let loss = Loss { number: before.number + 1, ..found };
        let loss = if self.is_pending() { before.and_then(loss) } else { loss };
        tracing::error!(
            commits = loss.commits,
            unnamed = loss.unnamed,
            "the store lost commits that it had acknowledged"
        );
        self.last.send_replace(Arc::new(loss));
        loss::count(commits);
    }
}

impl Found {
    /// `None` when this is another data set, or another process has taken a shard: then there is nothing to compare, and
    /// this process learns of it elsewhere.
    async fn ask(connection: &mut MultiplexedConnection, owned: Owned) -> Result<Option<Self>, RedisError> {
        let mut request = pipe();
        request.cmd("HGET").arg(keys::STORE).arg("identity");
        owner::owners(&mut request);
        counts(&mut request);
        let (identity, owners, counts): (Option<String>, Vec<Option<u64>>, Vec<Option<u64>>) =
            request.query_async(connection).await?;
        let owners: Vec<u64> = owners.into_iter().map(Option::unwrap_or_default).collect();
        let is_ours = identity.as_deref() == Some(owned.identity.to_string().as_str());
        if !is_ours || owners.iter().any(|owner| *owner > owned.epoch) {
            return Ok(None);
        }
        Ok(Some(Self { owners, counts: counts.into_iter().map(Option::unwrap_or_default).collect() }))
    }
}

/// Asks how many commits each shard has had.
pub(super) fn counts(request: &mut redis::Pipeline) {
    request.cmd("MGET");
    for shard in keys::all() {
        request.arg(&shard.commits);
    }
}

/// Looks up which versions are there now of the entities that miss commits. Those that miss only a commit without an event
/// have the version that was acknowledged, and are left out.
async fn versions_of(connection: &mut MultiplexedConnection, missing: Missing) -> Result<Loss, RedisError> {
    let Missing { commits, unnamed, entities } = missing;
    let entities: Vec<_> = entities.into_iter().collect();
    let mut lost = Vec::new();
    for some in entities.chunks(ASKED_AT_ONCE) {
        let mut request = pipe();
        for (entity, _) in some {
            request.cmd("GETRANGE").arg(keys::snapshot(entity)).arg(0).arg(envelope::HEAD_BYTES - 1);
        }
        let heads: Vec<Vec<u8>> = request.query_async(connection).await?;
        for ((entity, (acknowledged, snapshot)), head) in some.iter().zip(heads) {
            // What cannot be read needs a person, and is no loss.
            let found = if head.is_empty() { Some(0) } else { envelope::version(&head) };
            if let Some(found) = found.filter(|found| found < acknowledged) {
                let (entity, snapshot) = (entity.clone(), Arc::from(snapshot.as_str()));
                lost.push(LostEntity { entity, acknowledged: *acknowledged, found, snapshot });
            }
        }
    }
    lost.sort_by(|a, b| a.entity.cmp(&b.entity));
    Ok(Loss { number: 0, commits, unnamed, entities: lost })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ports::store::{EntityKind, EntityRef, Epoch};

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

    #[test]
    fn what_came_over_a_connection_that_is_not_the_last_one_is_not_acknowledged() {
        let losses = Losses::default();
        losses.begin(Uuid::nil(), 1, vec![0; 64]);
        losses.memory.lock().connection = 2;
        assert!(!losses.remember(1, [(1, commit("a", 1))].into_iter()));
        assert!(losses.remember(2, [(1, commit("a", 1))].into_iter()));
        assert_eq!(losses.memory.lock().missing(&[0; 64]).commits, 1);
    }

    #[test]
    fn commits_are_held_back_until_the_last_loss_is_accepted() {
        let losses = Losses::default();
        losses.begin(Uuid::nil(), 1, vec![0; 64]);
        losses.report(Loss { commits: 1, ..Loss::default() }, &[0; 64]);
        losses.report(Loss { commits: 2, ..Loss::default() }, &[0; 64]);
        assert_eq!((losses.last().borrow().number, losses.last().borrow().commits), (2, 3));
        losses.accept(1);
        assert!(losses.is_pending());
        losses.accept(2);
        assert!(!losses.is_pending());
    }
}
