//! What an entity does between turns: it commits what caused no event, and leaves memory when it is idle.

use std::{sync::Arc, time::Duration};

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{
    Entity, EntityActor,
    commit::{self, Written},
};

/// A finished entity leaves memory after this long at the latest.
const FINISHED_AFTER: Duration = Duration::from_secs(10);
/// Acknowledged effects that no other commit has forgotten by then are forgotten with one of their own.
const FORGET_AFTER: Duration = Duration::from_secs(1);
/// A position that no other commit has taken along by then gets one of its own: so stale is a position after a crash.
const SAVE_AFTER: Duration = Duration::from_secs(30);

impl<E: Entity> EntityActor<E> {
    /// Forgets acknowledged effects with a commit of their own, unless another one comes soon.
    pub(super) fn forget_soon(&mut self, context: &mut Context<Self>) {
        if let Some(later) = self.saving.take() {
            context.cancel_future(later);
        }
        self.save_within(FORGET_AFTER, context);
    }

    /// Commits a position, unless another commit takes it along.
    pub(super) fn save_sometime(&mut self, context: &mut Context<Self>) {
        self.save_within(SAVE_AFTER, context);
    }

    fn save_within(&mut self, wait: Duration, context: &mut Context<Self>) {
        self.dirty = true;
        if self.saving.is_none() {
            self.saving = Some(context.run_later(wait, |actor, context| {
                actor.saving = None;
                if actor.dirty {
                    actor.save(context, |_, _, _| {});
                }
            }));
        }
    }

    /// Commits what is in memory without an event: positions, acknowledged effects. `then` learns when to try again if
    /// nothing could be written; it is tried again anyway.
    pub(super) fn save(
        &mut self,
        context: &mut Context<Self>,
        then: impl FnOnce(&mut Self, Result<(), Duration>, &mut Context<Self>) + 'static,
    ) {
        let Some(state) = self.state.clone() else { return then(self, Ok(()), context) };
        let commit = self.write_of(&state, &self.ledger, E::version(&state), Vec::new());
        let writing = commit::write(Arc::clone(&self.shared.store), commit, Arc::clone(&self.vitals), || {});
        context.wait(writing.into_actor(self).map(|written, actor, context| match written {
            Written::Yes => {
                actor.dirty = false;
                then(actor, Ok(()), context);
            }
            Written::No(retry_after) => {
                actor.forget_soon(context);
                then(actor, Err(retry_after), context);
            }
            Written::Conflict => panic!("another version of {} is stored than the one in memory", actor.entity),
            Written::Fenced => actor.fenced(context),
        }));
    }

    /// Leaves memory when idle for long enough, and looks again later when not.
    pub(super) fn passivate_when_idle(&mut self, context: &mut Context<Self>) {
        let idle_max = self.shared.settings.passivate_after;
        if idle_max.is_zero() {
            return;
        }
        let finished = self.state.as_deref().is_none_or(E::is_terminal);
        let idle_max = if finished { idle_max.min(FINISHED_AFTER) } else { idle_max };
        context.run_later(idle_max, move |actor, context| {
            if !actor.is_idle(idle_max) {
                return actor.passivate_when_idle(context);
            }
            if !actor.dirty {
                return actor.passivate(context);
            }
            actor.save(context, |actor, saved, context| match saved {
                Ok(()) => actor.passivate(context),
                Err(_) => actor.passivate_when_idle(context),
            });
        });
    }

    fn passivate(&mut self, context: &mut Context<Self>) {
        if self.vitals.close_if_empty() {
            self.shared.forget(&self.entity.id, &self.vitals);
            context.stop();
        } else {
            self.passivate_when_idle(context);
        }
    }
}
