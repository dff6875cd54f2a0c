//! The request of a refund to the gateway, through the guard, until it says how that ended.

use std::sync::Arc;

use super::{
    super::{
        World,
        guard::{GuardError, Urgency},
        ports::gateway::{RefundOutcome, RefundRequest},
    },
    charge::{here, pause},
};
use crate::domain::{
    CallId, Money,
    payment::{Command, Payment, PaymentStatus},
};

/// Money that is owed to a customer.
pub(super) struct Owed {
    pub(super) id: CallId,
    /// The gateway's name for the charge.
    pub(super) charge: Arc<str>,
    pub(super) amount: Money,
    pub(super) gateway: Option<Arc<str>>,
}

/// Gives money back; goes on until the gateway says how that ended. `None` when an operator settled it meanwhile.
pub(super) async fn refund(world: &World, owed: &Owed, first: bool) -> Option<Command> {
    here(world, owed.gateway.as_ref(), &owed.id).await;
    for attempt in 0_u32.. {
        let is_repeated = !first || attempt > 0;
        if is_repeated && !is_owed(world, &owed.id).await {
            return None;
        }
        let request = RefundRequest {
            key: Payment::refund_key(&owed.id),
            payment_id: owed.id.to_arc(),
            charge: Arc::clone(&owed.charge),
            amount: owed.amount,
            repeated: is_repeated,
        };
        match world.guard.refund(request, Urgency::Background).await {
            Ok(RefundOutcome::Refunded) => return Some(Command::ConfirmRefund),
            Ok(RefundOutcome::Failed { reason }) => {
                tracing::error!(payment = %owed.id, reason, "a refund failed for good; an operator is to settle it");
                return Some(Command::FailRefund { reason });
            }
            Err(error) => {
                tracing::warn!(payment = %owed.id, %error, attempt, "a refund is still owed");
                world.boards.unsettled.note(&owed.id, &error);
            }
        }
        pause(world, attempt).await;
    }
    None
}

/// Looks once at the refund of a payment; what the payment is to be told.
///
/// # Errors
/// While the refund is on its way, and when the gateway cannot say.
pub(in crate::actors) async fn look_at_refund(world: &World, payment: &Payment) -> Result<Option<Command>, GuardError> {
    let is_elsewhere = payment.gateway.as_ref().is_some_and(|gateway| gateway != world.guard.gateway());
    let Some(reference) = payment.refunded_charge().filter(|_| !is_elsewhere) else { return Ok(None) };
    let request = RefundRequest {
        key: Payment::refund_key(&payment.id),
        payment_id: payment.id.to_arc(),
        charge: Arc::clone(reference),
        amount: payment.amount,
        repeated: true,
    };
    Ok(Some(match world.guard.refund(request, Urgency::Background).await? {
        RefundOutcome::Refunded => Command::ConfirmRefund,
        RefundOutcome::Failed { reason } => Command::FailRefund { reason },
    }))
}

async fn is_owed(world: &World, id: &CallId) -> bool {
    match world.payments.get(id.as_str()).await {
        Ok(Some(payment)) => payment.status() == PaymentStatus::Refunding,
        Ok(None) | Err(_) => true,
    }
}
