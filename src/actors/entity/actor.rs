//! The entity actor: state, mailbox and turn.

use std::{mem, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, SpawnHandle, Supervised};
use jiff::Timestamp;
use tokio::{sync::oneshot, time::Instant};

use super::{
    Change, Entity, Until,
    answers::Asker,
    busy::Busy,
    commit,
    commit::Written,
    envelope,
    ledger::{Ledger, LedgerChange},
    message::{AskError, Reply, Request, Turn},
    registry::Shared,
};
use crate::{
    actors::{
        Cause,
        ports::store::{Commit, EntityRef, NewEvent},
        supervision::Vitals,
        timers::AGAIN_AFTER,
    },
    clock,
    domain::{Decision, Rejection, Undecided, Volatile, policy::NoPolicy},
};

/// When the store can tell nothing better: when to try again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Commands that could not be decided for want of a policy, by kind of entity.
pub(super) const NO_POLICY: &str = "callout_policies_missing_total";

/// One entity in memory.
pub struct EntityActor<E: Entity> {
    pub(super) entity: EntityRef,
    pub(super) shared: Arc<Shared<E>>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) state: Option<Arc<E::State>>,
    pub(super) ledger: Ledger<E::Effect>,
    pub(super) waiting: Vec<(Until<E>, Reply<E>)>,
    /// Known to be new when it was made: nothing to load. Not after a restart.
    fresh: bool,
    /// Something changed that is not committed: a position, an acknowledged effect.
    pub(super) dirty: bool,
    last_active: Instant,
    /// How often in a row another version was stored than the one in memory.
    pub(super) conflicts: u32,
    /// A commit without an event that is to come.
    pub(super) saving: Option<SpawnHandle>,
    pub(super) busy: Busy<E>,
}

/// A decision, and when it was made: what it says happened at that moment and at no later one, which no deadline
/// in between would outlive.
struct Decided<E: Entity> {
    decision: Decision<E::Event, E::Effect>,
    at: Timestamp,
}

