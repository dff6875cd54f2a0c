//! The records of payments that lost acknowledged commits: a hash, outside the shards, until a person has looked at them.

use redis::pipe;

use super::{keys, link::Link};
use crate::actors::ports::store::StoreError;

/// Records kept, at most: about 5 MB. More are only in the log.
const RECORDS_MAX: usize = 10_000;

/// Keeps records by payment; those that are there already are replaced.
pub(super) async fn keep(link: &Link, records: Vec<(String, String)>) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let mut request = pipe();
    request.cmd("HLEN").arg(keys::LOST_PAYMENTS);
    let (there,): (usize,) = link.ask(&request).await?;
    let room = RECORDS_MAX.saturating_sub(there);
    if records.len() > room {
        tracing::error!(
            left_out = records.len() - room,
            RECORDS_MAX,
            "not every lost payment is recorded: see the log"
        );
    }
    if room == 0 {
        return Ok(());
    }
    let mut request = pipe();
    request.cmd("HSET").arg(keys::LOST_PAYMENTS);
    for (payment, record) in records.iter().take(room) {
        request.arg(payment).arg(record);
    }
    let (_added,): (usize,) = link.ask(&request).await?;
    Ok(())
}

/// Every record, by payment.
pub(super) async fn all(link: &Link) -> Result<Vec<(String, String)>, StoreError> {
    let mut request = pipe();
    request.cmd("HGETALL").arg(keys::LOST_PAYMENTS);
    let (found,): (Vec<(String, String)>,) = link.ask(&request).await?;
    Ok(found)
}
