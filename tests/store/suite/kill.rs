//! kill -9 of a process that commits: what it was told is written, is written.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
};

use callout::actors::ports::store::{EntityKind, EntityRef, EventCursor};

use super::writing_child;
use crate::harness::{Case, Fixture, TestResult, assert_each_once_in_order, case};

pub fn cases() -> Vec<Case> {
    vec![case(what_a_killed_process_was_told_is_there_after_kill_9)]
}

async fn what_a_killed_process_was_told_is_there_after_kill_9(fixture: Fixture) -> TestResult {
    let mut told = HashMap::new();
    for after in [1, 200, 1500] {
        read_until_killed(&fixture.url, after, &mut told)?;
    }
    let owner = fixture.own().await?;
    for (id, version) in &told {
        let found = owner.store.load(EntityRef::new(EntityKind::Call, id.as_str())).await?;
        let found = found.ok_or_else(|| format!("{id} was acknowledged and is gone"))?;
        assert!(found.version >= *version, "{id}: {version} was acknowledged, {} is there", found.version);
        assert!(found.version <= version + 1, "{id}: {} is there, nobody wrote that", found.version);
    }
    let (events, _) = owner.read_on(EventCursor::default(), 1000).await?;
    assert_each_once_in_order(&events);
    let acknowledged: u64 = told.values().sum();
    assert!(u64::try_from(events.len())? >= acknowledged, "{} events of {acknowledged}", events.len());
    Ok(())
}

/// Runs the child until it has been told of so many commits, kills it, and notes the latest version of each entity.
fn read_until_killed(url: &str, after: usize, told: &mut HashMap<String, u64>) -> TestResult {
    let mut child = writing_child::spawn(url)?;
    let lines = BufReader::new(child.stdout.take().ok_or("the child has no output")?).lines();
    for (count, line) in lines.enumerate() {
        if count == after {
            child.kill()?;
        }
        let line = line?;
        // The last line may be cut by the kill.
        let Some((id, version)) = line.strip_suffix(';').and_then(|line| line.split_once(' ')) else { continue };
        told.insert(id.to_owned(), version.parse()?);
    }
    let status = child.wait()?;
    if status.success() || told.is_empty() {
        return Err(format!("the child ended by itself: {status}").into());
    }
    Ok(())
}