/// The change by a turn, to be adopted once it is committed.
struct Turned<E: Entity> {
    state: Arc<E::State>,
    owing: LedgerChange<E::Effect>,
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
            conflicts: 0,
            last_active: Instant::now(),
            saving: None,
            busy: Busy::default(),
        }
    }

    fn handle_request(&mut self, request: Request<E>, reply: Option<Reply<E>>, context: &mut Context<Self>) {
        self.last_active = Instant::now();
        match request {
            Request::Get { until } => self.answer_when(Asker { reply, until }),
            Request::Save => self.save_now(reply, context),
            Request::Crash => panic!("a drill: {} was asked to crash", self.entity),
            Request::Wake { cause } => {
                self.turn(&E::wake(), &cause, Asker { reply, until: None }, None, context);
                // A commit notes the deadline by itself.
                if !self.busy.is_waiting() {
                    self.set_timer();
                }
            }
            Request::Command { command, until, cause } => {
                let asker = Asker { reply, until };
                match self.shared.world().and_then(|world| E::prepare(&world, self.state.as_deref(), &command)) {
                    Some(preparing) => self.wait_for(context, preparing, move |actor, command, context| {
                        actor.turn(&command, &cause, asker, None, context);
                    }),
                    None => self.turn(&command, &cause, asker, None, context),
                }
            }
        }
    }

    /// One turn: decide, commit, adopt, answer, perform. `acknowledged` is the effect that the command
    /// is the outcome of.
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
        let now = clock::now();
        let decided = E::decide(self.state.as_deref(), command, &self.shared.policies, now);
        match decided {
            Ok(decision) if !decision.is_nothing() => {
                let decided = Decided { decision, at: now };
                return self.commit(decided, command, cause, asker, acknowledged, context);
            }
            Ok(_) => self.answer_when(asker),
            Err(Undecided::Rejected(rejection)) => {
                asker.refuse(AskError::Rejected { rejection, state: self.state.clone() });
            }
            Err(Undecided::NoPolicy(missing)) => {
                self.note_missing(&missing);
                asker.refuse(AskError::NoPolicy(missing));
                // An outcome that cannot be taken in is not lost: it comes again.
                return Self::retry_later(acknowledged, (command.clone(), cause.clone()), RETRY_AFTER, context);
            }
        }
        if let Some(id) = acknowledged {
            self.acknowledge(id, context);
        }
    }

    fn commit(
        &mut self,
        decided: Decided<E>,
        command: &E::Command,
        cause: &Cause,
        asker: Asker<E>,
        acknowledged: Option<u64>,
        context: &mut Context<Self>,
    ) {
        let Decided { decision, at: now } = decided;
        let before = self.state.as_deref().map_or(0, E::version);
        let evolved =
            decision.events.iter().fold(self.state.as_deref().cloned(), |state, event| E::evolve(state, event, now));
        let Some(state) = evolved.map(Arc::new) else {
            return asker.refuse(AskError::Rejected { rejection: Rejection::NotFound, state: None });
        };
        let owing = LedgerChange { settles: acknowledged, effects: decision.effects, cause: cause.clone() };
        let mut ledger = self.ledger.clone();
        ledger.apply(owing.clone());
        let events = decision.events.iter().zip(before + 1..).map(|(event, seq)| NewEvent {
            seq,
            at: now,
            body: envelope::write_event(E::streamed(event).as_ref(), cause).expect("events hold finite numbers only"),
        });
        let commit = self.write_of(&state, &ledger, before, events.collect());
        let turned = Turned { state, owing };
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
        // The commit has the state that is in memory now; later changes go with a later commit.
        let dirty = mem::take(&mut self.dirty);
        self.wait_for(context, writing, move |actor, written, context| {
            let asker = Asker { reply: reply.lock().take(), until };
            match written {
                Written::Yes => actor.adopt(turned, asker, context),
                Written::No(retry_after) => {
                    actor.dirty |= dirty;
                    asker.refuse(AskError::Unavailable { retry_after });
                    Self::retry_later(acknowledged, retry, retry_after, context);
                }
                Written::Conflict => actor.reload_and_retry(retry, asker, context),
                Written::Unreadable(reason) => actor.is_unreadable(&reason),
                Written::Fenced => {
                    asker.refuse(AskError::Stopping);
                    actor.fenced(context);
                }
            }
        });
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
            expires_with: E::EXPIRES_WITH.map(|kind| EntityRef::new(kind, Arc::clone(&self.entity.id))),
        }
    }

    fn adopt(&mut self, turned: Turned<E>, asker: Asker<E>, context: &mut Context<Self>) {
        self.conflicts = 0;
        let before = self.state.replace(turned.state);
        let performs = self.ledger.apply(turned.owing);
        self.show(&Change::Committed { before: before.as_deref() });
        self.answer_waiting();
        self.answer_when(asker);
        for id in performs {
            self.perform(id, true, context);
        }
    }

    /// Shows the state to the timers, the boards and the hub.
    pub(super) fn show(&self, change: &Change<'_, E::State>) {
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

    /// Notes when it wants to be woken next, after a wake that changed nothing: it came too early, or what it is due
    /// for cannot be done yet.
    fn set_timer(&self) {
        let Some(world) = self.shared.world() else { return };
        let due_at = self.state.as_deref().and_then(E::due_at);
        let now = clock::now();
        world.timers.set(&self.entity, due_at.map(|due_at| if due_at > now { due_at } else { now + AGAIN_AFTER }));
    }

    /// Something of a service is here whose policy is not: every time it is in the way, that is said and counted.
    fn note_missing(&self, missing: &NoPolicy) {
        tracing::error!(entity = %self.entity, "{missing}; what was asked of it waits until the file is back");
        metrics::counter!(NO_POLICY, "kind" => E::KIND.as_str()).increment(1);
    }

    /// The outcome of an effect could not be committed: the effect is still owed, and its outcome comes again.
    fn retry_later(acknowledged: Option<u64>, retry: (E::Command, Cause), wait: Duration, context: &mut Context<Self>) {
        if let Some(id) = acknowledged {
            context.run_later(wait, move |actor, context| {
                actor.in_turn(context, move |actor, context| {
                    actor.turn(&retry.0, &retry.1, Asker::nobody(), Some(id), context);
                });
            });
        }
    }

    /// Whether nothing happened for that long, and nothing is under way.
    pub(super) fn is_idle(&mut self, idle_max: Duration) -> bool {
        self.forget_who_left();
        self.last_active.elapsed() >= idle_max && self.ledger.owed().is_empty() && self.waiting.is_empty()
    }

    pub(super) fn fenced(&mut self, context: &mut Context<Self>) {
        self.shared.fenced();
        context.stop();
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
        self.conflicts = 0;
        self.saving = None;
        self.busy = Busy::default();
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
