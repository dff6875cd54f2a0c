//! The payment's actor: has charges and refunds performed, and tells the call.

use std::{borrow::Cow, sync::Arc};

use super::{
    super::{
        World,
        entity::{Change, Entity, LocalFuture, Task},
        ports::store::EntityKind,
        sealing,
    },
    charge::{self, Charge, GivenUp},
    refund::{self, Owed},
    tell::tell,
};
use crate::domain::{
    CallId, call,
    payment::{Command, Effect, Event, Payment, PaymentMachine, Phase},
};

impl Entity for PaymentMachine {
    const KIND: EntityKind = EntityKind::Payment;
    const BEGINS_WITH: Option<EntityKind> = Some(EntityKind::Call);
    const EXPIRES_WITH: Option<EntityKind> = Some(EntityKind::Call);

    fn version(payment: &Payment) -> u64 {
        payment.version
    }

    /// The method, and what only the payer may know, are in the snapshot alone.
    fn streamed(event: &Event) -> Cow<'_, Event> {
        match event {
            Event::ActionRequired { action } => Cow::Owned(Event::ActionRequired { action: action.without_secrets() }),
            _ => event.without_method().map_or(Cow::Borrowed(event), Cow::Owned),
        }
    }

    /// Without its methods, though they are sealed, and without what only the payer may know.
    fn inspected(payment: &Payment) -> serde_json::Value {
        let mut shown = payment.clone();
        if let Phase::ActionRequired { action, .. } = &mut shown.phase {
            *action = action.without_secrets();
        }
        sealing::hidden(serde_json::to_value(shown).unwrap_or_default())
    }

    /// A payment is seen through its call, except by those who look after money that is not settled.
    fn project(world: &World, _: &Change<'_, Payment>, payment: &Arc<Payment>) {
        world.boards.unsettled.show(payment);
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        Box::pin(async move {
            let Task { world, id, effect, first, cause } = task;
            let id = CallId::new(id).ok()?;
            match effect {
                Effect::Begin(attempt) => charge::begin(&world, &Charge { id, attempt }, first).await,
                Effect::Confirm(attempt) => {
                    let charge = Charge { id, attempt };
                    // One that may have been sent before, and whose answer nobody heard, is looked up.
                    let outcome = if first {
                        charge::send(&world, &charge).await
                    } else {
                        charge::resolve(&world, &charge).await
                    };
                    outcome.map(|outcome| charge.settle(outcome))
                }
                Effect::Resolve(attempt) => {
                    let charge = Charge { id, attempt };
                    charge::resolve(&world, &charge).await.map(|outcome| charge.settle(outcome))
                }
                Effect::AwaitPayer(attempt) => {
                    let charge = Charge { id, attempt };
                    charge::await_payer(&world, &charge).await.map(|outcome| charge.settle(outcome))
                }
                Effect::Withdraw { attempt, amount, gateway, intent } => {
                    let given_up = GivenUp { id, attempt, amount, gateway, intent };
                    let outcome = charge::withdraw(&world, &given_up).await;
                    Some(Command::Settle { attempt, outcome })
                }
                Effect::Refund { reference, amount, gateway } => {
                    refund::refund(&world, &Owed { id, charge: reference, amount, gateway }, first).await
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
