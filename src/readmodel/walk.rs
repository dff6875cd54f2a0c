//! Reads the history of one call in order, a few rows at a time. A walk that begins far into a long history begins at
//! the state that was kept nearest before it, so what it costs does not depend on how much happened earlier.

use std::collections::VecDeque;

use sqlx::SqliteConnection;

use super::{ReadError, fold::Read, history, snapshots};
use crate::{
    actors::ports::store::EventRecord,
    domain::{
        CallId, Machine,
        call::{Call, CallMachine, Event},
    },
};

/// The state of a call is kept at every so many of its events.
pub(super) const STATE_EVERY: u64 = 500;
/// How many rows of the history are read at a time.
const ROWS: i64 = 64;

const NEAREST_STATE: &str = "SELECT seq, state FROM call_states WHERE id = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1";
/// The row that has the event ?2, if that is where a row begins or goes on.
const FIRST_ROW: &str = "SELECT coalesce(max(seq), 0) FROM call_history WHERE id = ?1 AND seq <= ?2";
const NEXT_ROWS: &str = "SELECT id, seq, events FROM call_history WHERE id = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3";

/// The position of a walk through the history of a call.
pub(super) struct Walk {
    call: CallId,
    state: Option<Call>,
    /// The number of the last event of the walk so far.
    seq: u64,
    /// The call's stored state in place of missing events. It becomes the state once the walk comes to its version.
    bridge: Option<Call>,
    /// The next row to be read begins with this event or a later one; `None` after the last.
    next_row: Option<i64>,
    read: VecDeque<EventRecord>,
}

/// One event on the way.
pub(super) struct WalkedEvent {
    pub record: EventRecord,
    /// How many events are missing before it.
    pub missing: u64,
    /// The event, if this release knows its type.
    pub happened: Option<Event>,
}

impl Walk {
    /// A walk whose next event is the first with a higher number than `seq`.
    pub async fn after(sql: &mut SqliteConnection, call: &CallId, seq: u64) -> Result<Self, ReadError> {
        let mut walk = Self::from_nearest_state(sql, call, seq).await?;
        while walk.peek(sql).await?.is_some_and(|next| next.seq <= seq) {
            walk.next(sql).await?;
        }
        Ok(walk)
    }

    async fn from_nearest_state(sql: &mut SqliteConnection, call: &CallId, seq: u64) -> Result<Self, ReadError> {
        let wanted = i64::try_from(seq).unwrap_or(i64::MAX);
        let nearest: Option<(i64, String)> =
            sqlx::query_as(NEAREST_STATE).bind(call.as_str()).bind(wanted).fetch_optional(&mut *sql).await?;
        let (call, read) = (call.clone(), VecDeque::new());
        let Some((seq, state)) = nearest else {
            return Ok(Self { call, state: None, seq: 0, bridge: None, next_row: Some(0), read });
        };
        let first: i64 = sqlx::query_scalar(FIRST_ROW).bind(call.as_str()).bind(seq + 1).fetch_one(sql).await?;
        let state = Some(serde_json::from_str(&state)?);
        Ok(Self { call, state, seq: seq.cast_unsigned(), bridge: None, next_row: Some(first), read })
    }

    /// The number of the event that the walk came to last; 0 at the beginning.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The call's stored state, while the walk is at missing events and has no state of the call.
    pub fn bridge(&self) -> Option<&Call> {
        self.bridge.as_ref()
    }

    /// The call after the event that the walk came to last; `None` if its beginning is not there.
    pub fn state(&self) -> Option<&Call> {
        self.state.as_ref()
    }

    /// Goes on to the next event.
    pub async fn next(&mut self, sql: &mut SqliteConnection) -> Result<Option<WalkedEvent>, ReadError> {
        if self.peek(sql).await?.is_none() {
            return Ok(None);
        }
        let Some(record) = self.read.pop_front() else { return Ok(None) };
        let missing = record.seq - self.seq - 1;
        if missing > 0 {
            let bridge = snapshots::next_of_call(sql, &self.call, record.seq).await?;
            self.bridge = bridge.or(self.bridge.take());
        }
        self.seq = record.seq;
        let Read::Call(happened) = Read::new(&record) else {
            return Ok(Some(WalkedEvent { record, missing, happened: None }));
        };
        if let Some(bridge) = self.bridge.take_if(|bridge| bridge.version <= record.seq) {
            self.state = Some(bridge);
            return Ok(Some(WalkedEvent { record, missing, happened: Some(happened) }));
        }
        if self.bridge.is_some() {
            self.state = None;
            return Ok(Some(WalkedEvent { record, missing, happened: Some(happened) }));
        }
        self.state = CallMachine::evolve(self.state.take(), &happened, record.at);
        if let Some(call) = &mut self.state {
            // The event's own number counts, even if some before it were never seen.
            call.version = record.seq;
        }
        Ok(Some(WalkedEvent { record, missing, happened: Some(happened) }))
    }

    /// The next event, without going on to it.
    async fn peek(&mut self, sql: &mut SqliteConnection) -> Result<Option<&EventRecord>, ReadError> {
        loop {
            let seq = self.seq;
            while self.read.pop_front_if(|record| record.seq <= seq).is_some() {}
            if !self.read.is_empty() {
                return Ok(self.read.front());
            }
            let Some(from) = self.next_row else { return Ok(None) };
            let rows = sqlx::query(NEXT_ROWS).bind(self.call.as_str()).bind(from).bind(ROWS);
            let rows = rows.fetch_all(&mut *sql).await?;
            self.next_row = match rows.last() {
                Some(last) => Some(history::first_seq(last)? + 1),
                None => None,
            };
            for row in &rows {
                self.read.extend(history::calls_events(row)?);
            }
        }
    }
}
