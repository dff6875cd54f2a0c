//! An entity between its turns: it commits changes that caused no event, and leaves memory when it is idle.

use std::{sync::Arc, time::Duration};

use actix::{ActorContext, AsyncContext, Context};

use super::{
    Entity, EntityActor,
    actor::RETRY_AFTER,
    answers::Asker,
    commit::{self, Written},
    message::{AskError, Reply},
};

/// An actor of an id under which there is nothing leaves memory after this long, whatever the settings say: ids that
/// never were must not fill it.
const NOBODY_AFTER: Duration = Duration::from_secs(1);
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
                actor.in_turn(context, |actor, context| {
                    if actor.dirty {
                        actor.save(context, |_, _, _| {});
                    }
                });
            }));
        }
    }

    /// Commits what is not committed yet, and answers when it is.
    pub(super) fn save_now(&mut self, reply: Option<Reply<E>>, context: &mut Context<Self>) {
        if !self.dirty {
            return self.answer(reply);
        }
        self.save(context, |actor, saved, _| match saved {
            Ok(()) => actor.answer(reply),
            Err(retry_after) => Asker::<E> { reply, until: None }.refuse(AskError::Unavailable { retry_after }),
        });
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
        self.dirty = false;
        self.wait_for(context, writing, |actor, written, context| match written {
            Written::Yes => then(actor, Ok(()), context),
            Written::No(retry_after) => {
                actor.forget_soon(context);
                then(actor, Err(retry_after), context);
            }
            // What is stored is right: it lost something that was committed. What was not saved is lost with it.
            Written::Conflict => {
                tracing::warn!(entity = %actor.entity, "another version is stored than the one in memory; loading it");
                then(actor, Err(RETRY_AFTER), context);
                actor.load(context);
            }
            Written::Unreadable(reason) => actor.is_unreadable(&reason),
            Written::Fenced => actor.fenced(context),
        });
    }

    /// Leaves memory when idle for long enough, and looks again later when not.
    pub(super) fn passivate_when_idle(&mut self, context: &mut Context<Self>) {
        let Some(idle_max) = self.idle_max() else { return };
        context.run_later(idle_max, move |actor, context| {
            actor.in_turn(context, Self::passivate_if_idle);
        });
    }

    /// How long it may be idle; `None`: for ever. Looked at anew each time, as it changes with the state.
    fn idle_max(&self) -> Option<Duration> {
        let idle_max = self.shared.settings.passivate_after();
        match self.state.as_deref() {
            None => Some(NOBODY_AFTER),
            Some(_) if idle_max.is_zero() => None,
            Some(state) if E::is_terminal(state) => Some(idle_max.min(FINISHED_AFTER)),
            Some(_) => Some(idle_max),
        }
    }

    fn passivate_if_idle(&mut self, context: &mut Context<Self>) {
        let Some(idle_max) = self.idle_max() else { return };
        if !self.is_idle(idle_max) {
            return self.passivate_when_idle(context);
        }
        if !self.dirty {
            return self.passivate(context);
        }
        self.save(context, |actor, saved, context| match saved {
            Ok(()) => actor.passivate(context),
            Err(_) => actor.passivate_when_idle(context),
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
