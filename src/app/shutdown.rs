//! When and why the server ends.

use std::sync::Arc;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::AppError;

/// Why it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was told to.
    Signal,
    /// Another process took over.
    Fenced,
    /// An actor failed too often.
    Escalated(Arc<str>),
}

/// The end, once it is decided.
#[derive(Debug, Clone)]
pub(super) struct Shutdown(watch::Sender<Option<Reason>>);

impl Shutdown {
    /// Ends on SIGTERM or SIGINT.
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
        shutdown
    }

    /// Decides that it ends. The first reason counts.
    pub(super) fn now(&self, reason: Reason) {
        self.0.send_if_modified(|decided| {
            let first = decided.is_none();
            if first {
                tracing::info!(?reason, "callout stops");
                *decided = Some(reason);
            }
            first
        });
    }

    /// Waits until it is decided.
    pub(super) async fn wait(self) {
        let mut decided = self.0.subscribe();
        let _ = decided.wait_for(Option::is_some).await;
    }

    /// Whether the end was a good one.
    pub(super) fn outcome(&self) -> Result<(), AppError> {
        match &*self.0.borrow() {
            None | Some(Reason::Signal) => Ok(()),
            Some(Reason::Fenced) => Err(AppError::Fenced),
            Some(Reason::Escalated(name)) => Err(AppError::Escalated(Arc::clone(name))),
        }
    }
}
