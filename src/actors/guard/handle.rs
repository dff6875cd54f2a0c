//! How payments reach the guard: an async call that always ends, with an outcome or with the truth about what is known.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    Guard, Submit,
    core::{Refusal, RefusalReason},
    gauge::{GuardGauge, now},
    job::{Job, Reply, RequestKind, Work},
    outcome::GuardError,
    queue::Urgency,
};
use crate::{
    actors::{
        ports::gateway::{ChargeOutcome, ChargeRequest, GatewayError, RefundRequest},
        supervision::{Singleton, SingletonError},
    },
    claim::{Caller, Claim},
};

/// How much later than the guard a caller gives up by itself: only needed while the guard is not running.
const GRACE: Duration = Duration::from_millis(250);

/// The way to the guard. Cheap to clone; good across the guard's restarts.
#[derive(Clone)]
pub struct GuardHandle {
    actor: Arc<Singleton<Guard>>,
    gauge: Arc<GuardGauge>,
}

impl GuardHandle {
    /// The way to the guard `actor`, which was made with the same gauge.
    #[must_use]
    pub fn new(actor: Arc<Singleton<Guard>>, gauge: Arc<GuardGauge>) -> Self {
        Self { actor, gauge }
    }

    /// The guard's actor, for operators.
    #[must_use]
    pub fn actor(&self) -> &Arc<Singleton<Guard>> {
        &self.actor
    }

    /// The figures that can be read without asking the guard.
    #[must_use]
    pub fn gauge(&self) -> &Arc<GuardGauge> {
        &self.gauge
    }

    /// Takes money, at most once per key.
    ///
    /// # Errors
    /// [`GuardError::Refused`]: nothing was sent. [`GuardError::Gateway`]: as the port says; also
    /// [`GatewayError::NoAnswer`] when the request was lost while it was under way.
    pub async fn charge(&self, request: ChargeRequest, urgency: Urgency) -> Result<ChargeOutcome, GuardError> {
        self.ask(RequestKind::Charge, urgency, |reply| Work::Charge(request, reply)).await
    }

    /// Gives money back, at most once per key. `Ok` once it is confirmed.
    ///
    /// # Errors
    /// As for [`GuardHandle::charge`].
    pub async fn refund(&self, request: RefundRequest, urgency: Urgency) -> Result<(), GuardError> {
        self.ask(RequestKind::Refund, urgency, |reply| Work::Refund(request, reply)).await
    }

    /// The outcome of a charge's key, or `None` when it certainly never reached the gateway.
    ///
    /// # Errors
    /// As for [`GuardHandle::charge`].
    pub async fn lookup(&self, key: Arc<str>, urgency: Urgency) -> Result<Option<ChargeOutcome>, GuardError> {
        self.ask(RequestKind::Lookup, urgency, |reply| Work::Lookup(key, reply)).await
    }

    async fn ask<T>(
        &self,
        kind: RequestKind,
        urgency: Urgency,
        work: impl FnOnce(Reply<T>) -> Work,
    ) -> Result<T, GuardError> {
        if let Some(refusal) = self.gauge.refusal() {
            return Err(self.refused(kind, refusal));
        }
        let deadline = now() + self.gauge.settings.queue_wait();
        let claim = Arc::new(Claim::default());
        let caller = Caller::of(&claim);
        let (reply, answer) = oneshot::channel();
        let job = Job { work: work(reply), claim };
        match self.actor.tell(|permit| Submit { job, urgency, deadline, permit }) {
            Ok(()) => {}
            Err(SingletonError::Full) => return Err(self.refused(kind, self.gauge.full())),
            Err(SingletonError::Parked) => return Err(self.refused(kind, self.gauge.parked())),
        }
        self.wait(kind, answer, &caller, deadline.into()).await
    }

    /// Waits as long as the request may be under way; before that, only until its deadline.
    async fn wait<T>(
        &self,
        kind: RequestKind,
        mut answer: oneshot::Receiver<Result<T, GuardError>>,
        caller: &Caller,
        deadline: Instant,
    ) -> Result<T, GuardError> {
        let answered = match timeout_at(deadline + GRACE, &mut answer).await {
            Ok(answered) => answered,
            Err(_) if caller.give_up() => {
                let reason = RefusalReason::WaitedTooLong;
                return Err(self.refused(kind, Refusal { reason, ..self.gauge.full() }));
            }
            Err(_) => answer.await,
        };
        match answered {
            Ok(result) => result,
            Err(_) if caller.give_up() => Err(self.refused(kind, self.gauge.restarting())),
            Err(_) => Err(GatewayError::NoAnswer("the request was lost while it was under way".to_owned()).into()),
        }
    }

    fn refused(&self, kind: RequestKind, refusal: Refusal) -> GuardError {
        self.gauge.meter.refused(kind);
        refusal.into()
    }
}
