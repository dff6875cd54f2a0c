//! Groups of commits: one script call each, in one round trip.

use std::sync::Arc;

use metrics::Counter;
use redis::{Cmd, Pipeline, Value};
use tokio::task::unconstrained;

use super::{
    envelope::{self, Head},
    error::{of_group, refused, unavailable, wants_another_server},
    keys,
    link::{Connected, Link},
};
use crate::{
    actors::ports::store::{Commit, Committed, EntityKind, EntityRef, Epoch, StoreError},
    persistence::group::{Answer, Backend},
};

const COMMIT: &str = include_str!("commit.lua");

/// About how many bytes a call has besides its envelope and events, and an event besides its body: what is made room
/// for at once need not grow piece by piece.
const CALL_BYTES: usize = 400;
const EVENT_BYTES: usize = 40;

/// The writing end of a Redis.
pub(super) struct Writer {
    pub link: Link,
    script: redis::Script,
    keep_finished_s: u64,
    reloads: Counter,
}

impl Writer {
    /// `keep_finished_s`: how long calls and payments are kept that are over; 0 for ever.
    pub fn new(link: Link, keep_finished_s: u64) -> Self {
        let reloads = metrics::counter!("callout_store_script_loads_total");
        Self { link, script: redis::Script::new(COMMIT), keep_finished_s, reloads }
    }

    async fn write_group(&self, group: &[Commit]) -> Result<Vec<Answer>, StoreError> {
        let mut connected = self.link.get().await?;
        let replies = self.send(&mut connected, group).await?;
        let mut answers: Vec<_> = replies.iter().map(answer).collect();
        let missing = unscripted(&replies);
        if !missing.is_empty() {
            // The server has not seen the script yet, so these were not executed.
            self.load_script(&mut connected).await?;
            let again: Vec<Commit> = missing.iter().map(|at| group[*at].clone()).collect();
            let replies = self.send(&mut connected, &again).await;
            for (nth, at) in missing.into_iter().enumerate() {
                answers[at] = replies.as_ref().map_err(Clone::clone).and_then(|replies| answer(&replies[nth]));
            }
        }
        self.settle(&connected, &replies).await;
        Ok(answers)
    }

    async fn send(&self, connected: &mut Connected, group: &[Commit]) -> Result<Vec<Value>, StoreError> {
        let request = self.request(group);
        let replies = connected.connection.send_packed_commands(&request, 0, group.len()).await;
        match replies {
            Ok(replies) if replies.len() == group.len() => Ok(replies),
            Ok(replies) => {
                let reason = format!("{} replies to {} commits", replies.len(), group.len());
                self.link.broken(connected, &reason).await;
                Err(StoreError::Unknown { reason })
            }
            Err(error) => {
                self.link.broken(connected, &error).await;
                Err(of_group(&error))
            }
        }
    }

    /// The script calls of a group.
    fn request(&self, group: &[Commit]) -> Pipeline {
        let mut request = Pipeline::with_capacity(group.len());
        for commit in group {
            request.add_command(call(self.script.get_hash(), commit, self.keep_finished_s));
        }
        request
    }

    async fn load_script(&self, connected: &mut Connected) -> Result<(), StoreError> {
        self.reloads.increment(1);
        let loaded = redis::cmd("SCRIPT").arg("LOAD").arg(COMMIT).exec_async(&mut connected.connection).await;
        loaded.map_err(|error| super::error::nothing_written(&error))
    }

    /// Notes what the replies say about the server itself.
    async fn settle(&self, connected: &Connected, replies: &[Value]) {
        let refusal = replies.iter().find_map(|reply| match reply {
            Value::ServerError(error) if wants_another_server(error) => Some(error),
            _ => None,
        });
        match refusal {
            Some(error) => self.link.broken(connected, error).await,
            None => self.link.works().await,
        }
    }
}

impl Backend for Writer {
    /// While the server works on one group, the next is encoded and the answers to the one before are given out.
    const UNDER_WAY: usize = 2;

    async fn write(&self, group: Vec<Commit>) -> Vec<Answer> {
        // Unconstrained, it has sent before the next group is begun: tokio's budget could let that one overtake.
        match unconstrained(self.write_group(&group)).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error); group.len()],
        }
    }
}

/// Whose end decides whether this entity may be forgotten: a call's payment, a payment's call. Drivers never are.
fn companion(commit: &Commit) -> Option<EntityRef> {
    let kind = match commit.entity.kind {
        EntityKind::Call => EntityKind::Payment,
        EntityKind::Payment => EntityKind::Call,
        EntityKind::Driver => return None,
    };
    (!commit.live && commit.due_at.is_none()).then(|| EntityRef::new(kind, Arc::clone(&commit.entity.id)))
}

fn call(hash: &str, commit: &Commit, keep_finished_s: u64) -> Cmd {
    let (keys, entity, head) = (keys::of(commit.entity.shard()), commit.entity.to_string(), Head::of(commit));
    let envelope = head.envelope(commit);
    let bodies: usize = commit.events.iter().map(|event| event.body.len() + EVENT_BYTES).sum();
    let companion = companion(commit).filter(|_| keep_finished_s > 0);
    let mut call = Cmd::with_capacity(15 + commit.events.len(), CALL_BYTES + envelope.len() + bodies);
    call.arg("EVALSHA").arg(hash).arg(4 + usize::from(companion.is_some()));
    call.arg(&keys.owner).arg(keys.snapshot(&entity)).arg(&keys.agenda).arg(&keys.events);
    let keep = if companion.is_some() { keep_finished_s } else { 0 };
    if let Some(companion) = &companion {
        call.arg(keys::snapshot(companion));
    }
    call.arg(commit.epoch.0).arg(commit.expected_version).arg(head.write);
    call.arg(envelope).arg(entity).arg(head.score).arg(keep);
    for event in &commit.events {
        call.arg(envelope::event(event));
    }
    call
}

/// Which commits met a server that does not know the script.
fn unscripted(replies: &[Value]) -> Vec<usize> {
    let unknown = |reply: &Value| matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT");
    replies.iter().enumerate().filter(|(_, reply)| unknown(reply)).map(|(at, _)| at).collect()
}

/// What the script's reply to one commit means.
fn answer(reply: &Value) -> Answer {
    match reply {
        Value::Int(1) => Ok(Committed::Ok),
        Value::Int(2) => Ok(Committed::Duplicate),
        Value::BulkString(text) => parse(text).ok_or_else(|| unexpected(reply)),
        Value::ServerError(error) => Err(refused(error)),
        _ => Err(unexpected(reply)),
    }
}

fn parse(text: &[u8]) -> Option<Committed> {
    let (kind, number) = text.split_first()?;
    let found: u64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    match kind {
        b'c' => Some(Committed::Conflict { found }),
        b'f' => Some(Committed::Fenced { found: Epoch(found) }),
        _ => None,
    }
}

fn unexpected(reply: &Value) -> StoreError {
    unavailable(format!("the commit script answered {reply:?}"))
}
