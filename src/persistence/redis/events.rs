//! The event stream: one Redis Stream per shard, read and trimmed by a cursor over all of them.
//!
//! A page is the oldest of what the shards have, each shard's in order; so are an entity's, which lives in one shard.

use redis::{Value, pipe};

use super::{envelope, error::refused, keys, link::Link};
use crate::actors::ports::{
    set_aside,
    store::{EventCursor, EventPage, EventRecord, NewEvent, StoreError},
};

/// The name Redis gives a stream entry: milliseconds and a number.
type EntryId = (u64, u64);

/// Where a consumer stands in each shard, by the shard's number; (0, 0) is before everything.
struct Positions(Vec<EntryId>);

struct Entry {
    shard: usize,
    id: EntryId,
    /// `None` when it cannot be read: it is left out.
    event: Option<EventRecord>,
}

/// The events that the shards had.
struct Fetched {
    entries: Vec<Entry>,
    /// Whether one of them may have more.
    more: bool,
}

/// The events after a cursor.
pub(super) async fn read(link: &Link, after: EventCursor, limit: usize) -> Result<EventPage, StoreError> {
    let mut positions = Positions::parse(&after)?;
    let Fetched { mut entries, mut more } = fetch(link, &positions, limit).await?;
    if entries.is_empty() {
        return Ok(EventPage { events: Vec::new(), next: after, more: false });
    }
    // Stable: within a shard they are in order already.
    entries.sort_by_key(|entry| entry.id);
    more |= entries.len() > limit;
    entries.truncate(limit);
    for entry in &entries {
        positions.0[entry.shard] = entry.id;
        if entry.event.is_none() {
            let (ms, nth) = entry.id;
            set_aside::event(&keys::all()[entry.shard].events, &format_args!("the entry {ms}-{nth}"));
        }
    }
    let events = entries.into_iter().filter_map(|entry| entry.event).collect();
    Ok(EventPage { events, next: positions.cursor(), more })
}

/// Deletes the events up to and including a cursor.
pub(super) async fn trim(link: &Link, through: &EventCursor) -> Result<(), StoreError> {
    let positions = Positions::parse(through)?;
    let mut request = pipe();
    for (shard, (ms, nth)) in keys::all().iter().zip(positions.0).filter(|(_, id)| *id != (0, 0)) {
        request.cmd("XTRIM").arg(&shard.events).arg("MINID").arg(format!("{ms}-{}", nth.saturating_add(1))).ignore();
    }
    if request.is_empty() {
        return Ok(());
    }
    request.cmd("SET").arg(keys::TRIMMED).arg(&through.0).ignore();
    link.ask(&request).await
}

/// Whether events after a cursor were trimmed.
pub(super) async fn has_forgotten(link: &Link, after: &EventCursor) -> Result<bool, StoreError> {
    let mut request = pipe();
    request.cmd("GET").arg(keys::TRIMMED);
    let (trimmed,): (Option<String>,) = link.ask(&request).await?;
    let trimmed = Positions::parse(&EventCursor(trimmed.unwrap_or_default()))?;
    let after = Positions::parse(after)?;
    Ok(trimmed.0.iter().zip(&after.0).any(|(trimmed, after)| trimmed > after))
}

/// The cursor, but in no shard beyond the last entry that the stream has had.
pub(super) async fn within(link: &Link, cursor: EventCursor) -> Result<EventCursor, StoreError> {
    if cursor == EventCursor::default() {
        return Ok(cursor);
    }
    let mut positions = Positions::parse(&cursor)?;
    let mut request = pipe();
    for shard in keys::all() {
        request.cmd("XINFO").arg("STREAM").arg(&shard.events);
    }
    let replies = link.ask_each(&request).await?;
    if let Some(Value::ServerError(error)) = replies.iter().find(|reply| !is_missing(reply) && last_id(reply).is_none())
    {
        return Err(refused(error));
    }
    for (position, reply) in positions.0.iter_mut().zip(&replies) {
        // A stream that is not there has had no entry.
        *position = (*position).min(last_id(reply).unwrap_or_default());
    }
    Ok(positions.cursor())
}

/// The last id that a stream has given, in the answer to `XINFO STREAM`: names and values in turns.
fn last_id(reply: &Value) -> Option<EntryId> {
    let Value::Array(parts) = reply else { return None };
    let named = parts.chunks_exact(2).find(|pair| text(&pair[0]) == Some("last-generated-id"))?;
    entry_id(text(&named[1])?)
}

fn is_missing(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.details().is_some_and(|said| said.contains("no such key")))
}

