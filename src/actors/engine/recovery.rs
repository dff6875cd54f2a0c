//! Recovery: brings every live entity back, at the start and after the store lost writes.
//!
//! Snapshots of live entities are read shard by shard, and shown to the boards and the timers. Only when all have been
//! shown, and every service of a live call has a policy, do those come into memory that owe effects, and those whose
//! snapshot cannot be read, so that they are parked and operators are told; the others when they are asked for. So no
//! page can ever be shown over what an actor has committed since it was read. Reading is bounded: a page at a time, a
//! few shards at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{TryStreamExt, stream};
use parking_lot::Mutex;

use super::{
    StartError,
    terms::{Named, Terms},
};
use crate::{
    actors::{
        World,
        ports::{
            set_aside,
            store::{EntityRef, Shard, Store, StoreError, Stored, Unreadable},
        },
    },
    domain::ServiceId,
};

/// Snapshots read at once from one shard.
const PAGE: usize = 1_000;
/// Shards read at the same time.
const SHARDS_AT_ONCE: usize = 4;

/// Counts of what was read, and who is to be woken.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    live: AtomicU64,
    unreadable: AtomicU64,
    /// The entities that owe effects, and those that cannot be read, which are parked where operators see them.
    to_wake: Mutex<Vec<EntityRef>>,
    /// Live calls whose service has no policy, by service.
    without_policy: Mutex<BTreeMap<ServiceId, u64>>,
    /// The terms that live entities were made under.
    terms: Mutex<BTreeSet<Named>>,
}

impl Recovered {
    /// It is woken all the same: its actor parks, where operators see it.
    fn set_aside(&self, found: Unreadable) {
        set_aside::snapshot(&found);
        self.unreadable.fetch_add(1, Ordering::Relaxed);
        self.to_wake.lock().extend(found.entity);
    }

    /// The terms that live entities were made under; `None` when not all could be read.
    pub(super) fn terms(&mut self) -> Option<BTreeSet<Named>> {
        (*self.unreadable.get_mut() == 0).then(|| std::mem::take(self.terms.get_mut()))
    }

    /// Calls those who owe something.
    pub(super) fn awaken(self, world: &World) {
        let to_wake = self.to_wake.into_inner();
        tracing::info!(
            live = self.live.load(Ordering::Relaxed),
            to_wake = to_wake.len(),
            unreadable = self.unreadable.load(Ordering::Relaxed),
            "live entities are back"
        );
        for entity in to_wake {
            world.kind(entity.kind).awaken(&entity.id);
        }
    }
}

/// Brings everything live back at the start, and forgets the terms that nothing of it was made under. Answers when the
/// boards are complete and those who owe something have been called.
pub(super) async fn recover(world: &Arc<World>, store: &Arc<dyn Store>, terms: &Terms) -> Result<(), StartError> {
    let mut recovered = read(world, store).await?;
    let without_policy = std::mem::take(recovered.without_policy.get_mut());
    if !without_policy.is_empty() {
        return Err(StartError::NoPolicies(without_policy));
    }
    // What cannot be read may name any terms.
    if let Some(named) = recovered.terms() {
        terms.forget_unnamed(&world.policies, &named, store.as_ref()).await;
    }
    recovered.awaken(world);
    Ok(())
}

/// Shows every live entity to the boards and the timers. Nobody comes into memory.
pub(super) async fn read(world: &Arc<World>, store: &Arc<dyn Store>) -> Result<Recovered, StoreError> {
    let recovered = Recovered::default();
    let shards = stream::iter(Shard::all().map(Ok::<_, StoreError>));
    shards.try_for_each_concurrent(SHARDS_AT_ONCE, |shard| recover_shard(world, store, shard, &recovered)).await?;
    Ok(recovered)
}

async fn recover_shard(
    world: &Arc<World>,
    store: &Arc<dyn Store>,
    shard: Shard,
    recovered: &Recovered,
) -> Result<(), StoreError> {
    let pages = stream::try_unfold(Some(None), |after: Option<Option<String>>| async move {
        let Some(after) = after else { return Ok::<_, StoreError>(None) };
        let page = store.live(shard, after, PAGE).await?;
        page.unreadable.into_iter().for_each(|found| recovered.set_aside(found));
        Ok(Some((page.items, page.next.map(Some))))
    });
    pages
        .try_for_each(|items| async move {
            items.iter().for_each(|stored| recover_one(world, stored, recovered));
            // The boards are filled on this thread: let others have their turn between pages.
            tokio::task::yield_now().await;
            Ok(())
        })
        .await
}

fn recover_one(world: &World, stored: &Stored, recovered: &Recovered) {
    recovered.live.fetch_add(1, Ordering::Relaxed);
    match world.kind(stored.entity.kind).recover(world, stored) {
        Ok(found) => {
            if let Some(service) = found.without_policy {
                *recovered.without_policy.lock().entry(service).or_default() += 1;
            }
            if let Some(named) = found.terms {
                recovered.terms.lock().insert(named);
            }
            if found.owes {
                recovered.to_wake.lock().push(stored.entity.clone());
            }
        }
        Err(error) => {
            let reason = format!("the snapshot of {} {error}", stored.entity);
            recovered.set_aside(Unreadable { entity: Some(stored.entity.clone()), reason });
        }
    }
}
