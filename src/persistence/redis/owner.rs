//! The data set's identity, and who owns its shards.

use std::time::Duration;

use redis::{Value, from_redis_value_ref, pipe};
use uuid::Uuid;

use super::{
    error::{nothing_written, refused, unavailable, wants_another_server},
    keys,
    link::Link,
    losses,
};
use crate::{
    actors::ports::store::{Epoch, SHARDS, StoreError},
    persistence::{OpenError, new_identity},
};

const TAKE: &str = include_str!("take.lua");

/// The layout of the keys. A release that changes it raises this.
const SCHEMA: i64 = 1;

/// How often to try again when another process takes the shards at the same moment.
const ATTEMPTS: usize = 16;

/// Names the data set, made when there is none yet; refuses one of a later release.
pub(super) async fn identity(link: &Link, at: &str) -> Result<Uuid, OpenError> {
    let failed = |source| OpenError::Store { at: at.to_owned(), source };
    let mut request = pipe();
    request.cmd("HSETNX").arg(keys::STORE).arg("identity").arg(new_identity().to_string()).ignore();
    request.cmd("HSETNX").arg(keys::STORE).arg("schema").arg(SCHEMA).ignore();
    request.cmd("HSETNX").arg(keys::STORE).arg("shards").arg(SHARDS).ignore();
    request.cmd("HMGET").arg(keys::STORE).arg("identity").arg("schema").arg("shards");
    let ((identity, schema, shards),): ((String, i64, u16),) = link.ask(&request).await.map_err(failed)?;
    if schema > SCHEMA {
        return Err(OpenError::Newer { at: at.to_owned(), found: schema, known: SCHEMA });
    }
    if shards != SHARDS {
        let reason = format!("it has {shards} shards, this release has {SHARDS}");
        return Err(OpenError::Foreign { at: at.to_owned(), reason });
    }
    identity.parse().map_err(|_| {
        failed(StoreError::Corrupt { reason: format!("{} has the identity {identity:?}, not a UUID", keys::STORE) })
    })
}

/// Raises every shard's epoch above any that was there.
pub(super) async fn take(link: &Link) -> Result<Epoch, StoreError> {
    check_types(link).await?;
    for _ in 0..ATTEMPTS {
        let epoch = highest(link).await? + 1;
        let found: Vec<u64> = link.ask(&raising(epoch)).await?;
        if found.iter().all(|found| *found == 0) {
            return Ok(Epoch(epoch));
        }
    }
    Err(unavailable(format!("{ATTEMPTS} times another process took the shards at the same moment")))
}

/// Raises every shard's epoch to this one, where it is lower. One transaction: two processes that take the shards at the
/// same time do not get half of them each.
pub(super) fn raising(epoch: u64) -> redis::Pipeline {
    let mut request = pipe();
    request.atomic();
    for shard in keys::all() {
        request.cmd("EVAL").arg(TAKE).arg(1).arg(&shard.owner).arg(epoch);
    }
    request
}

/// How many commits each shard has had.
pub(super) async fn counts(link: &Link) -> Result<Vec<u64>, StoreError> {
    let mut request = pipe();
    losses::counts(&mut request);
    let (found,): (Vec<Option<u64>>,) = link.ask(&request).await?;
    Ok(found.into_iter().map(Option::unwrap_or_default).collect())
}

/// Writes something harmless, and looks whether the shards are still this process's.
pub(super) async fn probe(link: &Link, mine: Epoch) -> Result<(), StoreError> {
    let mut request = pipe();
    request.cmd("INCR").arg(keys::PROBE).ignore();
    owners(&mut request);
    let (found,): (Vec<Option<u64>>,) = link.ask(&request).await?;
    match found.iter().map(|found| found.unwrap_or_default()).find(|found| *found != mine.0) {
        Some(found) if mine.0 != 0 => Err(StoreError::Unavailable {
            reason: format!("another process has taken the shards over: epoch {found}, this one's is {}", mine.0),
            retry_after: Duration::from_secs(10),
        }),
        _ => Ok(()),
    }
}

/// The epoch of whoever owns the shards, by a server that takes writes: a master that was cut off from its replicas still
/// answers reads, while another process takes the shards on the new one.
///
/// Only what says that the server is no master, or none that may write, is in the way. One that is full or cannot persist
/// still knows who owns the shards.
pub(super) async fn owner(link: &Link) -> Result<Epoch, StoreError> {
    let mut request = pipe();
    request.cmd("INCR").arg(keys::PROBE);
    owners(&mut request);
    let replies = link.ask_each(&request).await?;
    let [written, found] = replies.as_slice() else {
        return Err(unavailable(format!("{} replies to the question who owns the shards", replies.len())));
    };
    for reply in [written, found] {
        match reply {
            Value::ServerError(error) if wants_another_server(error) => return Err(refused(error)),
            _ => {}
        }
    }
    if let Value::ServerError(error) = found {
        return Err(refused(error));
    }
    let found: Vec<Option<u64>> = from_redis_value_ref(found).map_err(|error| nothing_written(&error.into()))?;
    Ok(Epoch(found.into_iter().flatten().max().unwrap_or_default()))
}

/// Refuses unless the shards are this process's: somebody else's read model may not have the events that this one is done
/// with.
pub(super) async fn check(link: &Link, mine: Epoch) -> Result<(), StoreError> {
    let found = owner(link).await?;
    if found == mine {
        return Ok(());
    }
    Err(not_owner(found, mine))
}

/// The refusal of what only the owner of the shards may do.
pub(super) fn not_owner(found: Epoch, mine: Epoch) -> StoreError {
    unavailable(format!("another process has taken the shards over: epoch {}, this one's is {}", found.0, mine.0))
}

/// The highest epoch of any shard; 0 when nobody has taken one.
async fn highest(link: &Link) -> Result<u64, StoreError> {
    let mut request = pipe();
    owners(&mut request);
    let (found,): (Vec<Option<u64>>,) = link.ask(&request).await?;
    Ok(found.into_iter().flatten().max().unwrap_or_default())
}

pub(super) fn owners(request: &mut redis::Pipeline) {
    request.cmd("MGET");
    for shard in keys::all() {
        request.arg(&shard.owner);
    }
}

/// A key of another type would make the commit script fail half-way, so it is found before anything is written.
async fn check_types(link: &Link) -> Result<(), StoreError> {
    let expected: Vec<(&str, &str)> = keys::all()
        .iter()
        .flat_map(|shard| {
            [
                (&*shard.owner, "string"),
                (&*shard.agenda, "zset"),
                (&*shard.events, "stream"),
                (&*shard.commits, "string"),
            ]
        })
        .collect();
    let mut request = pipe();
    for (key, _) in &expected {
        request.cmd("TYPE").arg(*key);
    }
    let found: Vec<String> = link.ask(&request).await?;
    let wrong = expected.iter().zip(&found).find(|((_, expected), found)| found != expected && *found != "none");
    match wrong {
        Some(((key, expected), found)) => {
            Err(StoreError::Corrupt { reason: format!("{key} is a {found}; it must be a {expected} or not be there") })
        }
        None => Ok(()),
    }
}
