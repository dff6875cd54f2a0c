//! The requests of a payment to the gateway, through the guard: charge, look up, refund. They report only
//! outcomes that are certain.

use std::{sync::Arc, time::Duration};

use super::super::{
    World,
    guard::{GuardError, Urgency, whole_seconds},
    ports::gateway::{ChargeOutcome, ChargeRequest, GatewayError, RefundRequest},
};
use crate::{
    clock,
    domain::{
        CallId, Money,
        payment::{Method, Outcome, Payment},
    },
};

/// When to try again after the gateway failed, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// Why a method is declined that no key opens, as its customer reads it.
const UNOPENED: &str = "this payment method can no longer be read; nothing was charged";

/// One attempt at charging.
pub(super) struct Charge {
    pub(super) id: CallId,
    pub(super) attempt: u32,
    pub(super) amount: Money,
    pub(super) method: Method,
}

impl Charge {
    fn key(&self) -> Arc<str> {
        Payment::charge_key(&self.id, self.attempt)
    }

    /// The request, with the method opened. One that no key opens can never be charged; the log tells operators why.
    fn request(&self, world: &World) -> Result<ChargeRequest, Outcome> {
        let method = world.vault.open(&self.method.0, self.id.as_str()).map_err(|error| {
            tracing::error!(payment = %self.id, %error, "a payment method cannot be opened; its customer is asked for another one");
            Outcome::Declined { reason: UNOPENED.to_owned() }
        })?;
        Ok(ChargeRequest { key: self.key(), payment_id: self.id.to_arc(), amount: self.amount, method })
    }
}

/// Sends a charge whose key was certainly never sent.
pub(super) async fn submit(world: &World, charge: &Charge) -> Outcome {
    let request = match charge.request(world) {
        Ok(request) => request,
        Err(declined) => return declined,
    };
    match world.guard.charge(request, Urgency::Customer).await {
        Ok(outcome) => settled(outcome),
        Err(GuardError::Refused { retry_after, .. }) => {
            Outcome::NotCharged { retry_after_s: whole_seconds(retry_after) }
        }
        Err(GuardError::Gateway(GatewayError::NotSent(_))) => Outcome::NotCharged { retry_after_s: RETRY_AFTER_S },
        // It answered, so the request is not under way any more: what it has no record of did not happen.
        Err(GuardError::Gateway(GatewayError::Failed(_))) => {
            match world.guard.lookup(charge.key(), Urgency::Customer).await {
                Ok(Some(outcome)) => settled(outcome),
                Ok(None) => Outcome::NotCharged { retry_after_s: RETRY_AFTER_S },
                Err(_) => Outcome::Unknown,
            }
        }
        Err(GuardError::Gateway(GatewayError::NoAnswer(_))) => Outcome::Unknown,
    }
}

/// Finds out what became of a charge that may have been sent: looks it up, and if there is no record of it asks again
/// with the same key, which is what makes that safe. Goes on until there is a definite answer.
pub(super) async fn resolve(world: &World, charge: &Charge) -> Outcome {
    if let Some(reference) = charged_later(world, charge).await {
        return Outcome::Charged { reference };
    }
    for attempt in 0_u32.. {
        let found = match world.guard.lookup(charge.key(), Urgency::Background).await {
            Ok(Some(outcome)) => Some(outcome),
            // Not every gateway can look up at once what it did: asking again can.
            looked @ (Ok(None) | Err(GuardError::Gateway(_))) => match (charge.request(world), looked) {
                (Ok(request), _) => world.guard.charge(request, Urgency::Background).await.ok(),
                (Err(declined), Ok(_)) => return declined,
                // The gateway may have taken the money: only a later look-up can tell.
                (Err(_), Err(_)) => None,
            },
            Err(GuardError::Refused { .. }) => None,
        };
        if let Some(outcome) = found {
            return settled(outcome);
        }
        pause(world, attempt).await;
    }
    Outcome::Unknown
}

/// The charge of a later attempt that the store lost, if there was one: the money was taken then, and is not taken again.
async fn charged_later(world: &World, charge: &Charge) -> Option<Arc<str>> {
    let last = world.doubts.last_attempt(charge.id.as_str())?;
    for later in charge.attempt + 1..=last {
        for attempt in 0_u32.. {
            match world.guard.lookup(Payment::charge_key(&charge.id, later), Urgency::Background).await {
                Ok(Some(ChargeOutcome::Charged { reference })) => return Some(reference),
                Ok(Some(ChargeOutcome::Declined { .. }) | None) => break,
                Err(_) => pause(world, attempt).await,
            }
        }
    }
    None
}

/// Gives money back; goes on until the gateway confirms it.
pub(super) async fn refund(world: &World, id: &CallId, charge: Arc<str>, amount: Money) {
    let key = Payment::refund_key(id);
    for attempt in 0_u32.. {
        let request =
            RefundRequest { key: Arc::clone(&key), payment_id: id.to_arc(), charge: Arc::clone(&charge), amount };
        match world.guard.refund(request, Urgency::Background).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(payment = %id, %error, attempt, "a refund is still owed"),
        }
        pause(world, attempt).await;
    }
}

async fn pause(world: &World, attempt: u32) {
    let wait = world.repeats.gateway.delay(attempt, clock::random_unit());
    tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
}

fn settled(outcome: ChargeOutcome) -> Outcome {
    match outcome {
        ChargeOutcome::Charged { reference } => Outcome::Charged { reference },
        ChargeOutcome::Declined { reason } => Outcome::Declined { reason },
    }
}
