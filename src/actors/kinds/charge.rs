//! The requests of a charge to the gateway, through the guard: open, charge, look up, withdraw. They report only outcomes
//! that are certain.

use std::{sync::Arc, time::Duration};

use super::super::{
    World,
    guard::{GuardError, Urgency, whole_seconds},
    ports::gateway::{
        ChargeOutcome, ChargeRequest, ChargeWay, GatewayError, Lookup, LookupRequest, OpenOutcome, OpenRequest,
        WithdrawOutcome, WithdrawRequest,
    },
};
use crate::{
    clock,
    domain::{
        CallId, Money,
        payment::{Attempt, Command, Outcome, Payment},
    },
};

/// When to try again after the gateway failed, in seconds.
const RETRY_AFTER_S: u64 = 1;
/// The longest pause between two looks at a charge whose payer is busy with it: the payer waits for the end of each.
const PAYER_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Why a method is declined that no key opens, as its customer reads it.
const UNOPENED: &str = "this payment method can no longer be read; nothing was charged";

/// One attempt at charging.
pub(super) struct Charge {
    pub(super) id: CallId,
    pub(super) attempt: Attempt,
}

/// One attempt that is given up.
pub(super) struct GivenUp {
    pub(super) id: CallId,
    pub(super) attempt: u32,
    pub(super) amount: Money,
    pub(super) gateway: Option<Arc<str>>,
    pub(super) intent: Option<Arc<str>>,
}

impl Charge {
    /// What its payment is told.
    pub(super) fn settle(&self, outcome: Outcome) -> Command {
        Command::Settle { attempt: self.attempt.attempt, outcome }
    }

    fn looked_up(&self, found: Lookup) -> Outcome {
        match found {
            Lookup::Found(outcome) => settled(outcome),
            Lookup::Absent { refused } => Outcome::Unperformed { refused, repeats: self.attempt.repeats },
            Lookup::Withdrawn => Outcome::Withdrawn,
        }
    }

    fn key(&self) -> Arc<str> {
        Payment::charge_key(&self.id, self.attempt.attempt)
    }

    /// The key that it is sent with. Where "at most once" rests on the intent, each repetition has a key of its own: the
    /// gateway may have kept a failure of its own with the one before, and would only say it again for as long as it keeps it.
    fn sending_key(&self) -> Arc<str> {
        match (&self.attempt.intent, self.attempt.repeats) {
            (Some(_), repeats @ 1..) => format!("{}:{repeats}", self.key()).into(),
            _ => self.key(),
        }
    }

    /// The request, with the method opened. One that no key opens can never be charged; the log tells operators why.
    fn request(&self, world: &World) -> Result<ChargeRequest, Outcome> {
        let method = world.vault.open(&self.attempt.method.0, self.id.as_str()).map_err(|error| {
            tracing::error!(payment = %self.id, %error, "a payment method cannot be opened; its customer is asked for another one");
            Outcome::Declined { reason: UNOPENED.to_owned() }
        })?;
        Ok(ChargeRequest {
            key: self.sending_key(),
            payment_id: self.id.to_arc(),
            amount: self.attempt.amount,
            method,
            intent: self.attempt.intent.clone(),
        })
    }

    fn lookup(&self) -> LookupRequest {
        LookupRequest { key: self.key(), amount: self.attempt.amount, intent: self.attempt.intent.clone() }
    }
}

/// Begins a charge: in one step, or by opening an intent for it, which takes no money.
pub(super) async fn begin(world: &World, charge: &Charge, first: bool) -> Option<Command> {
    let is_first = first && world.doubts.last_attempt(charge.id.as_str()).is_none();
    match world.guard.way() {
        ChargeWay::OneStep if is_first => send(world, charge).await.map(|outcome| charge.settle(outcome)),
        // One that may have been sent before is looked up.
        ChargeWay::OneStep => resolve(world, charge).await.map(|outcome| charge.settle(outcome)),
        ChargeWay::Intents => {
            here(world, charge.attempt.gateway.as_ref(), &charge.id).await;
            Some(match charged_before(world, charge).await {
                Some(reference) => charge.settle(Outcome::Charged { reference }),
                None => open(world, charge, first).await,
            })
        }
    }
}

async fn open(world: &World, charge: &Charge, first: bool) -> Command {
    let attempt = charge.attempt.attempt;
    let request = OpenRequest {
        key: Payment::open_key(&charge.id, attempt),
        payment_id: charge.id.to_arc(),
        amount: charge.attempt.amount,
    };
    let urgency = if first { Urgency::Customer } else { Urgency::Background };
    match world.guard.open(request, urgency).await {
        Ok(OpenOutcome::Opened { intent }) => Command::NoteIntent { attempt, intent },
        Ok(OpenOutcome::Rejected { reason }) => charge.settle(Outcome::Rejected { reason }),
        // Whatever became of it, an intent that is not confirmed takes no money.
        Err(error) => charge.settle(Outcome::NotCharged { retry_after_s: retry_after_s(&error) }),
    }
}

