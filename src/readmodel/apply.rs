//! Takes a page of events in, once.

use std::collections::HashSet;

use jiff::SignedDuration;

use super::{
    ApplyError, Eta, ReadModel,
    fold::{Fold, Read},
    history,
    notices::{self, Outgoing},
    writer::Transaction,
};
use crate::{
    actors::ports::store::{EntityKind, EntityRef, EventCursor, EventPage, EventRecord},
    clock,
    notify::{self, Notification},
};

/// A driver's time to the pickup is only told for assignments this fresh: it is that of now, not of then.
const ETA_HOLDS: SignedDuration = SignedDuration::from_secs(30);

/// What a page brought.
#[derive(Debug, Default)]
pub struct Applied {
    /// How many of its events were new.
    pub events: usize,
    /// What people are to be told now, in order.
    pub(super) outgoing: Vec<Outgoing>,
}

impl ReadModel {
    /// Applies a page that begins at `from`: its events, what they mean and its `next` cursor, all or nothing. Events that
    /// were applied before count no second time.
    ///
    /// # Errors
    /// When the read model stands elsewhere than `from`, or cannot be written; then the cursor says where it stands.
    pub async fn apply(&self, from: &EventCursor, page: &EventPage, eta: &Eta) -> Result<Applied, ApplyError> {
        let mut transaction = self.writer.begin().await?;
        let found: String = sqlx::query_scalar("SELECT cursor FROM source").fetch_one(transaction.sql()).await?;
        if found != from.0 {
            transaction.roll_back().await;
            return Err(ApplyError::Stale { found });
        }
        let applied = self.write(&mut transaction, page, eta).await?;
        transaction.commit().await?;
        self.progressed();
        Ok(applied)
    }

    async fn write(&self, to: &mut Transaction<'_>, page: &EventPage, eta: &Eta) -> Result<Applied, ApplyError> {
        let events: Vec<&EventRecord> =
            page.events.iter().filter(|event| event.entity.kind != EntityKind::Payment).collect();
        let mut fold = Fold::load(to.sql(), &events).await?;
        let mut taken = Taken::default();
        for event in &events {
            if fold.has(event) || !taken.seen.insert((&event.entity, event.seq)) {
                continue;
            }
            taken.history.push(event);
            self.take(&mut fold, event, eta, &mut taken);
        }
        history::put(to.sql(), &taken.history).await?;
        fold.save(to.sql()).await?;
        let outgoing = notices::put(to.sql(), taken.told).await?;
        sqlx::query("UPDATE source SET cursor = ?1").bind(&page.next.0).execute(to.sql()).await?;
        Ok(Applied { events: taken.history.len(), outgoing })
    }

    fn take<'a>(&self, fold: &mut Fold, record: &'a EventRecord, eta: &Eta, taken: &mut Taken<'a>) {
        let known = match Read::new(record) {
            Read::Call(event) => fold.call(record, &event).map(|step| {
                let policy = self.policies.get(&step.after.service);
                let fresh = clock::now().duration_since(record.at) < ETA_HOLDS;
                let eta_s = if fresh && notify::tells_eta(&event) { eta(step.after) } else { None };
                let told = notify::notifications(policy, step.before.as_ref(), &event, step.after, eta_s);
                taken.told.extend(told.into_iter().map(|told| (record.at, told)));
            }),
            Read::Driver(event) => fold.driver(record, &event).then_some(()),
            Read::Other => Some(()),
            Read::Unreadable(error) => {
                tracing::error!(entity = %record.entity, seq = record.seq, %error, "an event cannot be read; kept as it is");
                Some(())
            }
        };
        if known.is_none() {
            tracing::warn!(entity = %record.entity, seq = record.seq, "an event of something whose beginning is not there");
        }
    }
}

#[derive(Default)]
struct Taken<'a> {
    seen: HashSet<(&'a EntityRef, u64)>,
    history: Vec<&'a EventRecord>,
    told: Vec<(jiff::Timestamp, Notification)>,
}
