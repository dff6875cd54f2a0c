//! What is read: snapshots, deadlines, the live set.

use jiff::Timestamp;
use redis::pipe;

use super::{envelope, keys, link::Link};
use crate::actors::ports::store::{EntityRef, LivePage, Shard, StoreError, Stored};

/// The latest snapshot of an entity.
pub(super) async fn load(link: &Link, entity: EntityRef) -> Result<Option<Stored>, StoreError> {
    let mut request = pipe();
    request.cmd("GET").arg(keys::snapshot(&entity));
    let (found,): (Option<String>,) = link.ask(&request).await?;
    found.map(|text| envelope::open(entity, &text)).transpose()
}

/// The entities of a shard whose deadline has come, earliest first.
pub(super) async fn due(link: &Link, shard: Shard, now: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let mut request = pipe();
    request.cmd("ZRANGE").arg(&keys::of(shard).agenda).arg("-inf").arg(now.as_millisecond()).arg("BYSCORE");
    request.arg("LIMIT").arg(0).arg(limit);
    let (names,): (Vec<String>,) = link.ask(&request).await?;
    let found = snapshots(link, shard, &names).await?;
    // A deadline that moved on between the two requests is no longer due.
    Ok(found.into_iter().filter(|stored| stored.due_at.is_some_and(|due| due <= now)).collect())
}

/// A page of a shard's live entities, by kind and id.
pub(super) async fn live(
    link: &Link,
    shard: Shard,
    after: Option<String>,
    limit: usize,
) -> Result<LivePage, StoreError> {
    let mut request = pipe();
    request.cmd("ZRANGE").arg(&keys::of(shard).agenda).arg(0).arg(-1);
    let (mut names,): (Vec<String>,) = link.ask(&request).await?;
    // The agenda is ordered by deadlines, which move while pages are read; names do not. A shard's names are few
    // enough to be read for every page: some 60 kB when 100,000 entities are live.
    names.sort_unstable();
    let first = after.map_or(0, |after| names.partition_point(|name| *name <= after));
    let page = &names[first..names.len().min(first.saturating_add(limit))];
    let found = snapshots(link, shard, page).await?;
    let next = page.last().filter(|_| first + page.len() < names.len()).cloned();
    Ok(LivePage { items: found.into_iter().filter(|stored| stored.live).collect(), next })
}

async fn snapshots(link: &Link, shard: Shard, names: &[String]) -> Result<Vec<Stored>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut request = pipe();
    request.cmd("MGET");
    for name in names {
        request.arg(keys::of(shard).snapshot(name));
    }
    let (texts,): (Vec<Option<String>>,) = link.ask(&request).await?;
    let mut found = Vec::with_capacity(names.len());
    for (name, text) in names.iter().zip(texts) {
        match text {
            Some(text) => found.push(envelope::open(envelope::entity(name)?, &text)?),
            // Deleted by hand, since commits never do. The others must not suffer for it.
            None => tracing::error!(entity = name, shard = shard.index(), "listed, but its snapshot is gone"),
        }
    }
    Ok(found)
}
