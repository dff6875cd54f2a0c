//! The reads: snapshots, deadlines, the live set.
//!
//! Names and snapshots are read as bytes and understood one by one: a damaged one is its own affair.

use jiff::Timestamp;
use redis::pipe;

use super::{envelope, keys, link::Link};
use crate::actors::ports::store::{EntityRef, LivePage, Shard, StoreError, Stored, Unreadable};

/// Snapshots by name, as far as they can be read.
#[derive(Default)]
struct Found {
    items: Vec<Stored>,
    unreadable: Vec<Unreadable>,
}

/// The latest snapshot of an entity.
pub(super) async fn load(link: &Link, entity: EntityRef) -> Result<Option<Stored>, StoreError> {
    let mut request = pipe();
    request.cmd("GET").arg(keys::snapshot(&entity));
    let (found,): (Option<Vec<u8>>,) = link.ask(&request).await?;
    found.map(|envelope| envelope::open(entity, &envelope)).transpose()
}

/// The entities of a shard whose deadline has come, earliest first.
pub(super) async fn due(link: &Link, shard: Shard, now: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let mut request = pipe();
    request.cmd("ZRANGE").arg(&keys::of(shard).agenda).arg("-inf").arg(now.as_millisecond()).arg("BYSCORE");
    request.arg("LIMIT").arg(0).arg(limit);
    let (names,): (Vec<Vec<u8>>,) = link.ask(&request).await?;
    let found = snapshots(link, shard, &names).await?;
    // A deadline that moved on between the two requests is no longer due.
    Ok(found.items.into_iter().filter(|stored| stored.due_at.is_some_and(|due| due <= now)).collect())
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
    let (mut names,): (Vec<Vec<u8>>,) = link.ask(&request).await?;
    // The agenda is ordered by deadlines, which move while pages are read; names do not. A shard's names are few
    // enough to be read for every page: some 60 kB when 100,000 entities are live.
    names.sort_unstable();
    let first = after.map_or(0, |after| names.partition_point(|name| name.as_slice() <= after.as_bytes()));
    let mut last = names.len().min(first.saturating_add(limit));
    // The last name of a page is where the next one begins, so it must be a text.
    while last < names.len() && last > first && std::str::from_utf8(&names[last - 1]).is_err() {
        last += 1;
    }
    let found = snapshots(link, shard, &names[first..last]).await?;
    let next = names[first..last].last().filter(|_| last < names.len());
    let next = next.and_then(|name| String::from_utf8(name.clone()).ok());
    let items = found.items.into_iter().filter(|stored| stored.live).collect();
    Ok(LivePage { items, unreadable: found.unreadable, next })
}

async fn snapshots(link: &Link, shard: Shard, names: &[Vec<u8>]) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut entities = Vec::with_capacity(names.len());
    for name in names {
        match std::str::from_utf8(name).ok().and_then(envelope::entity) {
            Some(entity) => entities.push(entity),
            None => found.add_nameless(shard, name),
        }
    }
    if entities.is_empty() {
        return Ok(found);
    }
    let mut request = pipe();
    request.cmd("MGET");
    for entity in &entities {
        request.arg(keys::of(shard).snapshot(&entity.to_string()));
    }
    let (envelopes,): (Vec<Option<Vec<u8>>>,) = link.ask(&request).await?;
    for (entity, envelope) in entities.into_iter().zip(envelopes) {
        found.add(entity, envelope);
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, entity: EntityRef, envelope: Option<Vec<u8>>) {
        let opened = match envelope {
            Some(envelope) => envelope::open(entity.clone(), &envelope).map_err(|error| error.to_string()),
            // Deleted or replaced by hand, since commits never do that.
            None => Err(format!("{entity} is in the agenda, but its snapshot is gone, or of another type")),
        };
        match opened {
            Ok(stored) => self.items.push(stored),
            Err(reason) => self.unreadable.push(Unreadable { entity: Some(entity), reason }),
        }
    }

    fn add_nameless(&mut self, shard: Shard, name: &[u8]) {
        let (agenda, name) = (&keys::of(shard).agenda, String::from_utf8_lossy(name));
        let reason =
            format!("{agenda} has {name:?}, which is no entity: one is kind/id with kind call, driver or payment");
        self.unreadable.push(Unreadable { entity: None, reason });
    }
}
