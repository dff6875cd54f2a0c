//! The payment's actor: performs charges and refunds through the guard, and tells the call.

use std::{borrow::Cow, sync::Arc};

use super::{
    super::{
        World,
        entity::{Change, Entity, LocalFuture, Task},
        ports::store::EntityKind,
        sealing,
    },
    charge,
    tell::tell,
};
use crate::domain::{
    CallId, call,
    payment::{Command, Effect, Event, Payment, PaymentMachine},
};

impl Entity for PaymentMachine {
    const KIND: EntityKind = EntityKind::Payment;
    const BEGINS_WITH: Option<EntityKind> = Some(EntityKind::Call);
    const EXPIRES_WITH: Option<EntityKind> = Some(EntityKind::Call);

    fn version(payment: &Payment) -> u64 {
        payment.version
    }

    /// A payment is seen through its call.
    fn project(_: &World, _: &Change<'_, Payment>, _: &Arc<Payment>) {}

    fn streamed(event: &Event) -> Cow<'_, Event> {
        event.without_method().map_or(Cow::Borrowed(event), Cow::Owned)
    }

    /// Without its methods, though they are sealed: operators need none to look after an actor.
    fn inspected(payment: &Payment) -> serde_json::Value {
        sealing::hidden(serde_json::to_value(payment).unwrap_or_default())
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        Box::pin(async move {
            let Task { world, id, effect, first, cause } = task;
            let id = CallId::new(id).ok()?;
            match effect {
                Effect::Submit { attempt, amount, method } => {
                    let charge = charge::Charge { id, attempt, amount, method };
                    // A charge that may have been sent before is not a first one: its outcome is to be found out.
                    let outcome = if first && world.doubts.last_attempt(charge.id.as_str()).is_none() {
                        charge::submit(&world, &charge).await
                    } else {
                        charge::resolve(&world, &charge).await
                    };
                    Some(Command::Settle { attempt, outcome })
                }
                Effect::Resolve { attempt, amount, method } => {
                    let charge = charge::Charge { id, attempt, amount, method };
                    let outcome = charge::resolve(&world, &charge).await;
                    Some(Command::Settle { attempt, outcome })
                }
                Effect::Refund { reference, amount } => {
                    charge::refund(&world, &id, reference, amount).await;
                    Some(Command::ConfirmRefund)
                }
                Effect::Tell(news) => {
                    let news = call::Command::PaymentNews { news, candidates: Vec::new() };
                    tell(&world.calls, id.as_str(), news, &cause, &world.repeats).await;
                    None
                }
            }
        })
    }
}
