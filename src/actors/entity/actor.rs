//! The entity actor: state, mailbox and turn.

use std::{mem, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, Supervised, WrapFuture};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Change, Entity, Until, commit,
    commit::Written,
    envelope,
    message::{AskError, Reply, Request, Turn},
    owed::Ledger,
    registry::Shared,
};
use crate::{
    actors::{
        Cause,
        ports::store::{Commit, EntityRef, NewEvent},
        supervision::Vitals,
    },
    clock,
    domain::{Decision, Rejection, Volatile},
};

/// When the store can tell nothing better: when to try again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One entity in memory.
pub struct EntityActor<E: Entity> {
    pub(super) entity: EntityRef,
    pub(super) shared: Arc<Shared<E>>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) state: Option<Arc<E::State>>,
    pub(super) ledger: Ledger<E::Effect>,
    waiting: Vec<(Until<E>, Reply<E>)>,
    /// Known to be new when it was made: nothing to load. Not after a restart.
    fresh: bool,
    /// Something changed that is not committed: a position, an acknowledged effect.
    pub(super) dirty: bool,
    last_active: Instant,
    /// A commit without an event that is to come.
    pub(super) saving: Option<SpawnHandle>,
}

/// What a turn will have changed once it is committed.
struct Turned<E: Entity> {
    state: Arc<E::State>,
    ledger: Ledger<E::Effect>,
    performs: Vec<u64>,
}

/// Who waits for a turn's answer, and from when on it may be given.
pub(super) struct Asker<E: Entity> {
    reply: Option<Reply<E>>,
    until: Option<Until<E>>,
}

impl<E: Entity> Asker<E> {
    /// Nobody waits.
    pub(super) fn nobody() -> Self {
        Self { reply: None, until: None }
    }

    fn refuse(self, error: AskError<E::State>) {
        if let Some(reply) = self.reply {
            let _ = reply.send(Err(error));
        }
    }
}

impl<E: Entity> EntityActor<E> {
    pub(super) fn new(entity: EntityRef, shared: Arc<Shared<E>>, vitals: Arc<Vitals>, fresh: bool) -> Self {
        Self {
            entity,
            shared,
            vitals,
            state: None,
            ledger: Ledger::default(),
            waiting: Vec::new(),
            fresh,
            dirty: false,
            last_active: Instant::now(),
            saving: None,
        }
    }

    /// Reads the snapshot and goes on from there. No message is handled before that is done.
    fn load(&mut self, context: &mut Context<Self>) {
        let (store, entity, vitals) = (Arc::clone(&self.shared.store), self.entity.clone(), Arc::clone(&self.vitals));
        let loading = async move {
            let mut attempt = 0;
            loop {
                match store.load(entity.clone()).await {
                    Ok(stored) => break stored,
                    Err(error) => {
                        tracing::warn!(%entity, %error, "an entity cannot be loaded yet");
                        vitals.set_frozen(true);
                    }
                }
                tokio::time::sleep(commit::REPEAT.delay(attempt, clock::random_unit())).await;
                attempt += 1;
            }
        };
        context.wait(loading.into_actor(self).map(|stored, actor, context| {
            actor.vitals.set_frozen(false);
            let Some(stored) = stored else {
                // There is no such entity, whatever was in memory: a store that lost writes is believed, not fought.
                actor.state = None;
                actor.ledger = Ledger::default();
                return;
            };
            match envelope::read::<E>(&stored.snapshot) {
                Ok(snapshot) => {
                    actor.state = Some(Arc::new(snapshot.state));
                    actor.ledger = Ledger::recovered(snapshot.owed);
                    actor.show(&Change::Recovered);
                    actor.perform_all(context);
                }
                // Caught by the supervisor; an entity that cannot be read ends up parked, for a person to look at.
                Err(error) => panic!("the snapshot of {} {error}", actor.entity),
            }
        }));
    }

    fn handle_request(&mut self, request: Request<E>, reply: Option<Reply<E>>, context: &mut Context<Self>) {
        self.last_active = Instant::now();
        match request {
            Request::Get { until } => self.answer_when(Asker { reply, until }),
            Request::Crash => panic!("a drill: {} was asked to crash", self.entity),
            Request::Command { command, until, cause } => {
                let asker = Asker { reply, until };
                match self.shared.world().and_then(|world| E::prepare(&world, self.state.as_deref(), &command)) {
                    Some(preparing) => context.wait(preparing.into_actor(self).map(move |command, actor, context| {
                        actor.turn(&command, &cause, asker, None, context);
                    })),
                    None => self.turn(&command, &cause, asker, None, context),
                }
            }
        }
    }

