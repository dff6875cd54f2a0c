//! The terms of services: kept once, read by everybody, forgotten by the owner of the shards alone.

use std::error::Error;

use callout::actors::ports::store::{StoreError, StoredTerms};
use redis::{AsyncCommands, aio::MultiplexedConnection};
use sqlx::{Connection, SqliteConnection};

use crate::harness::{Case, Fixture, TestResult, at, case};

pub fn cases() -> Vec<Case> {
    vec![
        case(kept_terms_are_there_for_everybody_the_oldest_first),
        case(terms_that_are_kept_again_keep_the_earlier_time),
        case(forgotten_terms_are_gone_and_the_others_stay),
        case(a_process_whose_shards_were_taken_forgets_no_terms),
        case(terms_that_cannot_be_read_hide_no_others_and_are_mended_when_they_are_kept_again),
    ]
}

fn terms(id: &str, kept_at: i64) -> StoredTerms {
    let body = format!(r#"{{"name":"택시 \"{id}\"","growth":1.5}}"#);
    StoredTerms { id: id.to_owned(), service: "taxi".to_owned(), kept_at: at(kept_at), body }
}

async fn kept_terms_are_there_for_everybody_the_oldest_first(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    assert_eq!(owner.store.kept_terms().await?, []);
    owner.store.keep_terms(Vec::new()).await?;
    owner.store.keep_terms(vec![terms("a", 3), terms("b", 1)]).await?;
    owner.store.keep_terms(vec![terms("c", 2)]).await?;
    let expected = [terms("b", 1), terms("c", 2), terms("a", 3)];
    assert_eq!(owner.store.kept_terms().await?, expected);
    owner.store.close().await;
    assert_eq!(fixture.open().await?.kept_terms().await?, expected, "another process reads them, too");
    Ok(())
}

async fn terms_that_are_kept_again_keep_the_earlier_time(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    owner.store.keep_terms(vec![StoredTerms { body: "{}".to_owned(), ..terms("a", 1) }, terms("b", 3)]).await?;
    owner.store.keep_terms(vec![terms("a", 2), terms("b", 2), terms("c", 4)]).await?;
    assert_eq!(owner.store.kept_terms().await?, [terms("a", 1), terms("b", 2), terms("c", 4)]);
    Ok(())
}

async fn forgotten_terms_are_gone_and_the_others_stay(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    owner.store.keep_terms(vec![terms("a", 1), terms("b", 2), terms("c", 3)]).await?;
    let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    owner.store.forget_terms(names(["a", "c"])).await?;
    owner.store.forget_terms(names(["a", "never"])).await?;
    assert_eq!(owner.store.kept_terms().await?, [terms("b", 2)]);
    owner.store.keep_terms(vec![terms("a", 4)]).await?;
    assert_eq!(owner.store.kept_terms().await?, [terms("b", 2), terms("a", 4)]);
    Ok(())
}

async fn a_process_whose_shards_were_taken_forgets_no_terms(fixture: Fixture) -> TestResult {
    let old = fixture.own().await?;
    old.store.keep_terms(vec![terms("a", 1)]).await?;
    let new = fixture.own().await?;
    let refused = old.store.forget_terms(vec!["a".to_owned()]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(new.store.kept_terms().await?, [terms("a", 1)]);
    new.store.forget_terms(vec!["a".to_owned()]).await?;
    assert_eq!(new.store.kept_terms().await?, []);
    Ok(())
}

async fn terms_that_cannot_be_read_hide_no_others_and_are_mended_when_they_are_kept_again(
    fixture: Fixture,
) -> TestResult {
    let owner = fixture.own().await?;
    owner.store.keep_terms(vec![terms("a", 1), terms("b", 2)]).await?;
    spoil(&fixture, "a").await?;
    assert_eq!(owner.store.kept_terms().await?, [terms("b", 2)]);
    owner.store.keep_terms(vec![terms("a", 3)]).await?;
    assert_eq!(owner.store.kept_terms().await?, [terms("b", 2), terms("a", 3)]);
    Ok(())
}

/// Writes over terms with a tool of the store's own.
async fn spoil(fixture: &Fixture, id: &str) -> Result<(), Box<dyn Error>> {
    if let Some(path) = fixture.url.strip_prefix("sqlite://") {
        let mut file = SqliteConnection::connect(path).await?;
        let never = "UPDATE terms SET kept_at = 9223372036854775807 WHERE id = ?1";
        assert_eq!(sqlx::query(never).bind(id).execute(&mut file).await?.rows_affected(), 1);
        return Ok(());
    }
    let client = redis::Client::open(fixture.url.as_str())?;
    let mut server: MultiplexedConnection = client.get_multiplexed_async_connection().await?;
    Ok(server.hset::<_, _, _, ()>("callout:{000}:terms", id, b"\xff").await?)
}