async fn fetch(link: &Link, positions: &Positions, limit: usize) -> Result<Fetched, StoreError> {
    // Events spread over the shards evenly: asking each for a good part of the page fills it without reading many
    // times as much. When one shard has all the news, the reader asks again at once.
    let count = limit.div_ceil(32);
    let mut request = pipe();
    request.cmd("XREAD").arg("COUNT").arg(count).arg("STREAMS");
    for shard in keys::all() {
        request.arg(&shard.events);
    }
    for (ms, nth) in &positions.0 {
        request.arg(format!("{ms}-{nth}"));
    }
    let (found,): (Value,) = link.ask(&request).await?;
    let mut entries = Vec::new();
    let mut more = false;
    for (key, found) in streams(found)? {
        let shard = keys::all().iter().position(|shard| shard.events == key);
        let shard = shard.ok_or_else(|| corrupt(&format!("an answer for {key:?}, which was not asked for")))?;
        more |= found.len() >= count;
        for entry in found {
            entries.push(read_entry(shard, &entry).ok_or_else(|| corrupt(&format!("{key}: the entry {entry:?}")))?);
        }
    }
    Ok(Fetched { entries, more })
}

/// Redis's reply, stream by stream: the name and the entries. It is read in place, without a copy of every part.
fn streams(found: Value) -> Result<Vec<(String, Vec<Value>)>, StoreError> {
    let stream = |stream: Value| match <[Value; 2]>::try_from(list(stream)?) {
        Ok([Value::BulkString(key), entries]) => Some((String::from_utf8(key).ok()?, list(entries)?)),
        Ok(_) | Err(_) => None,
    };
    match found {
        Value::Nil => Ok(Vec::new()),
        found => list(found)
            .and_then(|found| found.into_iter().map(stream).collect())
            .ok_or_else(|| corrupt("the answer to XREAD is no list of streams")),
    }
}

fn list(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(values) = value { Some(values) } else { None }
}

/// Reads an entry; `None` when it is not even one.
fn read_entry(shard: usize, entry: &Value) -> Option<Entry> {
    let Value::Array(parts) = entry else { return None };
    let [id, Value::Array(fields)] = parts.as_slice() else { return None };
    Some(Entry { shard, id: entry_id(text(id)?)?, event: read_record(fields) })
}

/// Reads an entry's fields as the commit script writes them: one, by the entity's name.
fn read_record(fields: &[Value]) -> Option<EventRecord> {
    let [entity, event] = fields else { return None };
    let entity = envelope::entity(text(entity)?)?;
    let NewEvent { seq, at, body } = envelope::read_event(text(event)?)?;
    Some(EventRecord { entity, seq, at, body })
}

fn text(value: &Value) -> Option<&str> {
    if let Value::BulkString(bytes) = value { std::str::from_utf8(bytes).ok() } else { None }
}

impl Positions {
    fn parse(cursor: &EventCursor) -> Result<Self, StoreError> {
        let shards = keys::all().len();
        if cursor.0.is_empty() {
            return Ok(Self(vec![(0, 0); shards]));
        }
        let position = |text: &str| if text.is_empty() { Some((0, 0)) } else { entry_id(text) };
        let positions: Option<Vec<_>> = cursor.0.split(',').map(position).collect();
        positions.filter(|positions| positions.len() == shards).map(Self).ok_or_else(|| {
            corrupt(&format!(
                "the event cursor {:?} is not of this store: a cursor here is {shards} positions",
                cursor.0
            ))
        })
    }

    fn cursor(&self) -> EventCursor {
        let text = |(ms, nth): &EntryId| if (*ms, *nth) == (0, 0) { String::new() } else { format!("{ms}-{nth}") };
        EventCursor(self.0.iter().map(text).collect::<Vec<_>>().join(","))
    }
}

fn entry_id(text: &str) -> Option<EntryId> {
    let (ms, nth) = text.split_once('-')?;
    Some((ms.parse().ok()?, nth.parse().ok()?))
}

fn corrupt(reason: &str) -> StoreError {
    StoreError::Corrupt { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() -> Result<(), StoreError> {
        let mut positions = Positions::parse(&EventCursor::default())?;
        positions.0[0] = (1_790_000_000_000, 3);
        positions.0[63] = (7, u64::MAX);
        let again = Positions::parse(&positions.cursor())?;
        assert_eq!(again.0, positions.0);
        Ok(())
    }

    #[test]
    fn a_cursor_of_another_store_is_refused() {
        for wrong in ["17", "1-2,3-4", "a-b", &",".repeat(64)] {
            assert!(Positions::parse(&EventCursor(wrong.to_owned())).is_err(), "{wrong}");
        }
    }
}
