//! Reads back every call that was driven, and its movements of money, and compares them with what was acknowledged.

mod findings;
mod judge;

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde::Deserialize;

pub use findings::Findings;
use judge::{Movements, Seen};

use crate::work::{Driven, Stage};

/// Reads at a time.
const AT_ONCE: usize = 32;
/// Between looks at something that is still owed.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Page {
    items: Vec<Movement>,
}

#[derive(Deserialize)]
struct Movement {
    kind: String,
    amount: u64,
}

/// Checks what was driven. `done` is told of each call.
pub async fn check(stage: &Stage, done: impl Fn()) -> Findings {
    let mut driven = stage.logbook.take();
    let checks = &stage.scenario.checks;
    let total = driven.len();
    fastrand::Rng::with_seed(stage.scenario.seed).shuffle(&mut driven);
    driven.truncate((total as f64 * checks.read_back).ceil() as usize);
    let with_ledger = (driven.len() as f64 * checks.ledger).ceil() as usize;
    let verdicts = stream::iter(driven.iter().enumerate())
        .map(|(turn, call)| async move { one(stage, turn, call, turn < with_ledger).await });
    let mut findings = Findings { driven: total as u64, ..Findings::default() };
    let mut verdicts = std::pin::pin!(verdicts.buffer_unordered(AT_ONCE));
    while let Some(verdict) = verdicts.next().await {
        findings.add(verdict);
        done();
    }
    findings
}

/// What is wrong with one call, once what is owed has had its time.
async fn one(stage: &Stage, turn: usize, driven: &Driven, with_ledger: bool) -> judge::Verdict {
    let patience = Duration::from_secs_f64(stage.scenario.checks.patience_s);
    let begun = Instant::now();
    loop {
        let seen = read_back(stage, driven).await;
        let movements = if with_ledger { movements(stage, turn, driven).await } else { Movements::NotAsked };
        let verdict = judge::judge(stage, driven, &seen, &movements);
        if verdict.is_good() || !verdict.may_settle() || begun.elapsed() > patience {
            return verdict;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read_back(stage: &Stage, driven: &Driven) -> Seen {
    let path = format!("/v1/calls/{}", driven.id);
    match stage.http.get(&path, stage.crowd.customer(driven.customer)).await {
        Ok(answer) if answer.is_ok() => answer.call().map_or(Seen::Unreadable, |call| Seen::of(&call)),
        Ok(answer) if answer.status == 404 => Seen::Missing,
        Ok(_) | Err(_) => Seen::Unreadable,
    }
}

async fn movements(stage: &Stage, turn: usize, driven: &Driven) -> Movements {
    let path = format!("/v1/ops/gateway/simulator/charges?payment_id={}", driven.id);
    let Ok(answer) = stage.http.get(&path, stage.crowd.operator(turn)).await else { return Movements::Unreadable };
    if answer.status == 404 {
        return Movements::NotAsked;
    }
    let Ok(page) = serde_json::from_slice::<Page>(&answer.body) else { return Movements::Unreadable };
    let of = |kind: &str| page.items.iter().filter(|item| item.kind == kind).map(|item| item.amount).collect();
    Movements::Are { charges: of("charge"), refunds: of("refund") }
}
