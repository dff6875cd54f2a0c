//! Waiting for what happens soon, without depending on how soon.

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Asks `probe` again and again until it is `Ok`. Fails with its last `Err` when patience runs out.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut wait = Duration::from_millis(5);
    loop {
        match probe().await {
            Ok(found) => return found,
            Err(last) => assert!(Instant::now() < deadline, "never within {PATIENCE:?}: {what}; last seen: {last}"),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_millis(100));
    }
}

/// Lets time pass: where a time is what is tested (a deadline, a `Retry-After`), where a fault strikes at a random moment,
/// and where no event tells that nothing happens. Nowhere to let something else come first: that is [`eventually`].
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
