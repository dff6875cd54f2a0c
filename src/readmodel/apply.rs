//! Takes a page of events in, once.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;

use super::{
    ApplyError, Eta, ReadModel,
    fold::{self, CallStep, Fold, Read},
    history,
    notices::{self, Outgoing},
    snapshots::{self, Snapshots},
    writer::Transaction,
};
use crate::{
    actors::ports::store::{EntityRef, EventCursor, EventPage, EventRecord},
    clock,
    notify::{self, Notification},
};

/// A driver's time to the pickup is only told for assignments this fresh: it is that of now, not of then.
const ETA_HOLDS: SignedDuration = SignedDuration::from_secs(30);

/// The result of applying a page.
#[derive(Debug, Default)]
pub struct Applied {
    /// How many of its events were new.
    pub events: usize,
    /// The notifications for the hub, in order.
    pub(super) outgoing: Vec<Outgoing>,
}

impl ReadModel {
    /// Applies a page that begins at `from`: its events, the changed views and its `next` cursor, all or nothing.
    /// Events that were applied before do not count again. Where events are missing, the entity's state is taken from
    /// `snapshots`; for an entity without one there, the given events count as complete.
    ///
    /// # Errors
    /// When the read model's cursor is not `from` (the error has the cursor), or it cannot be written. When
    /// events are missing of entities that `snapshots` does not know.
    pub async fn apply(
        &self,
        from: &EventCursor,
        page: &EventPage,
        eta: &Eta,
        snapshots: &Snapshots,
    ) -> Result<Applied, ApplyError> {
        let mut transaction = self.writer.begin().await?;
        let found: String = sqlx::query_scalar("SELECT cursor FROM source").fetch_one(transaction.sql()).await?;
        if found != from.0 {
            transaction.roll_back().await;
            return Err(ApplyError::Stale { found });
        }
        let applied = match self.write(&mut transaction, page, eta, snapshots).await {
            Err(gaps @ ApplyError::Gaps(_)) => {
                transaction.roll_back().await;
                return Err(gaps);
            }
            applied => applied?,
        };
        transaction.commit().await?;
        self.progressed();
        Ok(applied)
    }

    async fn write(
        &self,
        to: &mut Transaction<'_>,
        page: &EventPage,
        eta: &Eta,
        snapshots: &Snapshots,
    ) -> Result<Applied, ApplyError> {
        let events: Vec<&EventRecord> =
            page.events.iter().filter(|event| fold::has_a_view(event.entity.kind)).collect();
        let mut fold = Fold::load(to.sql(), events.iter().map(|event| &event.entity)).await?;
        let gaps = gaps(&fold, &events, snapshots);
        if !gaps.is_empty() {
            return Err(ApplyError::Gaps(gaps));
        }
        let mut taken = Taken::default();
        for event in &events {
            if fold.has(event) || !taken.seen.insert((&event.entity, event.seq)) {
                continue;
            }
            taken.history.push(event);
            if fold.lacks_some_before(event) {
                tracing::warn!(entity = %event.entity, seq = event.seq, "events are missing before this one");
                fold.bridge(event, snapshots);
            }
            self.take(&mut fold, event, eta, &mut taken);
        }
        history::put(to.sql(), &taken.history).await?;
        fold.save(to.sql()).await?;
        snapshots::count(fold.mended());
        let outgoing = notices::put(to.sql(), taken.told).await?;
        sqlx::query("UPDATE source SET cursor = ?1").bind(&page.next.0).execute(to.sql()).await?;
        Ok(Applied { events: taken.history.len(), outgoing })
    }

    fn take<'a>(&self, fold: &mut Fold, record: &'a EventRecord, eta: &Eta, taken: &mut Taken<'a>) {
        let known = match Read::new(record) {
            Read::Call(event) => match fold.call(record, &event) {
                Some(CallStep { before, after, exact: true }) => {
                    let policy = after.shown_policy(&self.policies);
                    let fresh = clock::now().duration_since(record.at) < ETA_HOLDS;
                    let eta_s = if fresh && notify::tells_eta(&event) { eta(after) } else { None };
                    let told = notify::notifications(policy, before.as_ref(), &event, after, eta_s);
                    taken.told.extend(told.into_iter().map(|told| (record.at, told)));
                    true
                }
                // What to say would depend on what the call was like then, so nobody is told.
                Some(CallStep { exact: false, .. }) => true,
                None => false,
            },
            Read::Driver(event) => fold.driver(record, &event),
            Read::Other => true,
            Read::Unreadable(error) => {
                tracing::error!(entity = %record.entity, seq = record.seq, %error, "an event cannot be read; kept as it is");
                true
            }
        };
        if !known {
            tracing::warn!(entity = %record.entity, seq = record.seq, "an event of something whose beginning is not there");
        }
    }
}

/// The entities of which events are missing, and of which it is not known what the store has.
fn gaps(fold: &Fold, events: &[&EventRecord], snapshots: &Snapshots) -> Vec<EntityRef> {
    let mut last: HashMap<&EntityRef, u64> = HashMap::new();
    let mut gaps = HashSet::new();
    for event in events {
        let last = last.entry(&event.entity).or_insert_with(|| fold.version(&event.entity));
        if event.seq > *last + 1 && !snapshots.has(&event.entity) {
            gaps.insert(event.entity.clone());
        }
        *last = event.seq.max(*last);
    }
    gaps.into_iter().collect()
}

#[derive(Default)]
struct Taken<'a> {
    seen: HashSet<(&'a EntityRef, u64)>,
    history: Vec<&'a EventRecord>,
    told: Vec<(jiff::Timestamp, Notification)>,
}
