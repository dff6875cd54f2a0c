//! How an entity comes to know what is stored of it: at first, after a restart, and when it turns out
//! that it knew wrong.

use std::sync::Arc;

use actix::Context;

use super::{
    Change, Entity, EntityActor,
    actor::RETRY_AFTER,
    answers::Asker,
    commit,
    envelope::{self, Snapshot, Unreadable},
    ledger::Ledger,
    message::AskError,
    missing_policy,
};
use crate::{
    actors::{Cause, ports::store::StoreError, sealing},
    clock,
};

/// How often in a row an entity loads what is stored and decides anew, when another version is there than
/// the one it knew.
const CONFLICTS_MAX: u32 = 5;

impl<E: Entity> EntityActor<E> {
    /// Reads the snapshot and goes on from there. No message is handled before that is done.
    pub(super) fn load(&mut self, context: &mut Context<Self>) {
        let (store, entity, vitals) = (Arc::clone(&self.shared.store), self.entity.clone(), Arc::clone(&self.vitals));
        let loading = async move {
            let mut attempt = 0;
            loop {
                match store.load(entity.clone()).await {
                    Ok(stored) => break Ok(stored),
                    Err(StoreError::Corrupt { reason }) => break Err(reason),
                    Err(error) => {
                        tracing::warn!(%entity, %error, "an entity cannot be loaded yet");
                        vitals.set_frozen(true);
                    }
                }
                tokio::time::sleep(commit::REPEAT.delay(attempt, clock::random_unit())).await;
                attempt += 1;
            }
        };
        self.wait_for(context, loading, |actor, loaded, context| {
            actor.vitals.set_frozen(false);
            let stored = match loaded {
                Ok(stored) => stored,
                Err(reason) => actor.is_unreadable(&reason),
            };
            let Some(stored) = stored else {
                // There is no such entity, whatever was in memory: a store that lost writes is believed, not fought.
                actor.state = None;
                actor.ledger = Ledger::default();
                return;
            };
            match actor.read(&stored.snapshot) {
                Ok(snapshot) => {
                    if let Some(missing) = missing_policy::<E>(&snapshot.state, &actor.shared.policies) {
                        actor.is_unreadable(&format!("its snapshot {}", Unreadable::from(missing)));
                    }
                    actor.state = Some(Arc::new(snapshot.state));
                    actor.ledger = Ledger::recovered(snapshot.owed);
                    actor.show(&Change::Recovered);
                    actor.perform_all(context);
                }
                Err(error) => actor.is_unreadable(&format!("its snapshot {error}")),
            }
        });
    }

    /// The snapshot, with methods sealed that were stored before there were seal keys: the next commit writes them so.
    fn read(&self, snapshot: &str) -> Result<Snapshot<E::State, E::Effect>, Unreadable> {
        match self.shared.world() {
            Some(world) => envelope::read::<E>(&sealing::sealed(snapshot, &self.entity.id, &world.vault)),
            None => envelope::read::<E>(snapshot),
        }
    }

    /// Another version is stored than the one in memory: it was taken for new, or the store is another one since a
    /// failover. The stored version is right, so it is loaded, and the command decided anew; a bounded number of times,
    /// and not for a request that has timed out.
    pub(super) fn reload_and_retry(
        &mut self,
        retry: (E::Command, Cause),
        asker: Asker<E>,
        context: &mut Context<Self>,
    ) {
        let wait = commit::REPEAT.delay(self.conflicts, clock::random_unit());
        self.conflicts += 1;
        tracing::debug!(entity = %self.entity, conflicts = self.conflicts, "another version is stored; loading it");
        // Waits are worked off last in, first out: a pause, then the load, then the turn.
        if self.conflicts > CONFLICTS_MAX {
            self.conflicts = 0;
            tracing::warn!(entity = %self.entity, "the store answers with other versions than it reads");
            asker.refuse(AskError::Unavailable { retry_after: RETRY_AFTER });
        } else if !asker.has_left() {
            let (command, cause) = retry;
            self.wait_for(context, std::future::ready(()), move |actor, (), context| {
                actor.turn(&command, &cause, asker, None, context);
            });
        }
        self.load(context);
        self.wait_for(context, tokio::time::sleep(wait), |_, (), _| {});
    }

    /// Leaves it to the supervisor: an entity that cannot be read ends up parked, where a person sees it and why, mends
    /// what is stored and puts it back to work.
    pub(super) fn is_unreadable(&self, reason: &str) -> ! {
        panic!("what is stored of {} cannot be read: {reason}", self.entity)
    }
}
