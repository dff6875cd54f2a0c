//! The entity's actor performs what its ledger says is owed.

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{Entity, EntityActor, Task, actor::RETRY_AFTER, answers::Asker};
use crate::actors::Standing;

impl<E: Entity> EntityActor<E> {
    /// Performs every owed effect after a load. Each may have been performed already.
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
            context.run_later(RETRY_AFTER, move |actor, context| {
                actor.in_turn(context, move |actor, context| actor.perform(id, false, context));
            });
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
        context.spawn(E::perform(task).into_actor(self).map(move |outcome, actor, context| {
            actor.in_turn(context, move |actor, context| match outcome {
                Some(command) => actor.turn(&command, &cause, Asker::nobody(), Some(id), context),
                None => actor.acknowledge(id, context),
            });
        }));
    }

    /// Forgets an effect that was performed and changes nothing here.
    pub(super) fn acknowledge(&mut self, id: u64, context: &mut Context<Self>) {
        self.ledger.settle(id);
        self.forget_soon(context);
    }
}