/// Sends a charge, and confirms its intent where there is one. What was sent before, and found not to be performed, is sent
/// after a pause, and what becomes of it is looked up like anything that may have been sent.
pub(super) async fn send(world: &World, charge: &Charge) -> Option<Outcome> {
    here(world, charge.attempt.gateway.as_ref(), &charge.id).await;
    if charge.attempt.repeats == 0 {
        return Some(send_first(world, charge).await);
    }
    pause(world, charge.attempt.repeats).await;
    if !is_in_flight(world, charge).await {
        return None;
    }
    let request = match charge.request(world) {
        Ok(request) => request,
        Err(declined) if world.guard.way() == ChargeWay::OneStep => return Some(declined),
        // A confirmation of the intent may still be on its way: only a look at it can tell.
        Err(_) => {
            world.boards.unsettled.note(&charge.id, &UNOPENED);
            return resolve(world, charge).await;
        }
    };
    match world.guard.charge(request, Urgency::Background).await {
        Ok(outcome) => Some(settled(outcome)),
        Err(error) => {
            world.boards.unsettled.note(&charge.id, &error);
            resolve(world, charge).await
        }
    }
}

async fn send_first(world: &World, charge: &Charge) -> Outcome {
    let request = match charge.request(world) {
        Ok(request) => request,
        Err(declined) => return declined,
    };
    match world.guard.charge(request, Urgency::Customer).await {
        Ok(outcome) => settled(outcome),
        // It answered by itself, so the request is not under way any more: what it has no record of did not happen.
        Err(GuardError::Gateway(GatewayError::Failed(_))) if world.guard.way() == ChargeWay::OneStep => {
            match world.guard.lookup(charge.lookup(), Urgency::Customer).await {
                Ok(Lookup::Absent { .. }) => Outcome::NotCharged { retry_after_s: RETRY_AFTER_S },
                Ok(found) => charge.looked_up(found),
                Err(_) => Outcome::Unknown,
            }
        }
        Err(GuardError::Gateway(GatewayError::Failed(_) | GatewayError::Unknown(_))) => Outcome::Unknown,
        Err(error) => Outcome::NotCharged { retry_after_s: retry_after_s(&error) },
    }
}

/// Finds out what became of a charge that may have been sent, however long that takes. `None` when the payment was settled
/// meanwhile.
pub(super) async fn resolve(world: &World, charge: &Charge) -> Option<Outcome> {
    here(world, charge.attempt.gateway.as_ref(), &charge.id).await;
    if let Some(reference) = charged_before(world, charge).await {
        return Some(Outcome::Charged { reference });
    }
    for attempt in 0_u32.. {
        match world.guard.lookup(charge.lookup(), Urgency::Background).await {
            Ok(found) => return Some(charge.looked_up(found)),
            Err(error) => world.boards.unsettled.note(&charge.id, &error),
        }
        pause(world, attempt).await;
        if !is_in_flight(world, charge).await {
            return None;
        }
    }
    None
}

/// Looks at a charge from time to time until its payer has done what it waits for. `None` when the payment was settled
/// meanwhile.
pub(super) async fn await_payer(world: &World, charge: &Charge) -> Option<Outcome> {
    here(world, charge.attempt.gateway.as_ref(), &charge.id).await;
    for attempt in 0_u32.. {
        let wait = world.repeats.gateway.delay(attempt, clock::random_unit());
        tokio::time::sleep(wait.clamp(Duration::from_millis(1), PAYER_PAUSE_MAX)).await;
        if !is_in_flight(world, charge).await {
            return None;
        }
        match world.guard.lookup(charge.lookup(), Urgency::Background).await {
            Ok(Lookup::Found(ChargeOutcome::ActionRequired { .. })) => {}
            Ok(found) => return Some(charge.looked_up(found)),
            Err(error) => world.boards.unsettled.note(&charge.id, &error),
        }
    }
    None
}

/// Looks once at the last charge of a payment whose outcome is not known; what the payment is to be told, if it is news.
///
/// # Errors
/// When the gateway cannot say.
pub(in crate::actors) async fn look_at_charge(world: &World, payment: &Payment) -> Result<Option<Command>, GuardError> {
    let is_elsewhere = payment.gateway.as_ref().is_some_and(|gateway| gateway != world.guard.gateway());
    let Some(attempt) = payment.current_attempt().filter(|_| !is_elsewhere) else { return Ok(None) };
    let charge = Charge { id: payment.id.clone(), attempt };
    let found = world.guard.lookup(charge.lookup(), Urgency::Background).await?;
    Ok(Some(charge.settle(charge.looked_up(found))))
}

/// Gives a charge up, however long that takes: afterwards it has taken the money, or never will.
pub(super) async fn withdraw(world: &World, given_up: &GivenUp) -> Outcome {
    here(world, given_up.gateway.as_ref(), &given_up.id).await;
    for attempt in 0_u32.. {
        let request = WithdrawRequest {
            key: Payment::charge_key(&given_up.id, given_up.attempt),
            payment_id: given_up.id.to_arc(),
            amount: given_up.amount,
            intent: given_up.intent.clone(),
        };
        match world.guard.withdraw(request, Urgency::Background).await {
            Ok(WithdrawOutcome::Withdrawn) => return Outcome::Withdrawn,
            Ok(WithdrawOutcome::Charged { reference }) => {
                warn_of_another(world, given_up, &reference).await;
                return Outcome::Charged { reference };
            }
            Err(error) => world.boards.unsettled.note(&given_up.id, &error),
        }
        pause(world, attempt).await;
        if given_up.intent.is_none() && is_settled(world, &given_up.id).await {
            // An operator has settled a charge that the gateway cannot name: there is nothing that it could withdraw.
            return Outcome::Withdrawn;
        }
    }
    Outcome::Unknown
}