    /// One turn: decide, commit, adopt, answer, perform. `acknowledged` is the effect that the command is the outcome of.
    pub(super) fn turn(
        &mut self,
        command: &E::Command,
        cause: &Cause,
        asker: Asker<E>,
        acknowledged: Option<u64>,
        context: &mut Context<Self>,
    ) {
        match self.state.as_mut().map_or(Volatile::No, |state| E::volatile(Arc::make_mut(state), command)) {
            Volatile::No => {}
            Volatile::Later => {
                self.show(&Change::Volatile);
                self.save_sometime(context);
                return self.answer(asker.reply);
            }
            Volatile::Now => {
                return self.save(context, |actor, saved, _| match saved {
                    Ok(()) => {
                        actor.show(&Change::Volatile);
                        actor.answer(asker.reply);
                    }
                    Err(retry_after) => asker.refuse(AskError::Unavailable { retry_after }),
                });
            }
        }
        let decided = E::decide(self.state.as_deref(), command, &self.shared.policies, clock::now());
        match decided {
            Ok(decision) if !decision.is_nothing() => {
                return self.commit(decision, command, cause, asker, acknowledged, context);
            }
            Ok(_) => self.answer_when(asker),
            Err(rejection) => asker.refuse(AskError::Rejected { rejection, state: self.state.clone() }),
        }
        if let Some(id) = acknowledged {
            self.acknowledge(id, context);
        }
    }

    fn commit(
        &mut self,
        decision: Decision<E::Event, E::Effect>,
        command: &E::Command,
        cause: &Cause,
        asker: Asker<E>,
        acknowledged: Option<u64>,
        context: &mut Context<Self>,
    ) {
        let now = clock::now();
        let before = self.state.as_deref().map_or(0, E::version);
        let evolved =
            decision.events.iter().fold(self.state.as_deref().cloned(), |state, event| E::evolve(state, event, now));
        let Some(state) = evolved.map(Arc::new) else {
            return asker.refuse(AskError::Rejected { rejection: Rejection::NotFound, state: None });
        };
        let mut ledger = self.ledger.clone();
        if let Some(id) = acknowledged {
            ledger.settle(id);
        }
        let performs = ledger.owe(decision.effects, cause);
        let events = decision.events.iter().zip(before + 1..).map(|(event, seq)| NewEvent {
            seq,
            at: now,
            body: envelope::write_event(event, cause).expect("events hold finite numbers only"),
        });
        let commit = self.write_of(&state, &ledger, before, events.collect());
        let turned = Turned { state, ledger, performs };
        let retry = (command.clone(), cause.clone());
        let reply = Arc::new(parking_lot::Mutex::new(asker.reply));
        let until = asker.until;
        let frozen_reply = Arc::clone(&reply);
        let on_freeze = move || {
            if let Some(reply) = frozen_reply.lock().take() {
                let _ = reply.send(Err(AskError::Undecided { retry_after: RETRY_AFTER }));
            }
        };
        let writing = commit::write(Arc::clone(&self.shared.store), commit, Arc::clone(&self.vitals), on_freeze);
        context.wait(writing.into_actor(self).map(move |written, actor, context| {
            let asker = Asker { reply: reply.lock().take(), until };
            match written {
                Written::Yes => actor.adopt(turned, asker, context),
                Written::No(retry_after) => {
                    asker.refuse(AskError::Unavailable { retry_after });
                    Self::retry_later(acknowledged, retry, retry_after, context);
                }
                Written::Conflict => actor.reload_and_retry(retry, asker, context),
                Written::Fenced => {
                    asker.refuse(AskError::Stopping);
                    actor.fenced(context);
                }
            }
        }));
    }

    /// The write that makes `state` and `ledger` what is stored.
    pub(super) fn write_of(
        &self,
        state: &E::State,
        ledger: &Ledger<E::Effect>,
        expected_version: u64,
        events: Vec<NewEvent>,
    ) -> Commit {
        Commit {
            entity: self.entity.clone(),
            epoch: self.shared.epoch,
            write_id: clock::random_id(),
            expected_version,
            version: E::version(state),
            snapshot: envelope::write(state, ledger.owed()).expect("states hold finite numbers only"),
            events,
            due_at: E::due_at(state),
            live: !E::is_terminal(state) || !ledger.owed().is_empty(),
        }
    }

