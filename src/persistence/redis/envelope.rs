//! The snapshot as it lies in Redis: JSON with a head that the commit script reads without parsing the rest.
//!
//! `{"v":1,"version":3,"write":"…","live":true,"due":1790000000000,"snapshot":{…}}`. The order of the head
//! is part of the format: `commit.lua` matches it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::actors::ports::store::{Commit, EntityKind, EntityRef, NewEvent, StoreError, Stored};

/// The envelope's format. A release that changes it must read the older formats.
pub(super) const SCHEMA: u64 = 1;
/// So many bytes of an envelope have its whole head (`commit.lua` reads as many).
pub(super) const HEAD_BYTES: usize = 160;
/// How every envelope begins: [`SCHEMA`].
const SCHEMA_MEMBER: &str = r#"{"v":1,"#;

#[derive(Deserialize)]
struct Envelope<'a> {
    v: u64,
    version: u64,
    live: bool,
    due: Option<i64>,
    #[serde(borrow)]
    snapshot: &'a RawValue,
}

/// The arguments of the script for one commit. The head of the envelope repeats them.
pub(super) struct Head {
    /// Tells this write from others of the same entity: half as long as its id, because there is one in every snapshot.
    pub write: String,
    /// The entity's place in the agenda: its deadline in milliseconds, `+inf` when it is only live, or `none`.
    pub score: String,
}

impl Head {
    pub fn of(commit: &Commit) -> Self {
        let (high, low) = commit.write_id.as_u64_pair();
        let score = match commit.due_at {
            Some(at) => at.as_millisecond().to_string(),
            None => if commit.live { "+inf" } else { "none" }.to_owned(),
        };
        Self { write: format!("{:016x}", high ^ low), score }
    }

    /// The commit's envelope. Put together piece by piece: a dozen are written for every call.
    pub fn envelope(&self, commit: &Commit) -> String {
        let due = if commit.due_at.is_some() { &self.score } else { "null" };
        let (version, live) = (commit.version.to_string(), if commit.live { "true" } else { "false" });
        let parts = [
            SCHEMA_MEMBER,
            r#""version":"#,
            &version,
            r#","write":""#,
            &self.write,
            r#"","live":"#,
            live,
            r#","due":"#,
            due,
            r#","snapshot":"#,
            &commit.snapshot,
            "}",
        ];
        parts.concat()
    }
}

/// Opens an entity's envelope.
pub(super) fn open(entity: EntityRef, bytes: &[u8]) -> Result<Stored, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt { reason: format!("the snapshot of {entity}: {what}") };
    let text = std::str::from_utf8(bytes).map_err(|error| corrupt(error.to_string()))?;
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| corrupt(error.to_string()))?;
    if envelope.v != SCHEMA {
        return Err(corrupt(format!("form {} is not one this release reads ({SCHEMA})", envelope.v)));
    }
    let due_at = envelope.due.map(Timestamp::from_millisecond).transpose();
    Ok(Stored {
        version: envelope.version,
        snapshot: envelope.snapshot.get().to_owned(),
        due_at: due_at.map_err(|error| corrupt(error.to_string()))?,
        live: envelope.live,
        entity,
    })
}

/// The version in the beginning of an envelope; `None` when it is none.
pub(super) fn version(head: &[u8]) -> Option<u64> {
    // What was cut off may end in the middle of a letter.
    let text = String::from_utf8_lossy(head);
    let (version, _) = text.strip_prefix(SCHEMA_MEMBER)?.strip_prefix(r#""version":"#)?.split_once(',')?;
    version.parse().ok()
}

/// An event as it lies in its shard's stream: one text, because every further field is one more thing that Redis and we
/// take apart for each event. `{"seq":3,"at":1790000000000,"body":{…}}`.
pub(super) fn event(event: &NewEvent) -> String {
    let (seq, at) = (event.seq.to_string(), event.at.as_millisecond().to_string());
    [r#"{"seq":"#, &seq, r#","at":"#, &at, r#","body":"#, &event.body, "}"].concat()
}

/// Reads what [`event`] wrote; `None` when it did not.
pub(super) fn read_event(text: &str) -> Option<NewEvent> {
    // The numbers end at the next comma; the body may have any.
    let (seq, rest) = text.strip_prefix(r#"{"seq":"#)?.split_once(',')?;
    let (at, rest) = rest.strip_prefix(r#""at":"#)?.split_once(',')?;
    let body = rest.strip_suffix('}')?.strip_prefix(r#""body":"#)?;
    let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
    Some(NewEvent { seq: seq.parse().ok()?, at, body: body.to_owned() })
}

/// The entity that `kind/id` names; `None` when it names none.
pub(super) fn entity(name: &str) -> Option<EntityRef> {
    let (kind, id) = name.split_once('/')?;
    Some(EntityRef::new(EntityKind::parse(kind)?, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity_a() -> EntityRef {
        EntityRef::new(EntityKind::Call, "a")
    }

    #[test]
    fn an_envelope_of_another_schema_is_named_not_guessed() {
        let text = r#"{"v":2,"version":1,"write":"0","live":true,"due":null,"snapshot":{}}"#;
        let Err(StoreError::Corrupt { reason }) = open(entity_a(), text.as_bytes()) else { panic!("it was read") };
        assert_eq!(reason, "the snapshot of call/a: form 2 is not one this release reads (1)");
    }

    #[test]
    fn an_envelope_comes_back_as_it_was() {
        let due_at = Timestamp::from_millisecond(1_790_000_000_000).ok();
        for (due_at, live, score) in [(due_at, true, "1790000000000"), (None, true, "+inf"), (None, false, "none")] {
            let commit = Commit {
                entity: entity_a(),
                epoch: crate::actors::ports::store::Epoch(1),
                write_id: uuid::Uuid::from_u64_pair(1, 2),
                expected_version: 6,
                version: 7,
                snapshot: r#"{"a":1}"#.to_owned(),
                events: Vec::new(),
                due_at,
                live,
                expires_with: None,
            };
            let head = Head::of(&commit);
            assert_eq!((head.write.as_str(), head.score.as_str()), ("0000000000000003", score));
            let text = head.envelope(&commit);
            assert!(
                text.starts_with(&format!(r#"{{"v":{SCHEMA},"version":7,"write":"{}","live":"#, head.write)),
                "{text}"
            );
            let cut_in_a_letter = [text.as_bytes(), &"콜".as_bytes()[..1]].concat();
            assert_eq!((version(&cut_in_a_letter), version(b"{}")), (Some(7), None));
            let stored = open(entity_a(), text.as_bytes()).expect("what was written");
            assert_eq!((stored.version, stored.live, stored.due_at), (7, live, due_at));
            assert_eq!(stored.snapshot, commit.snapshot);
        }
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let new = NewEvent { seq: 3, at: Timestamp::UNIX_EPOCH, body: r#"{"body":[",\"body\":{}"]}"#.to_owned() };
        let text = event(&new);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        let read = read_event(&text).expect("what was written");
        assert_eq!((read.seq, read.at, read.body), (new.seq, new.at, new.body));
        for wrong in ["", "{}", r#"{"seq":x,"at":0,"body":{}}"#, r#"{"seq":1,"to":0,"body":{}}"#] {
            assert!(read_event(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_names_no_entity_is_refused() {
        assert_eq!(entity("call/a"), Some(entity_a()));
        for wrong in ["", "call", "taxi/a"] {
            assert!(entity(wrong).is_none(), "{wrong}");
        }
    }
}
