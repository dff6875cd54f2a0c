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
        ports::gateway::{
            ChargeOutcome, ChargeRequest, ChargeWay, GatewayError, Lookup, LookupRequest, OpenOutcome, OpenRequest,
            PaymentGateway, RefundOutcome, RefundRequest, WithdrawOutcome, WithdrawRequest,
        },
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
    gateway: Arc<str>,
    way: ChargeWay,
}

impl GuardHandle {
    /// The way to the guard `actor`, which was made with the same gateway and gauge.
    #[must_use]
    pub fn new(actor: Arc<Singleton<Guard>>, gateway: &dyn PaymentGateway, gauge: Arc<GuardGauge>) -> Self {
        Self { actor, gauge, gateway: gateway.name(), way: gateway.way() }
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

    /// The name of the gateway, which payments remember.
    #[must_use]
    pub fn gateway(&self) -> &Arc<str> {
        &self.gateway
    }

    /// How the gateway charges.
    #[must_use]
    pub fn way(&self) -> ChargeWay {
        self.way
    }

    /// Opens an intent, which takes no money.
    ///
    /// # Errors
    /// [`GuardError::Refused`]: nothing was sent. [`GuardError::Gateway`]: as the port says; also
    /// [`GatewayError::Unknown`] when the request was lost while it was under way.
    pub async fn open(&self, request: OpenRequest, urgency: Urgency) -> Result<OpenOutcome, GuardError> {
        self.ask(RequestKind::Open, urgency, |reply| Work::Open(request, reply)).await
    }

    /// Takes money, at most once per key or intent.
    ///
    /// # Errors
    /// As for [`GuardHandle::open`].
    pub async fn charge(&self, request: ChargeRequest, urgency: Urgency) -> Result<ChargeOutcome, GuardError> {
        self.ask(RequestKind::Charge, urgency, |reply| Work::Charge(request, reply)).await
    }

    /// What became of a charge.
    ///
    /// # Errors
    /// As for [`GuardHandle::open`].
    pub async fn lookup(&self, request: LookupRequest, urgency: Urgency) -> Result<Lookup, GuardError> {
        self.ask(RequestKind::Lookup, urgency, |reply| Work::Lookup(request, reply)).await
    }

    /// Gives a charge up, so that it never takes money.
    ///
    /// # Errors
    /// As for [`GuardHandle::open`].
    pub async fn withdraw(&self, request: WithdrawRequest, urgency: Urgency) -> Result<WithdrawOutcome, GuardError> {
        self.ask(RequestKind::Withdraw, urgency, |reply| Work::Withdraw(request, reply)).await
    }

    /// Gives money back, at most once per charge.
    ///
    /// # Errors
    /// As for [`GuardHandle::open`].
    pub async fn refund(&self, request: RefundRequest, urgency: Urgency) -> Result<RefundOutcome, GuardError> {
        self.ask(RequestKind::Refund, urgency, |reply| Work::Refund(request, reply)).await
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
            Err(_) => Err(GatewayError::Unknown("the request was lost while it was under way".to_owned()).into()),
        }
    }

    fn refused(&self, kind: RequestKind, refusal: Refusal) -> GuardError {
        self.gauge.meter.refused(kind);
        refusal.into()
    }
}
