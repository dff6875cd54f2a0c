//! How many commits a second go through a store: `cargo run --release --example store_bench [URL] [ENTITIES] [SECONDS]`.
//!
//! So many entities commit one after the other, each with one event, a deadline and a snapshot of about 1 kB. Without
//! a URL it uses an SQLite file in a temporary folder; with a Redis it also measures the same script over a bare
//! connection, turn and turn about. It only writes to entities whose ids begin with `bench_`.

mod raw;

use std::{
    error::Error,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use callout::{
    actors::ports::store::{Commit, Committed, EntityKind, EntityRef, Epoch, NewEvent, Store, StoreError},
    persistence::{self, StoreSettings},
};
use jiff::Timestamp;

/// How often the store and the bare connection take turns: the machine is not equally busy all the time.
const TURNS: u32 = 3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let url = arguments.next().unwrap_or_else(|| format!("sqlite://{}/bench.db", folder.path().display()));
    let entities: u64 = arguments.next().map_or(Ok(2_000), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let store = persistence::open(&StoreSettings::default().at(&url)).await?;
    let epoch = store.take_ownership().await?;
    let mut out = std::io::stdout();
    let (mut through, mut bare) = (0.0, 0.0);
    for _ in 0..TURNS {
        let (figure, group) = run(&store, epoch, entities, Duration::from_secs(seconds)).await?;
        writeln!(out, "{entities} entities through the store: {figure:.0} commits/s, {group:.0} in a group")?;
        through += figure;
        if url.starts_with("redis://") {
            let names = entity_names(entities);
            let next = |entity: u64, version| next(&names[usize::try_from(entity).unwrap_or_default()], epoch, version);
            let figure = raw::run(&url, entities, Duration::from_secs(seconds), next)?;
            writeln!(out, "{entities} entities over a bare connection: {figure:.0} commits/s")?;
            bare += figure;
        }
    }
    if bare > 0.0 {
        writeln!(out, "the store reaches {:.2} of the bare connection", through / bare)?;
    }
    store.close().await;
    Ok(())
}

/// Commits a second, and in a group.
async fn run(
    store: &Arc<dyn Store>,
    epoch: Epoch,
    entities: u64,
    time: Duration,
) -> Result<(f64, f64), Box<dyn Error>> {
    let committed = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let groups = store.committed();
    let (before, started) = (*groups.borrow(), Instant::now());
    let tasks: Vec<_> = entity_names(entities)
        .into_iter()
        .map(|entity| {
            let (store, committed, stop) = (Arc::clone(store), Arc::clone(&committed), Arc::clone(&stop));
            tokio::spawn(async move { commit_until(&*store, epoch, entity, &committed, &stop).await })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    let (took, commits) = (started.elapsed().as_secs_f64(), committed.load(Ordering::Relaxed));
    let groups = *groups.borrow() - before;
    Ok((per(commits, took), per(commits, as_f64(groups))))
}

fn entity_names(count: u64) -> Vec<EntityRef> {
    let run = callout::clock::random_id().simple();
    (0..count).map(|n| EntityRef::new(EntityKind::Call, format!("bench_{run}_{n}"))).collect()
}

async fn commit_until(
    store: &dyn Store,
    epoch: Epoch,
    entity: EntityRef,
    committed: &AtomicU64,
    stop: &AtomicBool,
) -> Result<(), StoreError> {
    let mut version = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = store.commit(next(&entity, epoch, version)).await?;
        assert_eq!(answer, Committed::Ok, "nobody else writes to {entity}");
        version += 1;
        committed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn next(entity: &EntityRef, epoch: Epoch, version: u64) -> Commit {
    let at = Timestamp::from_millisecond(1_800_000_000_000).unwrap_or_default();
    let note = "x".repeat(800);
    let body = r#"{"event":"offered","to":["d1","d2"],"radius_m":3000}"#.to_owned();
    Commit {
        entity: entity.clone(),
        epoch,
        write_id: callout::clock::random_id(),
        expected_version: version,
        version: version + 1,
        snapshot: format!(r#"{{"id":"{}","status":"dispatching","version":{version},"note":"{note}"}}"#, entity.id),
        events: vec![NewEvent { seq: version + 1, at, body }],
        due_at: Some(at),
        live: true,
        expires_with: None,
    }
}

fn per(count: u64, of: f64) -> f64 {
    as_f64(count) / of.max(f64::MIN_POSITIVE)
}

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
