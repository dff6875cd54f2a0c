//! How long the server may take for a request. Its time begins when the client has sent everything: a slow body is the
//! client's time, and has a bound of its own.

use std::{cell::Cell, future::Future, pin::pin, rc::Rc, task::Poll, time::Duration};

use tokio::time::{Instant, sleep_until};

/// The clock of one request; as its extension it is found by those who read the body.
#[derive(Debug)]
pub(in crate::http) struct Patience {
    limit: Duration,
    until: Cell<Instant>,
}

/// The time of the request is over.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct TimeIsUp;

impl Patience {
    /// The time limit of a request that begins now.
    pub(in crate::http) fn new(limit: Duration) -> Rc<Self> {
        Rc::new(Self { limit, until: Cell::new(Instant::now() + limit) })
    }

    /// How long the request may take.
    pub(in crate::http) fn limit(&self) -> Duration {
        self.limit
    }

    /// The client is sending its body, which takes `at_most` that long.
    pub(in crate::http) fn wait_for_client(&self, at_most: Duration) {
        self.until.set(Instant::now() + at_most + self.limit);
    }

    /// Everything is there: from now on it is the server's time.
    pub(in crate::http) fn begin(&self) {
        self.until.set(Instant::now() + self.limit);
    }

    /// Does the work, if it is done in time. The work itself may move the time: it is looked up after each step.
    pub(in crate::http) async fn bound<F: Future>(&self, work: F) -> Result<F::Output, TimeIsUp> {
        let (mut work, mut sleep) = (pin!(work), pin!(sleep_until(self.until.get())));
        std::future::poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(done));
            }
            if sleep.deadline() != self.until.get() {
                sleep.as_mut().reset(self.until.get());
            }
            sleep.as_mut().poll(context).map(|()| Err(TimeIsUp))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn the_time_of_the_client_does_not_count() {
        let patience = Patience::new(Duration::ZERO);
        let done = patience.bound(async {
            patience.wait_for_client(HOUR);
            yield_now().await;
        });
        assert_eq!(done.await, Ok(()));
    }

    #[tokio::test]
    async fn the_time_of_the_server_does() {
        let patience = Patience::new(Duration::ZERO);
        let cut_off = patience.bound(async {
            patience.wait_for_client(HOUR);
            yield_now().await;
            patience.begin();
            std::future::pending::<()>().await;
        });
        assert_eq!(cut_off.await, Err(TimeIsUp));
    }
}
