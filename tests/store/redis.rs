//! The store on Redis: its data sets, and what only a server and a network can do.

mod failures;
mod operation;
mod outcomes;

use std::{error::Error, sync::Arc};

use callout::{
    actors::ports::store::StoreError,
    persistence::{self, StoreSettings},
};
use libtest_mimic::Trial;

use crate::{
    harness::{Fixture, Owner, trial},
    redis_server::RedisServer,
    suite,
};

/// The contract on a server of each test's own, and the tests that start their servers themselves.
pub fn trials() -> Vec<Trial> {
    let contract = suite::cases().into_iter().map(|case| trial("redis", fixture, case));
    let own = [failures::cases(), operation::cases(), outcomes::cases()].into_iter().flatten();
    contract.chain(own.map(|case| trial("redis", nothing, case))).collect()
}

fn fixture() -> Result<Fixture, Box<dyn Error>> {
    let server = RedisServer::start(&[])?;
    Ok(Fixture { url: server.url(), _keep: Box::new(server) })
}

fn nothing() -> Result<Fixture, Box<dyn Error>> {
    Ok(Fixture { url: String::new(), _keep: Box::new(()) })
}

/// Time-outs short enough to wait for.
fn impatient() -> StoreSettings {
    StoreSettings { commit_timeout_ms: 300, read_timeout_ms: 300, connect_timeout_ms: 300, ..StoreSettings::default() }
}

/// Opens the store and takes every shard.
async fn own(url: &str, settings: &StoreSettings) -> Result<Owner, Box<dyn Error>> {
    let store = persistence::open(&settings.clone().at(url)).await?;
    let epoch = store.take_ownership().await?;
    Ok(Owner { store: Arc::clone(&store), epoch })
}

/// The reason of an `Unavailable`, which says that nothing was written.
fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Result<String, Box<dyn Error>> {
    match answer {
        Err(StoreError::Unavailable { reason, retry_after }) if !retry_after.is_zero() => Ok(reason),
        other => Err(format!("unavailable was expected, not {other:?}").into()),
    }
}

/// Asks until it is answered, as an entity does that repeats its write; for five seconds.
async fn until_it_works<T, F>(mut ask: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        match ask().await {
            Err(_) if tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            answer => return answer,
        }
    }
}
