//! Making the views `calls` and `drivers` anew out of the history.

use sqlx::{Row, SqliteConnection};

use super::{
    fold::{Fold, Read},
    history,
};
use crate::actors::ports::store::EventRecord;

/// How many rows of the history are folded at a time.
const STEP: i64 = 1_000;

/// Folds everything that ever happened into empty views.
pub(super) async fn refold(sql: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    calls(sql).await?;
    drivers(sql).await
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
        fold(sql, &events).await?;
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
        fold(sql, &events).await?;
    }
}

async fn fold(sql: &mut SqliteConnection, events: &[EventRecord]) -> Result<(), sqlx::Error> {
    let events: Vec<&EventRecord> = events.iter().collect();
    let mut fold = Fold::load(sql, &events).await?;
    for event in events {
        match Read::new(event) {
            Read::Call(happened) => drop(fold.call(event, &happened)),
            Read::Driver(happened) => drop(fold.driver(event, &happened)),
            Read::Other | Read::Unreadable(_) => {}
        }
    }
    fold.save(sql).await
}
