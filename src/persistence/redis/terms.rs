//! The terms of services: a hash by id. It lies in the first shard, so that one script can ask who owns that and forget.
//!
//! A Redis that lost its last writes may have lost terms and no commit. So the terms are remembered here, and given to it
//! again over every new connection, before anything is committed over that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use redis::{RedisError, aio::MultiplexedConnection, pipe};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{error::unavailable, keys, link::Link, owner};
use crate::actors::ports::{
    set_aside,
    store::{Epoch, StoreError, StoredTerms},
};

const FORGET: &str = include_str!("forget_terms.lua");

/// Terms as they lie in Redis.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    service: &'a str,
    /// In milliseconds.
    kept_at: i64,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The records of the terms that this process has kept or read, by id.
#[derive(Default)]
pub(super) struct Known(Mutex<BTreeMap<String, Vec<u8>>>);

impl Known {
    /// Keeps them again over a connection that nobody uses yet.
    pub async fn keep_again(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let mut request = pipe();
        for (id, record) in self.0.lock().iter() {
            request.cmd("HSETNX").arg(keys::TERMS).arg(id).arg(record).ignore();
        }
        if request.is_empty() { Ok(()) } else { request.query_async(connection).await }
    }
}

/// Keeps terms, or writes them anew.
pub(super) async fn keep(link: &Link, known: &Known, terms: &[StoredTerms]) -> Result<(), StoreError> {
    if terms.is_empty() {
        return Ok(());
    }
    let mut request = pipe();
    request.cmd("HMGET").arg(keys::TERMS).arg(terms.iter().map(|kept| &kept.id).collect::<Vec<_>>());
    let (there,): (Vec<Option<Vec<u8>>>,) = link.ask(&request).await?;
    let mut request = pipe();
    let mut records = BTreeMap::new();
    for (kept, there) in terms.iter().zip(there) {
        let before = there.and_then(|record| parse(&kept.id, &record).ok());
        let kept_at = before.map_or(kept.kept_at, |before| before.kept_at.min(kept.kept_at));
        let record = written(kept, kept_at)
            .map_err(|error| unavailable(format!("the terms {} are no JSON: {error}", kept.id)))?;
        request.cmd("HSET").arg(keys::TERMS).arg(&kept.id).arg(&record).ignore();
        records.insert(kept.id.clone(), record.into_bytes());
    }
    link.ask::<()>(&request).await?;
    known.0.lock().extend(records);
    Ok(())
}

fn written(terms: &StoredTerms, kept_at: Timestamp) -> Result<String, serde_json::Error> {
    let body: &RawValue = serde_json::from_str(&terms.body)?;
    serde_json::to_string(&Record { service: &terms.service, kept_at: kept_at.as_millisecond(), body })
}

/// All terms, the oldest first.
pub(super) async fn all(link: &Link, known: &Known) -> Result<Vec<StoredTerms>, StoreError> {
    let mut request = pipe();
    request.cmd("HGETALL").arg(keys::TERMS);
    let (found,): (Vec<(String, Vec<u8>)>,) = link.ask(&request).await?;
    let mut terms: Vec<StoredTerms> = found.iter().filter_map(|(id, record)| read(id, record)).collect();
    terms.sort_by(|a, b| (a.kept_at, &a.id).cmp(&(b.kept_at, &b.id)));
    known.0.lock().extend(found);
    Ok(terms)
}

fn read(id: &str, record: &[u8]) -> Option<StoredTerms> {
    parse(id, record).inspect_err(|error| set_aside::terms(&format!("{} {id}", keys::TERMS), error)).ok()
}

fn parse(id: &str, record: &[u8]) -> Result<StoredTerms, String> {
    let record: Record<'_> = serde_json::from_slice(record).map_err(|error| error.to_string())?;
    Ok(StoredTerms {
        id: id.to_owned(),
        service: record.service.to_owned(),
        kept_at: Timestamp::from_millisecond(record.kept_at).map_err(|error| error.to_string())?,
        body: record.body.get().to_owned(),
    })
}

/// Forgets terms, unless another process has the shards.
pub(super) async fn forget(link: &Link, known: &Known, mine: Epoch, ids: &[String]) -> Result<(), StoreError> {
    let mut request = pipe();
    request.cmd("EVAL").arg(FORGET).arg(2).arg(keys::of_terms().owner.as_str()).arg(keys::TERMS).arg(mine.0).arg(ids);
    let (found,): (u64,) = link.ask(&request).await?;
    if found != 0 {
        return Err(owner::not_owner(Epoch(found), mine));
    }
    known.0.lock().retain(|id, _| !ids.contains(id));
    Ok(())
}
