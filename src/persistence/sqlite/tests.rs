//! Faults of the disk, made with SQLite's own limits on the writing connection.

use std::{error::Error, sync::Arc};

use sqlx::AssertSqlSafe;

use super::*;
use crate::actors::ports::store::{EntityKind, NewEvent};

type TestResult = Result<(), Box<dyn Error>>;

async fn store() -> Result<(tempfile::TempDir, SqliteStore), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("deep/er/callout.db");
    let store = SqliteStore::open(&path.to_string_lossy(), &StoreSettings::default()).await?;
    Ok((folder, store))
}

/// Sets a pragma on the writing connection only, outside a transaction.
async fn pragma(store: &SqliteStore, pragma: &str) -> TestResult {
    let mut writer = store.file.writer.lock().await;
    writer.begin().await.map(drop)?;
    writer.finish(Ok(())).await?;
    let connection = writer.connection.as_mut().ok_or("the writer has no connection")?;
    sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(connection).await?;
    Ok(())
}

fn commit(epoch: Epoch, id: &str, size: usize) -> Commit {
    Commit {
        entity: EntityRef::new(EntityKind::Call, id),
        epoch,
        write_id: crate::clock::random_id(),
        expected_version: 0,
        version: 0,
        snapshot: format!("\"{}\"", "x".repeat(size)),
        events: Vec::new(),
        due_at: None,
        live: true,
        expires_with: None,
    }
}

#[tokio::test]
async fn a_full_disk_refuses_the_whole_group_and_heals_when_there_is_room() -> TestResult {
    let (_folder, store) = store().await?;
    let epoch = store.take_ownership().await?;
    pragma(&store, "max_page_count = 40").await?;
    let small = commit(epoch, "small", 10);
    let Err(StoreError::Unavailable { reason, .. }) = store.commit(commit(epoch, "big", 1 << 20)).await else {
        return Err("a megabyte went into 40 pages".into());
    };
    assert!(reason.starts_with("the disk is full"), "{reason}");
    assert_eq!(store.load(EntityRef::new(EntityKind::Call, "big")).await?, None);
    assert_eq!(store.commit(small).await?, Committed::Ok, "what still fits is written");
    pragma(&store, "max_page_count = 100000").await?;
    assert_eq!(store.commit(commit(epoch, "big", 1 << 20)).await?, Committed::Ok);
    Ok(())
}

#[tokio::test]
async fn a_file_that_became_read_only_is_unavailable_and_not_ready() -> TestResult {
    let (_folder, store) = store().await?;
    let epoch = store.take_ownership().await?;
    pragma(&store, "query_only = ON").await?;
    let answer = store.commit(commit(epoch, "a", 10)).await;
    assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
    pragma(&store, "query_only = ON").await?;
    assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));
    assert!(store.ready().await.is_ok(), "a new connection finds it writable again");
    Ok(())
}

#[tokio::test]
async fn a_caller_that_goes_away_in_a_transaction_leaves_nothing_behind() -> TestResult {
    let (_folder, store) = store().await?;
    let epoch = store.take_ownership().await?;
    {
        let mut writer = store.file.writer.lock().await;
        let connection = writer.begin().await?;
        sqlx::query("UPDATE shards SET epoch = 99").execute(connection).await?;
    }
    assert_eq!(store.commit(commit(epoch, "a", 10)).await?, Committed::Ok);
    Ok(())
}

#[tokio::test]
async fn a_row_that_this_program_never_wrote_is_corrupt_and_says_where() -> TestResult {
    let (_folder, store) = store().await?;
    let epoch = store.take_ownership().await?;
    store.commit(commit(epoch, "a", 10)).await?;
    let mut writer = store.file.writer.lock().await;
    let done = sqlx::query("UPDATE snapshots SET version = -1").execute(writer.begin().await?).await;
    writer.finish(done).await?;
    drop(writer);
    let Err(StoreError::Corrupt { reason }) = store.load(EntityRef::new(EntityKind::Call, "a")).await else {
        return Err("version -1 was read".into());
    };
    assert!(reason.starts_with("a row of the table snapshots"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn the_writer_syncs_at_every_commit() -> TestResult {
    let (_folder, store) = store().await?;
    let mut writer = store.file.writer.lock().await;
    let connection = writer.begin().await?;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(connection).await?;
    assert_eq!((synchronous, mode.as_str()), (2, "wal"));
    Ok(())
}

#[test]
fn only_a_commit_that_failed_in_its_sync_leaves_the_outcome_open() {
    let broken = sqlx::Error::WorkerCrashed;
    assert!(matches!(error::nothing_written(&broken), StoreError::Unavailable { .. }));
    assert!(matches!(error::at_commit(&broken), StoreError::Unknown { .. }));
}

#[tokio::test]
async fn a_closed_store_refuses_everything_that_writes() -> TestResult {
    let (_folder, store) = store().await?;
    let store = Arc::new(store);
    let epoch = store.take_ownership().await?;
    store.close().await;
    assert!(matches!(store.commit(commit(epoch, "a", 10)).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.ready().await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.take_ownership().await, Err(StoreError::Unavailable { .. })));
    Ok(())
}

#[tokio::test]
async fn events_are_trimmed_in_pieces_so_that_commits_get_in_between() -> TestResult {
    let (_folder, store) = store().await?;
    let epoch = store.take_ownership().await?;
    let event = |seq| NewEvent { seq, at: Timestamp::UNIX_EPOCH, body: "{}".to_owned() };
    let many = Commit { version: 5_000, events: (1..=5_000).map(event).collect(), ..commit(epoch, "call_1", 1) };
    assert_eq!(store.commit(many).await?, Committed::Ok);
    let left = async || Ok::<_, StoreError>(store.events(EventCursor::default(), 10_000).await?.events.len());
    let mut writer = store.file.writer.lock().await;
    assert!(write::trim_some_events(&mut writer, epoch, 4_900).await?, "there is more to trim");
    assert_eq!(left().await?, 3_000);
    drop(writer);
    store.trim_events(EventCursor("4900".to_owned())).await?;
    assert_eq!(left().await?, 100, "what is behind the cursor stays");
    store.trim_events(EventCursor("9000".to_owned())).await?;
    assert_eq!(left().await?, 0);
    Ok(())
}
