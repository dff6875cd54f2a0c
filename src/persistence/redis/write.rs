//! Groups of commits: one script call each, in one round trip.

use std::sync::Arc;

use metrics::Counter;
use redis::{Cmd, Pipeline, Value};
use tokio::task::unconstrained;

use super::{
    envelope::{self, Head},
    error::{breaks_connection, nothing_written, of_group, refused, unavailable},
    keys,
    link::{Connected, Link},
    losses::Losses,
};
use crate::{
    actors::ports::store::{Commit, Committed, Epoch, StoreError},
    persistence::group::{Backend, CommitResult},
};

const COMMIT: &str = include_str!("commit.lua");

/// About how many bytes a call has besides its envelope and events, and an event besides its body: what is made room
/// for at once need not grow piece by piece.
const CALL_BYTES: usize = 400;
const EVENT_BYTES: usize = 40;

/// The writing end of a Redis.
pub(super) struct ScriptWriter {
    pub link: Link,
    script: redis::Script,
    keep_finished_s: u64,
    losses: Arc<Losses>,
    reloads: Counter,
}

/// The script's answer to one commit, and how many commits the shard had had then, if it says so.
type Answer = Result<(Committed, u64), StoreError>;

impl ScriptWriter {
    /// `keep_finished_s`: how long calls and payments are kept that are over; 0 for ever.
    pub fn new(link: Link, keep_finished_s: u64, losses: Arc<Losses>) -> Self {
        let reloads = metrics::counter!("callout_store_script_loads_total");
        Self { link, script: redis::Script::new(COMMIT), keep_finished_s, losses, reloads }
    }

    async fn write_group(&self, group: Vec<Commit>) -> Result<Vec<CommitResult>, StoreError> {
        let mut connected = self.link.get().await?;
        self.losses.check()?;
        let replies = self.send(&mut connected, &group).await?;
        let mut answers: Vec<_> = replies.iter().map(answer).collect();
        let missing = unscripted(&replies);
        self.link.settle(&connected, &replies).await;
        if !missing.is_empty() {
            // The server has not seen the script yet, so these were not executed. The others were: whatever becomes of
            // these, their answers stand.
            let again: Vec<Commit> = missing.iter().map(|at| group[*at].clone()).collect();
            let replies = self.send_with_script(&mut connected, &again).await;
            for (nth, at) in missing.into_iter().enumerate() {
                answers[at] = replies.as_ref().map_err(Clone::clone).and_then(|replies| answer(&replies[nth]));
            }
        }
        Ok(self.acknowledged(&connected, group, answers))
    }

    /// Remembers what was written. Over a connection that was replaced meanwhile nothing counts as written: the commits
    /// are repeated, and Redis says whether it has them.
    fn acknowledged(&self, connected: &Connected, group: Vec<Commit>, answers: Vec<Answer>) -> Vec<CommitResult> {
        let results: Vec<_> = answers.iter().map(|answer| answer.clone().map(|(committed, _)| committed)).collect();
        let written = group.into_iter().zip(answers).filter_map(|(commit, answer)| match answer {
            Ok((Committed::Ok | Committed::Duplicate, count)) => Some((count, commit)),
            _ => None,
        });
        if self.losses.remember(connected.number(), written) {
            return results;
        }
        let unsure =
            || StoreError::Unknown { reason: "the connection was replaced before the answer was read".to_owned() };
        let is_written = |result: &CommitResult| matches!(result, Ok(Committed::Ok | Committed::Duplicate));
        results.into_iter().map(|result| if is_written(&result) { Err(unsure()) } else { result }).collect()
    }

    /// Gives the server the script, and sends what met a server without it.
    async fn send_with_script(&self, connected: &mut Connected, group: &[Commit]) -> Result<Vec<Value>, StoreError> {
        self.load_script(connected).await?;
        let replies = self.send(connected, group).await?;
        self.link.settle(connected, &replies).await;
        Ok(replies)
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
        if let Err(error) = loaded {
            if breaks_connection(&error) {
                self.link.broken(connected, &error).await;
            }
            return Err(nothing_written(&error));
        }
        Ok(())
    }
}

impl Backend for ScriptWriter {
    /// While the server works on one group, the next is encoded and the answers to the one before are given out.
    const UNDER_WAY: usize = 2;

    async fn write(&self, group: Vec<Commit>) -> Vec<CommitResult> {
        // Unconstrained, it has sent before the next group is begun: tokio's budget could let that one overtake.
        let size = group.len();
        match unconstrained(self.write_group(group)).await {
            Ok(answers) => answers,
            Err(error) => vec![Err(error); size],
        }
    }
}

fn call(hash: &str, commit: &Commit, keep_finished_s: u64) -> Cmd {
    let (keys, entity, head) = (keys::of(commit.entity.shard()), commit.entity.to_string(), Head::of(commit));
    let envelope = head.envelope(commit);
    let bodies: usize = commit.events.iter().map(|event| event.body.len() + EVENT_BYTES).sum();
    let is_over = !commit.live && commit.due_at.is_none();
    let companion = commit.expires_with.as_ref().filter(|_| is_over && keep_finished_s > 0);
    let mut call = Cmd::with_capacity(16 + commit.events.len(), CALL_BYTES + envelope.len() + bodies);
    call.arg("EVALSHA").arg(hash).arg(5 + usize::from(companion.is_some()));
    call.arg(&keys.owner).arg(keys.snapshot(&entity)).arg(&keys.agenda).arg(&keys.events);
    call.arg(&keys.commits);
    let keep = if companion.is_some() { keep_finished_s } else { 0 };
    if let Some(companion) = companion {
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

/// The outcome of one commit, from the script's reply.
fn answer(reply: &Value) -> Answer {
    match reply {
        Value::Int(count @ 1..) => Ok((Committed::Ok, count.unsigned_abs())),
        Value::Int(count) => Ok((Committed::Duplicate, count.unsigned_abs())),
        Value::BulkString(text) => parse(text).map(|answer| (answer, 0)).ok_or_else(|| unexpected(reply)),
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
