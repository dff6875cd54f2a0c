//! A request on its way through the guard, with the one who waits for it.
//!
//! Its [`Claim`] settles whether it is sent or given up: so a caller that gives up, or whose guard panicked, knows whether a
//! byte may have left.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{
    core::{Refusal, Waiting},
    outcome::{GatewayAnswer, GuardError, Outcome},
};
use crate::{
    actors::ports::{
        BoxFuture,
        gateway::{
            ChargeOutcome, ChargeRequest, GatewayError, Lookup, LookupRequest, OpenOutcome, OpenRequest,
            PaymentGateway, RefundOutcome, RefundRequest, WithdrawOutcome, WithdrawRequest,
        },
    },
    claim::Claim,
};

/// Where the answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, GuardError>>;

/// The request, and who waits for its answer.
pub(super) enum Work {
    Open(OpenRequest, Reply<OpenOutcome>),
    Charge(ChargeRequest, Reply<ChargeOutcome>),
    Lookup(LookupRequest, Reply<Lookup>),
    Withdraw(WithdrawRequest, Reply<WithdrawOutcome>),
    Refund(RefundRequest, Reply<RefundOutcome>),
    Check(Reply<()>),
}

/// The kinds of requests, in the order of [`RequestKind::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    Open,
    Charge,
    Lookup,
    Withdraw,
    Refund,
    Check,
}

/// A request that waits.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) claim: Arc<Claim>,
}

impl Waiting for Job {
    fn is_wanted(&self) -> bool {
        self.claim.is_waiting()
    }

    fn begin(&self) -> bool {
        self.claim.take()
    }
}

impl RequestKind {
    pub(super) const ALL: [Self; 6] =
        [Self::Open, Self::Charge, Self::Lookup, Self::Withdraw, Self::Refund, Self::Check];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Charge => "charge",
            Self::Lookup => "lookup",
            Self::Withdraw => "withdraw",
            Self::Refund => "refund",
            Self::Check => "check",
        }
    }
}

impl Work {
    pub(super) fn kind(&self) -> RequestKind {
        match self {
            Self::Open(..) => RequestKind::Open,
            Self::Charge(..) => RequestKind::Charge,
            Self::Lookup(..) => RequestKind::Lookup,
            Self::Withdraw(..) => RequestKind::Withdraw,
            Self::Refund(..) => RequestKind::Refund,
            Self::Check(..) => RequestKind::Check,
        }
    }

    /// Asks the gateway, for `longest` at most, and tells the one who waits.
    pub(super) async fn run(self, gateway: &dyn PaymentGateway, longest: Duration) -> Outcome {
        match self {
            Self::Open(request, reply) => answer(gateway.open(request), reply, longest).await,
            Self::Charge(request, reply) => answer(gateway.charge(request), reply, longest).await,
            Self::Lookup(request, reply) => answer(gateway.lookup(request), reply, longest).await,
            Self::Withdraw(request, reply) => answer(gateway.withdraw(request), reply, longest).await,
            Self::Refund(request, reply) => answer(gateway.refund(request), reply, longest).await,
            Self::Check(reply) => answer(gateway.check(), reply, longest).await,
        }
    }

    /// Tells the one who waits that nothing was sent.
    pub(super) fn refuse(self, refusal: Refusal) {
        let error = GuardError::from(refusal);
        // Whoever no longer waits does not need to be told.
        match self {
            Self::Open(_, reply) => drop(reply.send(Err(error))),
            Self::Charge(_, reply) => drop(reply.send(Err(error))),
            Self::Lookup(_, reply) => drop(reply.send(Err(error))),
            Self::Withdraw(_, reply) => drop(reply.send(Err(error))),
            Self::Refund(_, reply) => drop(reply.send(Err(error))),
            Self::Check(reply) => drop(reply.send(Err(error))),
        }
    }
}

async fn answer<T: GatewayAnswer>(
    asked: BoxFuture<'_, Result<T, GatewayError>>,
    reply: Reply<T>,
    longest: Duration,
) -> Outcome {
    let result = match timeout(longest, asked).await {
        Ok(result) => result,
        Err(_) => Err(GatewayError::Unknown(format!("given up after {} ms", longest.as_millis()))),
    };
    let outcome = Outcome::of(&result);
    // A caller that is gone looks the key up when it is back.
    drop(reply.send(result.map_err(GuardError::from)));
    outcome
}