    fn adopt(&mut self, turned: Turned<E>, asker: Asker<E>, context: &mut Context<Self>) {
        let before = self.state.replace(turned.state);
        self.ledger = turned.ledger;
        self.dirty = false;
        self.show(&Change::Committed { before: before.as_deref() });
        self.answer_waiting();
        self.answer_when(asker);
        for id in turned.performs {
            self.perform(id, true, context);
        }
    }

    /// Shows the state to the timers, the boards and the hub.
    fn show(&self, change: &Change<'_, E::State>) {
        let (Some(world), Some(state)) = (self.shared.world(), &self.state) else { return };
        if let Change::Committed { before } = change {
            let was_live = before.is_some_and(|before| !E::is_terminal(before));
            self.shared.count_live(was_live, !E::is_terminal(state));
        }
        if !matches!(change, Change::Volatile) {
            world.timers.set(&self.entity, E::due_at(state));
        }
        E::project(&world, change, state);
    }

    /// Another version is stored than the one in memory: only possible for an entity that was taken for new. What is
    /// stored is right.
    fn reload_and_retry(&mut self, retry: (E::Command, Cause), asker: Asker<E>, context: &mut Context<Self>) {
        tracing::debug!(entity = %self.entity, "another version is stored; loading it");
        let (command, cause) = retry;
        // Waits are worked off last in, first out: the turn runs after the load.
        context.wait(actix::fut::ready(()).into_actor(self).map(move |(), actor, context| {
            actor.turn(&command, &cause, asker, None, context);
        }));
        self.load(context);
    }

    /// The outcome of an effect could not be committed: the effect is still owed, and its outcome comes again.
    fn retry_later(acknowledged: Option<u64>, retry: (E::Command, Cause), wait: Duration, context: &mut Context<Self>) {
        if let Some(id) = acknowledged {
            context.run_later(wait, move |actor, context| {
                actor.turn(&retry.0, &retry.1, Asker::nobody(), Some(id), context);
            });
        }
    }

    /// Whether nothing happened for that long, and nothing is under way.
    pub(super) fn is_idle(&self, idle_max: Duration) -> bool {
        self.last_active.elapsed() >= idle_max && self.ledger.owed().is_empty() && self.waiting.is_empty()
    }

    pub(super) fn fenced(&mut self, context: &mut Context<Self>) {
        self.shared.fenced();
        context.stop();
    }

    fn answer(&self, reply: Option<Reply<E>>) {
        if let Some(reply) = reply {
            let _ = reply.send(Ok(self.state.clone()));
        }
    }

    /// Answers now if the state satisfies the asker, else when it does.
    fn answer_when(&mut self, asker: Asker<E>) {
        match (asker.until, asker.reply) {
            (Some(until), Some(reply)) if self.state.as_deref().is_some_and(|state| !until(state)) => {
                if self.waiting.len() < self.shared.settings.mailbox_max as usize {
                    self.waiting.push((until, reply));
                } else {
                    let _ = reply.send(Err(AskError::Overloaded { retry_after: RETRY_AFTER }));
                }
            }
            (_, reply) => self.answer(reply),
        }
    }

    fn answer_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.retain(|(_, reply)| !reply.is_closed());
        let Some(state) = self.state.clone() else { return };
        let (ready, waiting) = mem::take(&mut self.waiting).into_iter().partition(|(until, _)| until(&state));
        self.waiting = waiting;
        for (_, reply) in ready {
            self.answer(Some(reply));
        }
    }
}

impl<E: Entity> Actor for EntityActor<E> {
    type Context = Context<Self>;

    /// Runs at first and again after every restart: nothing of the state before survives.
    fn started(&mut self, context: &mut Context<Self>) {
        self.state = None;
        self.ledger = Ledger::default();
        self.waiting.clear();
        self.dirty = false;
        self.saving = None;
        if mem::take(&mut self.fresh) {
            tracing::trace!(entity = %self.entity, "a new entity");
        } else {
            self.load(context);
        }
        self.passivate_when_idle(context);
    }
}

impl<E: Entity> Supervised for EntityActor<E> {}

impl<E: Entity> Handler<Turn<E>> for EntityActor<E> {
    type Result = ();

    fn handle(&mut self, turn: Turn<E>, context: &mut Context<Self>) {
        let Turn { request, reply, permit } = turn;
        // Taken out of the mailbox: its place is free.
        drop(permit);
        // Who asked was told long ago that the store does not answer, or is gone.
        if reply.as_ref().is_some_and(oneshot::Sender::is_closed) {
            return;
        }
        self.handle_request(request, reply, context);
    }
}
