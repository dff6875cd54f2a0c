//! The terms of services: a hash by id. It lies in the first shard, so that one script can ask who owns that and forget.

use jiff::Timestamp;
use redis::pipe;
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

/// Keeps terms, unless they are there already.
pub(super) async fn keep(link: &Link, terms: &[StoredTerms]) -> Result<(), StoreError> {
    if terms.is_empty() {
        return Ok(());
    }
    let mut request = pipe();
    for kept in terms {
        let record =
            written(kept).map_err(|error| unavailable(format!("the terms {} are no JSON: {error}", kept.id)))?;
        request.cmd("HSETNX").arg(keys::TERMS).arg(&kept.id).arg(record).ignore();
    }
    link.ask(&request).await
}

fn written(terms: &StoredTerms) -> Result<String, serde_json::Error> {
    let body: &RawValue = serde_json::from_str(&terms.body)?;
    serde_json::to_string(&Record { service: &terms.service, kept_at: terms.kept_at.as_millisecond(), body })
}

/// All terms, the oldest first.
pub(super) async fn all(link: &Link) -> Result<Vec<StoredTerms>, StoreError> {
    let mut request = pipe();
    request.cmd("HGETALL").arg(keys::TERMS);
    let (found,): (Vec<(String, Vec<u8>)>,) = link.ask(&request).await?;
    let mut terms: Vec<StoredTerms> = found.iter().filter_map(|(id, record)| read(id, record)).collect();
    terms.sort_by(|a, b| (a.kept_at, &a.id).cmp(&(b.kept_at, &b.id)));
    Ok(terms)
}

fn read(id: &str, record: &[u8]) -> Option<StoredTerms> {
    let read = || {
        let record: Record<'_> = serde_json::from_slice(record).map_err(|error| error.to_string())?;
        Ok(StoredTerms {
            id: id.to_owned(),
            service: record.service.to_owned(),
            kept_at: Timestamp::from_millisecond(record.kept_at).map_err(|error| error.to_string())?,
            body: record.body.get().to_owned(),
        })
    };
    read().inspect_err(|error: &String| set_aside::terms(&format!("{} {id}", keys::TERMS), error)).ok()
}

/// Forgets terms, unless another process has the shards.
pub(super) async fn forget(link: &Link, mine: Epoch, ids: &[String]) -> Result<(), StoreError> {
    let mut request = pipe();
    request.cmd("EVAL").arg(FORGET).arg(2).arg(keys::of_terms().owner.as_str()).arg(keys::TERMS).arg(mine.0).arg(ids);
    let (found,): (u64,) = link.ask(&request).await?;
    if found == 0 { Ok(()) } else { Err(owner::not_owner(Epoch(found), mine)) }
}
