//! When and why the server ends.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::AppError;
use crate::http::Ending;

/// Why the process ends, which decides its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// The process got the signal to stop.
    Signal,
    /// Another process has taken over the store.
    Fenced,
    /// An actor failed too often.
    Escalated(Arc<str>),
}

/// Time for the last commits when finishing what was begun took the whole grace.
const AT_LEAST: Duration = Duration::from_secs(1);

/// The end, once it is decided: why, and when that was.
#[derive(Debug, Clone)]
pub(super) struct Shutdown(watch::Sender<Option<(Reason, Instant)>>);

impl Shutdown {
    /// Ends on SIGTERM or SIGINT, and when the terminal that it runs on is closed. Elsewhere SIGHUP, which some tools
    /// send to have configuration read anew, ends nothing.
    pub(super) fn on_signals() -> Self {
        let shutdown = Self(watch::Sender::new(None));
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            match signal(kind) {
                Ok(mut signals) => {
                    let shutdown = shutdown.clone();
                    actix::spawn(async move {
                        signals.recv().await;
                        shutdown.now(Reason::Signal);
                    });
                }
                Err(error) => tracing::error!(?kind, %error, "a signal cannot be listened for"),
            }
        }
        match signal(SignalKind::hangup()) {
            Ok(mut signals) => {
                let (shutdown, is_on_terminal) = (shutdown.clone(), io::stderr().is_terminal());
                actix::spawn(async move {
                    while signals.recv().await.is_some() {
                        if is_on_terminal {
                            return shutdown.now(Reason::Signal);
                        }
                        tracing::warn!("SIGHUP is ignored: the configuration is read at the start only");
                    }
                });
            }
            Err(error) => tracing::error!(%error, "SIGHUP cannot be listened for"),
        }
        shutdown
    }

    /// Decides that it ends. The first reason counts.
    pub(super) fn now(&self, reason: Reason) {
        self.0.send_if_modified(|decided| {
            let first = decided.is_none();
            if first {
                tracing::info!(?reason, "callout stops");
                *decided = Some((reason, Instant::now()));
            }
            first
        });
    }

    /// Waits until it is decided, and says how the server is to end.
    pub(super) async fn wait(self) -> Ending {
        let mut decided = self.0.subscribe();
        let decided = decided.wait_for(Option::is_some).await;
        match decided.as_deref() {
            Ok(Some((Reason::Signal, _))) => Ending::Asked,
            Ok(Some((Reason::Fenced, _))) => Ending::TakenOver,
            _ => Ending::Failed,
        }
    }

    /// The rest of the grace since the end was decided; [`AT_LEAST`] at least.
    pub(super) fn left_of(&self, grace: Duration) -> Duration {
        let spent = self.0.borrow().as_ref().map_or(Duration::ZERO, |(_, at)| at.elapsed());
        grace.saturating_sub(spent).max(AT_LEAST)
    }

    /// Whether the end was a good one.
    pub(super) fn outcome(&self) -> Result<(), AppError> {
        match &*self.0.borrow() {
            None | Some((Reason::Signal, _)) => Ok(()),
            Some((Reason::Fenced, _)) => Err(AppError::Fenced),
            Some((Reason::Escalated(name), _)) => Err(AppError::Escalated(Arc::clone(name))),
        }
    }
}
