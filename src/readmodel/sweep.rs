//! Compares what is unfinished with the store, once, when the process has caught up with the stream.
//!
//! Another process may have followed the stream in between, with a file of its own, and had it trimmed: then no event tells
//! what became of the calls that are open here, nor that others were made.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};

use sqlx::SqliteConnection;

use super::{
    ApplyError, ReadError, ReadModel,
    fold::{self, Fold},
    snapshots::{self, State},
};
use crate::actors::ports::store::{EntityKind, EntityRef, Stored};

/// How many entities are compared at a time.
pub(super) const SWEEP_PAGE: usize = 500;

const CALL_VERSIONS: &str =
    "SELECT c.id, c.version FROM json_each(?1) AS wanted CROSS JOIN calls AS c ON c.id = wanted.value";
const DRIVER_VERSIONS: &str =
    "SELECT d.id, d.version FROM json_each(?1) AS wanted CROSS JOIN drivers AS d ON d.id = wanted.value";
const OPEN_CALLS: &str = "SELECT id FROM calls WHERE id > ?1 AND open = 1 ORDER BY id LIMIT ?2";
const DRIVERS: &str = "SELECT id FROM drivers WHERE id > ?1 AND status <> 'retired' ORDER BY id LIMIT ?2";
const DROP_CALL: &str = "DELETE FROM calls WHERE id = ?1 AND open = 1";
const DROP_DRIVER: &str = "DELETE FROM drivers WHERE id = ?1 AND status <> 'retired'";

/// Views that are not what the store had when it was asked.
#[derive(Default)]
pub(super) struct Compared {
    pub behind: Vec<Stored>,
    /// The views that are newer, with their versions. Their events may have come since the store was asked.
    pub ahead: Vec<(EntityRef, u64)>,
}

impl ReadModel {
    /// Whether the comparison was made since the process started.
    pub(super) fn is_swept(&self) -> bool {
        self.swept.load(Ordering::Acquire)
    }

    /// The comparison was made.
    pub(super) fn set_swept(&self) {
        self.swept.store(true, Ordering::Release);
    }

    /// Those calls and drivers whose view is older than what the store has, or not there, and those whose view is newer.
    pub(super) async fn compare(&self, stored: Vec<Stored>) -> Result<Compared, ReadError> {
        let mut sql = self.readers.begin().await?;
        let mut known = HashMap::new();
        for (kind, statement) in [(EntityKind::Call, CALL_VERSIONS), (EntityKind::Driver, DRIVER_VERSIONS)] {
            let ids = fold::ids(stored.iter().map(|stored| &stored.entity), kind);
            let found: Vec<(String, i64)> =
                sqlx::query_as(statement).bind(fold::json(&ids)?).fetch_all(&mut *sql).await?;
            known.extend(found.into_iter().map(|(id, version)| (EntityRef::new(kind, id), version.cast_unsigned())));
        }
        let mut compared = Compared::default();
        for stored in stored.into_iter().filter(|stored| fold::has_a_view(stored.entity.kind)) {
            match known.get(&stored.entity) {
                Some(known) if *known > stored.version => compared.ahead.push((stored.entity, *known)),
                Some(known) if *known == stored.version => {}
                Some(_) | None => compared.behind.push(stored),
            }
        }
        Ok(compared)
    }

    /// The next of the calls that are open here, or of the drivers that are not retired.
    pub(super) async fn unfinished(&self, kind: EntityKind, after: &str) -> Result<Vec<EntityRef>, ReadError> {
        let statement = match kind {
            EntityKind::Call => OPEN_CALLS,
            EntityKind::Driver => DRIVERS,
            EntityKind::Payment | EntityKind::Account => return Ok(Vec::new()),
        };
        let limit = i64::try_from(SWEEP_PAGE).unwrap_or(i64::MAX);
        let mut sql = self.readers.begin().await?;
        let ids: Vec<String> = sqlx::query_scalar(statement).bind(after).bind(limit).fetch_all(&mut *sql).await?;
        Ok(ids.into_iter().map(|id| EntityRef::new(kind, id)).collect())
    }

    /// Makes the views anew of what the store has of these entities, and takes those out of the lists that it has no longer.
    /// All events that the store had when it was asked must have been applied since.
    pub(super) async fn mend(&self, found: &[Stored], gone: &[EntityRef]) -> Result<(), ApplyError> {
        let mut transaction = self.writer.begin().await?;
        mend(transaction.sql(), found).await?;
        for entity in gone {
            let statement = if entity.kind == EntityKind::Call { DROP_CALL } else { DROP_DRIVER };
            let dropped = sqlx::query(statement).bind(&*entity.id).execute(transaction.sql()).await?;
            if dropped.rows_affected() > 0 {
                tracing::warn!(%entity, "it is unfinished here, and the store does not have it: lists show it no longer");
            }
        }
        transaction.commit().await?;
        self.progressed();
        Ok(())
    }
}

async fn mend(sql: &mut SqliteConnection, found: &[Stored]) -> Result<(), sqlx::Error> {
    let mut fold = Fold::load(sql, found.iter().map(|stored| &stored.entity)).await?;
    for stored in found {
        // Its last events may have come meanwhile.
        if fold.has_seen(&stored.entity) >= stored.version {
            continue;
        }
        if let Some(state) = State::of(stored) {
            tracing::warn!(entity = %stored.entity, version = stored.version, "events were missed; shown as the store has it");
            fold.mend(&state, stored.version);
        }
    }
    fold.save(sql).await?;
    snapshots::count(fold.mended());
    Ok(())
}

/// Which of a page of unfinished entities are still to be looked up: the live ones were compared already.
pub(super) fn not_live(page: Vec<EntityRef>, live: &HashSet<EntityRef>) -> Vec<EntityRef> {
    page.into_iter().filter(|entity| !live.contains(entity)).collect()
}
