//! Takes back what the store lost: views and history of calls and drivers that went back to an earlier version, or are gone.
//!
//! The store gives the numbers of the lost events to others. So the lost ones leave the history, and the view counts as
//! having seen no event after the version that the store went back to.

use std::{
    collections::{BTreeMap, HashSet},
    sync::atomic::Ordering,
};

use sqlx::SqliteConnection;

use super::{
    ApplyError, ReadModel,
    fold::{self, Fold},
    snapshots::State,
};
use crate::actors::ports::{
    loss::{Loss, LostEntity},
    store::{EntityKind, EntityRef, EventCursor, Store, StoreError},
};

/// Rows of a call's history that begin after the version; the row in which it lies keeps the events up to it.
const CUT_ROWS: &str = "DELETE FROM call_history WHERE id = ?1 AND seq > ?2";
const CUT_ROW: &str = "
    UPDATE call_history SET events = (
        SELECT json_group_array(json(event.value)) FROM json_each(call_history.events) AS event
        WHERE json_extract(event.value, '$[0]') <= ?2)
    WHERE id = ?1 AND seq = (SELECT max(seq) FROM call_history WHERE id = ?1)";
const CUT_STATES: &str = "DELETE FROM call_states WHERE id = ?1 AND seq > ?2";
const CUT_SNAPSHOTS: &str = "DELETE FROM snapshots WHERE kind = ?3 AND id = ?1 AND seq > ?2";
/// The history of drivers has no index: all are cut in one pass over it. ?1: the version of each, by id.
const CUT_DRIVERS: &str = "
    DELETE FROM driver_history WHERE id IN (SELECT key FROM json_each(?1))
    AND seq > (SELECT value FROM json_each(?1) AS cut WHERE cut.key = driver_history.id)";
const DROP_CALLS: &str = "DELETE FROM calls WHERE id IN (SELECT value FROM json_each(?1))";
const DROP_DRIVERS: &str = "DELETE FROM drivers WHERE id IN (SELECT value FROM json_each(?1))";

/// A call or driver that lost events.
pub(super) struct Returned {
    pub entity: EntityRef,
    /// The version that the store went back to.
    pub found: u64,
    pub is_gone: bool,
    /// The state that the store has now, if it can be read.
    pub state: Option<State>,
}

/// The calls and drivers of a loss, as the store has them now.
pub(super) async fn returned(store: &dyn Store, loss: &Loss) -> Result<Vec<Returned>, StoreError> {
    let mut returned = Vec::new();
    for lost in loss.entities.iter().filter(|lost| lost.entity.kind != EntityKind::Payment) {
        let LostEntity { entity, found, .. } = lost.clone();
        let (is_gone, state) = match store.load(entity.clone()).await {
            Ok(stored) => (found == 0 || stored.is_none(), stored.as_ref().and_then(State::of)),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%entity, %error, "left as it is shown");
                (false, None)
            }
            Err(error) => return Err(error),
        };
        returned.push(Returned { entity, found, is_gone, state });
    }
    Ok(returned)
}

/// Those of which the store still has an older version than the one that is shown. What is shown was committed before, so
/// the store has lost it, while no process looked that remembered it.
pub(super) async fn still_ahead(store: &dyn Store, shown: Vec<(EntityRef, u64)>) -> Result<Vec<Returned>, StoreError> {
    let mut returned = Vec::new();
    for (entity, version) in shown {
        let Some(stored) = store.load(entity.clone()).await? else { continue };
        if stored.version < version {
            tracing::error!(%entity, shown = version, stored = stored.version, "the store lost changes that were shown");
            let (found, state) = (stored.version, State::of(&stored));
            returned.push(Returned { entity, found, is_gone: false, state });
        }
    }
    Ok(returned)
}

impl ReadModel {
    /// The number of the last loss that was taken back.
    pub(super) fn taken_back(&self) -> u64 {
        self.taken_back.load(Ordering::Acquire)
    }

    /// Takes back what a loss took from the store, goes on at `cursor`, and has everything unfinished compared anew.
    pub(super) async fn take_back(
        &self,
        loss: u64,
        returned: &[Returned],
        from: &EventCursor,
        cursor: &EventCursor,
    ) -> Result<(), ApplyError> {
        let mut transaction = self.writer.begin().await?;
        go_back(transaction.sql(), returned).await?;
        sqlx::query("UPDATE source SET cursor = ?1 WHERE cursor = ?2")
            .bind(&cursor.0)
            .bind(&from.0)
            .execute(transaction.sql())
            .await?;
        transaction.commit().await?;
        self.taken_back.store(loss, Ordering::Release);
        self.swept.store(false, Ordering::Release);
        self.progressed();
        Ok(())
    }
}

async fn go_back(sql: &mut SqliteConnection, returned: &[Returned]) -> Result<(), sqlx::Error> {
    for lost in returned {
        cut(sql, lost).await?;
    }
    let drivers = returned.iter().filter(|lost| lost.entity.kind == EntityKind::Driver);
    let versions: BTreeMap<&str, u64> = drivers.map(|lost| (&*lost.entity.id, lost.found)).collect();
    sqlx::query(CUT_DRIVERS).bind(fold::json(&versions)?).execute(&mut *sql).await?;
    let gone = |kind| {
        let gone = returned.iter().filter(move |lost| lost.entity.kind == kind && lost.is_gone);
        gone.map(|lost| &*lost.entity.id).collect::<HashSet<&str>>()
    };
    sqlx::query(DROP_CALLS).bind(fold::json(&gone(EntityKind::Call))?).execute(&mut *sql).await?;
    sqlx::query(DROP_DRIVERS).bind(fold::json(&gone(EntityKind::Driver))?).execute(&mut *sql).await?;
    let mut fold = Fold::load(sql, returned.iter().map(|lost| &lost.entity)).await?;
    for lost in returned {
        if let Some(state) = &lost.state
            && fold.has_seen(&lost.entity) > lost.found
        {
            fold.mend(state, lost.found);
        }
    }
    fold.save(sql).await
}

/// Forgets what came after the version that the store went back to.
async fn cut(sql: &mut SqliteConnection, lost: &Returned) -> Result<(), sqlx::Error> {
    let (id, found) = (&*lost.entity.id, lost.found.cast_signed());
    let kind = lost.entity.kind.as_str();
    sqlx::query(CUT_SNAPSHOTS).bind(id).bind(found).bind(kind).execute(&mut *sql).await?;
    if lost.entity.kind == EntityKind::Call {
        for statement in [CUT_ROWS, CUT_ROW, CUT_STATES] {
            sqlx::query(statement).bind(id).bind(found).execute(&mut *sql).await?;
        }
    }
    Ok(())
}
