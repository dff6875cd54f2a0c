//! Answers that wait for a later state, and who waits for them.

use std::mem;

use super::{
    Entity, EntityActor, Until,
    actor::RETRY_AFTER,
    message::{AskError, Reply},
};

/// The caller that waits for a turn's answer, and the state from which on it may be given.
pub(super) struct Asker<E: Entity> {
    pub(super) reply: Option<Reply<E>>,
    pub(super) until: Option<Until<E>>,
}

impl<E: Entity> Asker<E> {
    pub(super) fn nobody() -> Self {
        Self { reply: None, until: None }
    }

    /// Whether whoever waited for the answer has given up.
    pub(super) fn has_left(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::<E>::is_closed)
    }

    pub(super) fn refuse(self, error: AskError<E::State>) {
        if let Some(reply) = self.reply {
            let _ = reply.send(Err(error));
        }
    }
}

impl<E: Entity> EntityActor<E> {
    pub(super) fn answer(&self, reply: Option<Reply<E>>) {
        if let Some(reply) = reply {
            let _ = reply.send(Ok(self.state.clone()));
        }
    }

    /// Answers now if the state satisfies the asker, else when it does.
    pub(super) fn answer_when(&mut self, asker: Asker<E>) {
        match (asker.until, asker.reply) {
            (Some(until), Some(reply)) if self.state.as_deref().is_some_and(|state| !until(state)) => {
                let room = self.shared.settings.mailbox_max as usize;
                if self.waiting.len() >= room {
                    self.forget_who_left();
                }
                if self.waiting.len() < room {
                    self.waiting.push((until, reply));
                } else {
                    let _ = reply.send(Err(AskError::Overloaded { retry_after: RETRY_AFTER }));
                }
            }
            (_, reply) => self.answer(reply),
        }
    }

    /// Those who do not wait any more take no room, and keep nothing in memory.
    pub(super) fn forget_who_left(&mut self) {
        self.waiting.retain(|(_, reply)| !reply.is_closed());
    }

    pub(super) fn answer_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.forget_who_left();
        let Some(state) = self.state.clone() else { return };
        let (ready, waiting) = mem::take(&mut self.waiting).into_iter().partition(|(until, _)| until(&state));
        self.waiting = waiting;
        for (_, reply) in ready {
            self.answer(Some(reply));
        }
    }
}
