//! Making the views anew out of the history.

use sqlx::{Row, SqliteConnection};

use super::{
    ReadError,
    fold::{self, Fold, Read},
    history,
    snapshots::{self, Snapshots, State},
    walk::{STATE_EVERY, Walk},
};
use crate::{
    actors::ports::store::{EntityKind, EntityRef, EventRecord},
    domain::CallId,
};

/// How many rows of the history are folded at a time.
const STEP: i64 = 1_000;
/// How many recorded states are taken at a time.
const AT_ONCE: usize = 1_000;

/// Folds everything that ever happened into empty views.
pub(super) async fn refold(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    calls(sql).await?;
    drivers(sql).await?;
    for kind in [EntityKind::Call, EntityKind::Driver] {
        gaps_at_the_end(sql, kind).await?;
    }
    Ok(())
}

/// Takes the recorded states from the store where the history has no later events.
async fn gaps_at_the_end(sql: &mut SqliteConnection, kind: EntityKind) -> Result<(), sqlx::Error> {
    for states in snapshots::latest(sql, kind).await?.chunks(AT_ONCE) {
        let entities: Vec<EntityRef> = states.iter().map(State::entity).collect();
        let mut fold = Fold::load(sql, entities.iter()).await?;
        for (entity, state) in entities.iter().zip(states) {
            if state.version() > fold.version(entity) {
                fold.mend(state, state.version());
            }
        }
        fold.save(sql).await?;
    }
    Ok(())
}

/// Keeps the states of calls with a long history, which are nowhere yet.
pub(super) async fn states(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let long: Vec<String> = sqlx::query_scalar("SELECT id FROM calls WHERE version >= ?1")
        .bind(STATE_EVERY.cast_signed())
        .fetch_all(&mut *sql)
        .await?;
    for id in long {
        let id = CallId::new(id).map_err(|error| sqlx::Error::Decode(error.into()))?;
        states_of(sql, &id).await.map_err(|error| sqlx::Error::Decode(error.into()))?;
    }
    Ok(())
}

async fn states_of(sql: &mut SqliteConnection, call: &CallId) -> Result<(), ReadError> {
    let mut walk = Walk::after(sql, call, 0).await?;
    while let Some(step) = walk.next(sql).await? {
        if step.record.seq.is_multiple_of(STATE_EVERY) {
            fold::put_states(sql, walk.state().map(std::slice::from_ref).unwrap_or_default()).await?;
        }
    }
    Ok(())
}

async fn calls(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut after = (String::new(), 0_i64);
    loop {
        let rows =
            sqlx::query("SELECT id, seq, events FROM call_history WHERE (id, seq) > (?1, ?2) ORDER BY 1, 2 LIMIT ?3")
                .bind(after.0)
                .bind(after.1)
                .bind(STEP)
                .fetch_all(&mut *sql)
                .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = (last.try_get("id")?, last.try_get("seq")?);
        let mut events = Vec::new();
        for row in &rows {
            events.extend(history::calls_events(row)?);
        }
        take(sql, &events).await?;
    }
}

async fn drivers(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut after = 0_i64;
    loop {
        let rows =
            sqlx::query("SELECT number, id, seq, at, body FROM driver_history WHERE number > ?1 ORDER BY 1 LIMIT ?2")
                .bind(after)
                .bind(STEP)
                .fetch_all(&mut *sql)
                .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("number")?;
        let events = rows.iter().map(history::drivers_event).collect::<Result<Vec<_>, _>>()?;
        take(sql, &events).await?;
    }
}

async fn take(sql: &mut SqliteConnection, events: &[EventRecord]) -> Result<(), sqlx::Error> {
    let entities = events.iter().map(|event| &event.entity);
    let mut fold = Fold::load(sql, entities.clone()).await?;
    let Some(kind) = events.first().map(|event| event.entity.kind) else { return Ok(()) };
    let snapshots = Snapshots::recorded(sql, kind, &fold::ids(entities, kind)).await?;
    for event in events {
        fold.bridge(event, &snapshots);
        match Read::new(event) {
            Read::Call(happened) => drop(fold.call(event, &happened)),
            Read::Driver(happened) => drop(fold.driver(event, &happened)),
            Read::Other | Read::Unreadable(_) => {}
        }
    }
    fold.save(sql).await
}
