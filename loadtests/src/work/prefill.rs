//! Calls that are made before the load and stay open: nobody pays for them, so they wait.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use futures_util::future::try_join_all;

use super::{Place, Stage};

/// Makes the calls of a scenario's `prefill`.
///
/// # Errors
/// When one is refused.
pub async fn prefill(stage: &Stage, done: impl Fn(u64)) -> Result<()> {
    let Some(prefill) = &stage.scenario.prefill else { return Ok(()) };
    let begun = AtomicU64::new(0);
    let done = &done;
    let workers = (0..prefill.concurrency).map(|_| async {
        loop {
            let number = begun.fetch_add(1, Ordering::Relaxed);
            if number >= prefill.calls {
                return Ok(());
            }
            one(stage, number).await?;
            done(1);
        }
    });
    try_join_all(workers).await.map(drop)
}

async fn one(stage: &Stage, number: u64) -> Result<()> {
    let mut rng = stage.rng(number ^ (1 << 63));
    let (pickup, service) = (Place::any(stage.scenario.calls.area, &mut rng).json(), &stage.crowd.fleets[0].service.id);
    let customer = stage.crowd.customer(rng.u32(0..stage.scenario.customers));
    for _ in 0..=stage.scenario.calls.retries {
        let body = format!(r#"{{"service":"{service}","pickup":{pickup}}}"#);
        match stage.http.post("/v1/calls", customer, body).await {
            Ok(answer) if answer.is_ok() => return Ok(()),
            Ok(answer) if matches!(answer.status, 429 | 503) => {
                tokio::time::sleep(answer.retry_after.unwrap_or_default()).await;
            }
            Ok(answer) => bail!("a prefilled call is refused: {}", String::from_utf8_lossy(&answer.body)),
            Err(failure) => bail!("a prefilled call gets no answer: {}", failure.code()),
        }
    }
    bail!("a prefilled call was refused again and again")
}
