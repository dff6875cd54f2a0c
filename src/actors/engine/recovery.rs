//! What happens at start: everything live comes back.
//!
//! Snapshots of live entities are read shard by shard. What they show goes to the boards and the timers; only those that
//! owe effects come into memory, the others when they are asked for. Reading is bounded: a page at a time, a few shards at a
//! time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures_util::{TryStreamExt, stream};

use crate::{
    actors::{
        World,
        entity::{Change, Entities, Entity, envelope},
        ports::store::{EntityKind, Shard, Store, StoreError, Stored},
    },
    domain::{call::CallMachine, driver::DriverMachine, payment::PaymentMachine},
};

/// Snapshots read at once from one shard.
const PAGE: usize = 1_000;
/// Shards read at the same time.
const SHARDS_AT_ONCE: usize = 4;

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    live: AtomicU64,
    owing: AtomicU64,
    unreadable: AtomicU64,
}

/// Brings everything live back. Answers when the boards are complete.
pub(super) async fn recover(world: &Arc<World>, store: &Arc<dyn Store>) -> Result<(), StoreError> {
    let recovered = Recovered::default();
    let shards = stream::iter(Shard::all().map(Ok::<_, StoreError>));
    shards.try_for_each_concurrent(SHARDS_AT_ONCE, |shard| recover_shard(world, store, shard, &recovered)).await?;
    tracing::info!(
        live = recovered.live.load(Ordering::Relaxed),
        owing = recovered.owing.load(Ordering::Relaxed),
        unreadable = recovered.unreadable.load(Ordering::Relaxed),
        "live entities are back"
    );
    Ok(())
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

fn recover_one(world: &Arc<World>, stored: &Stored, recovered: &Recovered) {
    match stored.entity.kind {
        EntityKind::Call => show::<CallMachine>(world, &world.calls, stored, recovered),
        EntityKind::Driver => show::<DriverMachine>(world, &world.drivers, stored, recovered),
        EntityKind::Payment => show::<PaymentMachine>(world, &world.payments, stored, recovered),
    }
}

fn show<E: Entity>(world: &Arc<World>, entities: &Entities<E>, stored: &Stored, recovered: &Recovered) {
    recovered.live.fetch_add(1, Ordering::Relaxed);
    let snapshot = match envelope::read::<E>(&stored.snapshot) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            recovered.unreadable.fetch_add(1, Ordering::Relaxed);
            tracing::error!(entity = %stored.entity, "the snapshot {error}");
            return;
        }
    };
    if !E::is_terminal(&snapshot.state) {
        entities.stats().live.fetch_add(1, Ordering::Relaxed);
    }
    world.timers.set(&stored.entity, E::due_at(&snapshot.state));
    E::project(world, &Change::Recovered, &Arc::new(snapshot.state));
    if !snapshot.owed.is_empty() {
        recovered.owing.fetch_add(1, Ordering::Relaxed);
        entities.awaken(&stored.entity.id);
    }
}
