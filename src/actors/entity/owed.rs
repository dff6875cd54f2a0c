//! Owed effects: performed until acknowledged, whatever crashes.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{
    Entity, EntityActor, Task,
    actor::{Asker, RETRY_AFTER},
    envelope::Owed,
};
use crate::actors::{Cause, Standing};

/// The effects an entity owes.
#[derive(Debug, Clone)]
pub(super) struct Ledger<F> {
    owed: Vec<Owed<F>>,
    next: u64,
}

impl<F> Default for Ledger<F> {
    fn default() -> Self {
        Self { owed: Vec::new(), next: 1 }
    }
}

impl<F> Ledger<F> {
    /// What a snapshot says is owed.
    pub(super) fn recovered(owed: Vec<Owed<F>>) -> Self {
        let next = owed.iter().map(|owed| owed.id + 1).max().unwrap_or(1);
        Self { owed, next }
    }

    /// Adds effects; answers with their ids.
    pub(super) fn owe(&mut self, effects: Vec<F>, cause: &Cause) -> Vec<u64> {
        let first = self.next;
        self.next += effects.len() as u64;
        self.owed.extend(effects.into_iter().zip(first..).map(|(effect, id)| Owed {
            id,
            effect,
            cause: cause.clone(),
        }));
        (first..self.next).collect()
    }

    /// Everything owed, oldest first.
    pub(super) fn owed(&self) -> &[Owed<F>] {
        &self.owed
    }

    /// Forgets an acknowledged effect.
    pub(super) fn settle(&mut self, id: u64) {
        self.owed.retain(|owed| owed.id != id);
    }
}

impl<E: Entity> EntityActor<E> {
    /// Performs everything owed, after a load. It may have been performed before.
    pub(super) fn perform_all(&mut self, context: &mut Context<Self>) {
        let owed: Vec<u64> = self.ledger.owed().iter().map(|owed| owed.id).collect();
        for id in owed {
            self.perform(id, false, context);
        }
    }

    /// Performs one owed effect. The future ends with the actor: what a panic interrupts is performed again.
    pub(super) fn perform(&mut self, id: u64, first: bool, context: &mut Context<Self>) {
        if self.shared.fence.standing() != Standing::Owner {
            // Whoever owns the shards by now performs it; if that is still this process, it does so later.
            context.run_later(RETRY_AFTER, move |actor, context| actor.perform(id, false, context));
            return;
        }
        let (Some(world), Some(owed)) = (self.shared.world(), self.ledger.owed().iter().find(|owed| owed.id == id))
        else {
            return;
        };
        let task = Task {
            world,
            id: self.entity.id.clone(),
            effect: owed.effect.clone(),
            first,
            cause: owed.cause.next(self.entity.to_string()),
        };
        let cause = task.cause.clone();
        context.spawn(E::perform(task).into_actor(self).map(move |outcome, actor, context| match outcome {
            Some(command) => actor.turn(&command, &cause, Asker::nobody(), Some(id), context),
            None => actor.acknowledge(id, context),
        }));
    }

    /// Forgets an effect that was performed and changes nothing here.
    pub(super) fn acknowledge(&mut self, id: u64, context: &mut Context<Self>) {
        self.ledger.settle(id);
        self.forget_soon(context);
    }
}
