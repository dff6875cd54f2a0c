//! Reads of the history of a call: its timeline, in pages, and the states that it went through.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Page, ReadError, ReadModel, page, snapshots,
    walk::{Walk, WalkedEvent},
};
use crate::{
    domain::{CallId, call::Call, policy::Text},
    notify,
};

/// How many entries of a timeline are read at once, at most.
pub const TIMELINE_MAX: usize = 1_000;
/// How many states of a call are replayed, at most: the latest.
pub const REPLAY_MAX: usize = 1_000;

/// The part of a call's history that a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The events until the call was over. After that only its payment and its debt change.
    UpToItsEnd,
    Whole,
}

/// One thing that happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// Its place in the call's history, from 1.
    pub seq: u64,
    pub at: Timestamp,
    /// The event's type: `requested`, `assigned`, …; `history_missing` in place of events that are not in the history.
    pub event: String,
    /// The event in words; none for an event that this release does not know.
    pub description: Option<Text>,
    /// The cause of the event: `customer/alice`, `payment/call_…`, `deadline`.
    pub cause: String,
    /// The trace of the request that caused it.
    pub trace: String,
}

/// The parts of an event that can be read even when its type is not known.
#[derive(Deserialize)]
struct Outline {
    event: Tag,
    #[serde(default)]
    by: String,
    #[serde(default)]
    trace: String,
}

#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "type")]
    name: String,
}

/// The name of the entry in place of events that this read model never had.
const MISSING: &str = "history_missing";

impl ReadModel {
    /// The events of a call, oldest first; empty when there is no such call. `limit` is 1 to [`TIMELINE_MAX`].
    ///
    /// # Errors
    /// When the cursor is not one of this call's timeline, or the file cannot be read.
    pub async fn timeline(
        &self,
        call: &CallId,
        extent: Extent,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<TimelineEntry>, ReadError> {
        let limit = limit.clamp(1, TIMELINE_MAX);
        let list = format!("timeline/{call}");
        let after = match page::mark(cursor, &list)? {
            Some(mark) => mark.parse().map_err(|_| ReadError::BadCursor)?,
            None => 0,
        };
        let mut sql = self.readers.begin().await?;
        let mut walk = Walk::after(&mut sql, call, after).await?;
        let mut entries = Vec::new();
        while entries.len() <= limit {
            let over = walk.state().is_some_and(|call| call.phase.is_terminal());
            if over && extent == Extent::UpToItsEnd {
                break;
            }
            let seq = walk.seq();
            let Some(step) = walk.next(&mut sql).await? else {
                let latest = snapshots::latest_of_call(&mut sql, call, seq).await?;
                let lack = latest.map(|(at, call)| missing(seq + 1, call.version, at));
                entries.extend(lack.filter(|lack| lack.seq > after));
                break;
            };
            if step.missing > 0 {
                let lack = missing(seq + 1, seq + step.missing, step.record.at);
                entries.extend(Some(lack).filter(|lack| lack.seq > after));
                // Its end may be among what is missing, so what follows may be later than it.
                let over = walk.bridge().or(walk.state()).is_some_and(|call| call.phase.is_terminal());
                if over && extent == Extent::UpToItsEnd {
                    break;
                }
            }
            entries.push(self.entry(step, walk.state())?);
        }
        Ok(Page::cut(entries, limit, &list, |entry| entry.seq.to_string()))
    }

    /// The whole call as it was after each event whose number is higher than `seq`, oldest first; of more than
    /// [`REPLAY_MAX`] the latest. The last is the call as the read model knows it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn states_after(&self, call: &CallId, seq: u64) -> Result<Vec<Call>, ReadError> {
        let known = self.call_version(call).await?;
        let earliest = known.saturating_sub(u64::try_from(REPLAY_MAX).unwrap_or(u64::MAX));
        let mut sql = self.readers.begin().await?;
        let mut walk = Walk::after(&mut sql, call, seq.max(earliest)).await?;
        let mut states = VecDeque::new();
        while let Some(step) = walk.next(&mut sql).await? {
            let Some(call) = walk.state().filter(|_| step.happened.is_some()) else { continue };
            if states.len() == REPLAY_MAX {
                states.pop_front();
            }
            states.push_back(call.clone());
        }
        // What the store had last, where events are missing at the end.
        if let Some((_, call)) = snapshots::latest_of_call(&mut sql, call, walk.seq()).await? {
            states.push_back(call);
        }
        Ok(states.into())
    }

    /// An event as the timeline shows it. `after` is the call once it had happened.
    fn entry(
        &self,
        WalkedEvent { record, happened, .. }: WalkedEvent,
        after: Option<&Call>,
    ) -> Result<TimelineEntry, ReadError> {
        let outline: Outline = serde_json::from_str(&record.body)?;
        let described = happened.zip(after).map(|(happened, call)| {
            let policy = call.shown_policy(&self.policies);
            notify::describe(policy, &happened, call)
        });
        Ok(TimelineEntry {
            seq: record.seq,
            at: record.at,
            event: outline.event.name,
            description: described,
            cause: outline.by,
            trace: outline.trace,
        })
    }
}

/// The entry in place of the events `first` to `last`, which are not in the history.
fn missing(first: u64, last: u64, at: Timestamp) -> TimelineEntry {
    let description = Some(notify::history_missing(first, last));
    let (cause, trace) = ("readmodel".to_owned(), String::new());
    TimelineEntry { seq: first, at, event: MISSING.to_owned(), description, cause, trace }
}