/// A charge that an operator took for not made has taken the money, and the payment has another attempt by now: nobody can
/// tell which of the two the customer should pay.
async fn warn_of_another(world: &World, given_up: &GivenUp, reference: &Arc<str>) {
    let payment = world.payments.get(given_up.id.as_str()).await.ok().flatten();
    if payment.is_some_and(|payment| payment.attempt != given_up.attempt) {
        tracing::error!(
            payment = %given_up.id,
            attempt = given_up.attempt,
            %reference,
            "a charge that was settled as not charged has taken the money, and the payment was tried again: the customer may \
             have paid twice; compare with callout reconcile and pay back by hand"
        );
    }
}

/// Whether nothing is under way for a payment any more.
async fn is_settled(world: &World, id: &CallId) -> bool {
    match world.payments.get(id.as_str()).await {
        Ok(Some(payment)) => payment.word.is_some() && !payment.status().in_flight(),
        Ok(None) | Err(_) => false,
    }
}

/// The charge of an attempt that the store lost, if it took money: it is not taken again.
async fn charged_before(world: &World, charge: &Charge) -> Option<Arc<str>> {
    let last = world.doubts.last_attempt(charge.id.as_str())?;
    let first = match world.guard.way() {
        ChargeWay::OneStep => charge.attempt.attempt + 1,
        ChargeWay::Intents => 1,
    };
    for number in first..=last {
        for attempt in 0_u32.. {
            match lookup_lost(world, charge, number).await {
                Ok(Lookup::Found(ChargeOutcome::Charged { reference })) => return Some(reference),
                Ok(_) => break,
                Err(error) => world.boards.unsettled.note(&charge.id, &error),
            }
            pause(world, attempt).await;
        }
    }
    None
}

/// Looks up an attempt whose intent, if it had one, is known to the gateway alone: opening it again with its key names it.
async fn lookup_lost(world: &World, charge: &Charge, number: u32) -> Result<Lookup, GuardError> {
    let amount = charge.attempt.amount;
    let intent = match world.guard.way() {
        ChargeWay::OneStep => None,
        ChargeWay::Intents => {
            let key = Payment::open_key(&charge.id, number);
            let request = OpenRequest { key, payment_id: charge.id.to_arc(), amount };
            match world.guard.open(request, Urgency::Background).await? {
                OpenOutcome::Opened { intent } => Some(intent),
                OpenOutcome::Rejected { .. } => return Ok(Lookup::Withdrawn),
            }
        }
    };
    let request = LookupRequest { key: Payment::charge_key(&charge.id, number), amount, intent };
    world.guard.lookup(request, Urgency::Background).await
}

/// Waits for ever when the money is at another gateway than the one that is configured: asking this one would say nothing
/// about it, and charging here could charge twice.
pub(super) async fn here(world: &World, gateway: Option<&Arc<str>>, id: &CallId) {
    let configured = world.guard.gateway();
    if let Some(gateway) = gateway.filter(|gateway| *gateway != configured) {
        let why = format!("its money is at {gateway}, and gateway.url names {configured}");
        tracing::error!(payment = %id, "{why}; it waits for that gateway, or for an operator to settle it");
        world.boards.unsettled.note(id, &why);
        std::future::pending::<()>().await;
    }
}

/// Whether this attempt is still open: an operator may have settled it.
async fn is_in_flight(world: &World, charge: &Charge) -> bool {
    match world.payments.get(charge.id.as_str()).await {
        Ok(Some(payment)) => payment.attempt == charge.attempt.attempt && payment.status().in_flight(),
        Ok(None) | Err(_) => true,
    }
}

pub(super) async fn pause(world: &World, attempt: u32) {
    let wait = world.repeats.gateway.delay(attempt, clock::random_unit());
    tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
}

fn retry_after_s(error: &GuardError) -> u64 {
    match error {
        GuardError::Refused { retry_after, .. } | GuardError::Gateway(GatewayError::Busy { retry_after, .. }) => {
            whole_seconds(*retry_after)
        }
        GuardError::Gateway(_) => RETRY_AFTER_S,
    }
}

fn settled(outcome: ChargeOutcome) -> Outcome {
    match outcome {
        ChargeOutcome::Charged { reference } => Outcome::Charged { reference },
        ChargeOutcome::Declined { reason } => Outcome::Declined { reason },
        ChargeOutcome::Rejected { reason } => Outcome::Rejected { reason },
        ChargeOutcome::ActionRequired { action, valid_s } => Outcome::ActionRequired { action, valid_s },
    }
}
