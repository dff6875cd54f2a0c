//! The registry of one kind of entity: who is in memory, and how to talk to anybody.

use std::{
    sync::{Arc, OnceLock, Weak, atomic::Ordering},
    time::Duration,
};

use actix::{Addr, ArbiterHandle, Context, dev::channel};
use dashmap::{DashMap, Entry};
use futures_util::{
    StreamExt, future,
    stream::{self, AbortHandle},
};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Entity, EntityActor, Until,
    actor::{NO_POLICY, RETRY_AFTER},
    commit,
    message::{Answer, AskError, Request, Turn},
};
use crate::{
    actors::{
        Cause, Fence, Standing, World,
        ports::store::{EntityRef, Epoch, Store},
        supervision::{
            Admission, Escalation, KindStats, Permit, Status, SupervisionSettings, Vitals, Watch, supervise,
        },
    },
    domain::policy::Policies,
};

/// How often one who waits for an answer looks whether there can be any.
const LOOK: Duration = Duration::from_millis(200);

/// Entities asked at the same time to commit what is in memory only: about what one group of commits takes.
const SAVES_AT_ONCE: usize = 256;

/// The state that all actors of a kind share.
pub struct Shared<E: Entity> {
    pub(super) store: Arc<dyn Store>,
    pub(super) epoch: Epoch,
    pub(super) policies: Arc<Policies>,
    pub(super) settings: Arc<SupervisionSettings>,
    pub(super) stats: Arc<KindStats>,
    pub(super) fence: Arc<Fence>,
    escalation: Escalation,
    arbiters: Vec<ArbiterHandle>,
    world: OnceLock<Weak<World>>,
    pub(super) slots: DashMap<Arc<str>, Arc<Slot<E>>>,
}

/// One actor in memory, or parked.
pub(super) struct Slot<E: Entity> {
    address: Addr<EntityActor<E>>,
    pub(super) vitals: Arc<Vitals>,
    /// Drops the actor, whatever it is doing.
    pub(super) end: AbortHandle,
}

/// An actor, and room in its mailbox.
type Admitted<E> = (Arc<Slot<E>>, Permit);

/// The entities of one kind. Cheap to clone.
pub struct Entities<E: Entity>(pub(super) Arc<Shared<E>>);

impl<E: Entity> Clone for Entities<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The parts that a registry is made of.
pub struct Parts {
    /// The store of the committed state.
    pub store: Arc<dyn Store>,
    /// The epoch under which this process owns every shard.
    pub epoch: Epoch,
    pub policies: Arc<Policies>,
    /// Raised once another process owns the shards: this one answers no more.
    pub fence: Arc<Fence>,
    /// Called when the process should end.
    pub escalation: Escalation,
    pub arbiters: Vec<ArbiterHandle>,
}

impl<E: Entity> Shared<E> {
    /// The others; `None` while the process ends.
    pub(super) fn world(&self) -> Option<Arc<World>> {
        self.world.get().and_then(Weak::upgrade)
    }

    /// Counts an entity in or out of the live ones.
    pub(super) fn count_live(&self, was: bool, is: bool) {
        let change = i64::from(is) - i64::from(was);
        if change != 0 {
            self.stats.live.fetch_add(change, Ordering::Relaxed);
        }
    }

    /// A write was fenced: another process owns the entities now.
    pub(super) fn fenced(&self) {
        self.fence.raise();
    }

    /// An actor left memory.
    pub(super) fn forget(&self, id: &str, vitals: &Arc<Vitals>) {
        self.slots.remove_if(id, |_, slot| Arc::ptr_eq(&slot.vitals, vitals));
    }
}

impl<E: Entity> Entities<E> {
    #[must_use]
    pub fn new(parts: &Parts, settings: SupervisionSettings) -> Self {
        commit::describe_metrics();
        let said = "Commands that could not be decided because the policy of their service was missing, by kind";
        metrics::describe_counter!(NO_POLICY, metrics::Unit::Count, said);
        metrics::counter!(NO_POLICY, "kind" => E::KIND.as_str()).increment(0);
        Self(Arc::new(Shared {
            store: Arc::clone(&parts.store),
            epoch: parts.epoch,
            policies: Arc::clone(&parts.policies),
            settings: Arc::new(settings),
            stats: KindStats::new(E::KIND.as_str()),
            fence: Arc::clone(&parts.fence),
            escalation: Arc::clone(&parts.escalation),
            arbiters: parts.arbiters.clone(),
            world: OnceLock::new(),
            slots: DashMap::new(),
        }))
    }

    /// Tells the actors where the others are. Once, before the first message.
    pub(crate) fn connect(&self, world: Weak<World>) {
        let _ = self.0.world.set(world);
    }

    /// The figures of the kind.
    #[must_use]
    pub fn stats(&self) -> &Arc<KindStats> {
        &self.0.stats
    }

    /// Asks an entity to do something; the answer comes after the commit.
    ///
    /// # Errors
    /// A refusal, or why there is no answer.
    pub async fn ask(&self, id: &str, command: E::Command, cause: Cause) -> Result<Arc<E::State>, AskError<E::State>> {
        self.command(id, command, None, cause, false).await
    }

    /// Like [`Self::ask`], but the answer comes when the state satisfies `until`, now or after a later turn.
    ///
    /// # Errors
    /// A refusal, or why there is no answer.
    pub async fn ask_until(
        &self,
        id: &str,
        command: E::Command,
        until: Until<E>,
        cause: Cause,
    ) -> Result<Arc<E::State>, AskError<E::State>> {
        self.command(id, command, Some(until), cause, false).await
    }

    /// Like [`Self::ask_until`], for an id that is most likely new: nothing is looked up first.
    ///
    /// # Errors
    /// A refusal, or why there is no answer.
    pub async fn ask_new(
        &self,
        id: &str,
        command: E::Command,
        until: Option<Until<E>>,
        cause: Cause,
    ) -> Result<Arc<E::State>, AskError<E::State>> {
        self.command(id, command, until, cause, true).await
    }

    /// The state of an entity, read through its actor.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get(&self, id: &str) -> Result<Option<Arc<E::State>>, AskError<E::State>> {
        self.send(id, Request::Get { until: None }, false).await
    }

    /// Like [`Self::get`], but the answer comes when the state satisfies `until`, now or after a later turn.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn get_when(&self, id: &str, until: Until<E>) -> Result<Option<Arc<E::State>>, AskError<E::State>> {
        self.send(id, Request::Get { until: Some(until) }, false).await
    }

    /// Tells an entity that its time has come. It notes by itself when it wants to be woken next.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn wake(&self, id: &str, cause: Cause) -> Answer<E> {
        self.send(id, Request::Wake { cause }, false).await
    }

    async fn command(
        &self,
        id: &str,
        command: E::Command,
        until: Option<Until<E>>,
        cause: Cause,
        fresh: bool,
    ) -> Result<Arc<E::State>, AskError<E::State>> {
        let request = Request::Command { command, until, cause };
        match self.send(id, request, fresh).await? {
            Some(state) => Ok(state),
            None => Err(AskError::Rejected { rejection: crate::domain::Rejection::NotFound, state: None }),
        }
    }

    /// Sends a request and waits for its answer.
    async fn send(&self, id: &str, request: Request<E>, fresh: bool) -> Answer<E> {
        let (slot, permit) = self.admit(id, fresh)?;
        let (reply, mut answer) = oneshot::channel();
        let unanswered = match request {
            Request::Get { .. } | Request::Save | Request::Crash => AskError::Unavailable { retry_after: RETRY_AFTER },
            Request::Command { .. } | Request::Wake { .. } => AskError::Undecided { retry_after: RETRY_AFTER },
        };
        // Bounded by the permit: actix's own bound does not hold for fresh addresses.
        slot.address.do_send(Turn { request, reply: Some(reply), permit: Some(permit) });
        let answer = loop {
            match timeout(LOOK, &mut answer).await {
                Ok(answer) => break answer,
                // Its turn will not come before the store answers again. Without a receiver it is not worked on then.
                Err(_) if slot.vitals.is_frozen() => return Err(unanswered),
                Err(_) => {}
            }
        };
        match answer {
            Ok(answer) => answer,
            Err(_) if self.is_fenced() => Err(AskError::Stopping),
            Err(_) if slot.vitals.status() == Status::Parked => Err(AskError::Parked),
            Err(_) if slot.end.is_aborted() => Err(unanswered),
            Err(_) => Err(AskError::Crashed),
        }
    }

    /// Finds or makes the actor and takes room in its mailbox. One that leaves memory at this moment is made anew.
    fn admit(&self, id: &str, fresh: bool) -> Result<Admitted<E>, AskError<E::State>> {
        loop {
            match self.0.fence.standing() {
                Standing::Owner => {}
                Standing::Unsure => return Err(AskError::Unavailable { retry_after: RETRY_AFTER }),
                Standing::Fenced => return Err(AskError::Stopping),
            }
            let Some(slot) = self.slot(id, fresh) else {
                return Err(AskError::Unavailable { retry_after: RETRY_AFTER });
            };
            if slot.vitals.status() == Status::Parked {
                return Err(AskError::Parked);
            }
            if slot.vitals.is_frozen() {
                return Err(AskError::Unavailable { retry_after: RETRY_AFTER });
            }
            match slot.vitals.admit(self.0.settings.mailbox_max, &self.0.stats) {
                Admission::Granted(permit) => return Ok((slot, permit)),
                Admission::Full => return Err(AskError::Overloaded { retry_after: RETRY_AFTER }),
                Admission::Closed => self.0.forget(id, &slot.vitals),
            }
        }
    }

    /// The actor, made when there is none; `None` while nobody may be brought into memory. That is looked at under the
    /// registry's lock, so that `drop_all` misses nobody.
    fn slot(&self, id: &str, fresh: bool) -> Option<Arc<Slot<E>>> {
        if let Some(slot) = self.0.slots.get(id)
            && !is_gone(&slot.vitals)
        {
            return Some(Arc::clone(&slot));
        }
        let id: Arc<str> = Arc::from(id);
        let entry = self.0.slots.entry(Arc::clone(&id));
        if self.0.fence.is_paused() {
            return None;
        }
        Some(match entry {
            Entry::Occupied(mut entry) if is_gone(&entry.get().vitals) => {
                let slot = self.spawn(&id, entry.get().vitals.successor(), false);
                entry.insert(Arc::clone(&slot));
                slot
            }
            Entry::Occupied(entry) => Arc::clone(entry.get()),
            Entry::Vacant(entry) => Arc::clone(&entry.insert(self.spawn(&id, Vitals::default(), fresh))),
        })
    }

    fn spawn(&self, id: &Arc<str>, vitals: Vitals, fresh: bool) -> Arc<Slot<E>> {
        let (sender, receiver) = channel::channel(1);
        let vitals = Arc::new(vitals);
        let entity = EntityRef::new(E::KIND, Arc::clone(id));
        let arbiter = &self.0.arbiters[usize::from(entity.shard().index()) % self.0.arbiters.len()];
        let watch = Watch {
            name: entity.to_string().into(),
            vitals: Arc::clone(&vitals),
            stats: Arc::clone(&self.0.stats),
            settings: Arc::clone(&self.0.settings),
            escalation: Arc::clone(&self.0.escalation),
        };
        let shared = Arc::clone(&self.0);
        let actor_vitals = Arc::clone(&vitals);
        let (end, ended) = AbortHandle::new_pair();
        self.0.stats.running.fetch_add(1, Ordering::Relaxed);
        arbiter.spawn_fn(move || {
            actix::spawn(async move {
                let stats = Arc::clone(&watch.stats);
                let actor = EntityActor::new(entity, shared, actor_vitals, fresh);
                supervise(Context::with_receiver(receiver), actor, watch, ended).await;
                stats.running.fetch_sub(1, Ordering::Release);
            });
        });
        Arc::new(Slot { address: Addr::new(sender), vitals, end })
    }

    fn is_fenced(&self) -> bool {
        self.0.fence.standing() == Standing::Fenced
    }

    /// The health of an actor that is in memory or parked.
    #[must_use]
    pub fn vitals(&self, id: &str) -> Option<Arc<Vitals>> {
        self.0.slots.get(id).map(|slot| Arc::clone(&slot.vitals))
    }

    /// The ids of parked actors, at most `limit`.
    #[must_use]
    pub fn parked(&self, limit: usize) -> Vec<Arc<str>> {
        let parked = self.0.slots.iter().filter(|slot| slot.vitals.status() == Status::Parked);
        parked.take(limit).map(|slot| Arc::clone(slot.key())).collect()
    }

    /// Makes an actor panic in its next message: a drill. Waits until it has.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn crash(&self, id: &str) -> Result<(), AskError<E::State>> {
        match self.send(id, Request::Crash, false).await {
            Err(AskError::Crashed | AskError::Parked) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Has every running actor commit what is in memory only. Answers how many could not.
    pub async fn save_all(&self) -> usize {
        let running = self.0.slots.iter().filter(|slot| slot.vitals.status() == Status::Running);
        let ids: Vec<_> = running.map(|slot| Arc::clone(slot.key())).collect();
        let saving = stream::iter(ids).map(async |id| self.send(&id, Request::Save, false).await.is_err());
        saving.buffer_unordered(SAVES_AT_ONCE).filter(|failed| future::ready(*failed)).count().await
    }

    /// Puts a parked actor back to work. Answers whether it was parked.
    pub fn resume(&self, id: &str) -> bool {
        let resumed = {
            let Some(mut slot) = self.0.slots.get_mut(id) else { return false };
            if slot.vitals.status() != Status::Parked || self.0.fence.is_paused() {
                return false;
            }
            let key = Arc::clone(slot.key());
            *slot = self.spawn(&key, slot.vitals.successor(), false);
            true
        };
        self.0.stats.resumed();
        resumed
    }

    /// Brings an entity into memory, so that it performs what it owes.
    pub fn awaken(&self, id: &str) {
        let _ = self.slot(id, false);
    }
}

/// Whether an actor is out of memory for good: stopped, not parked.
fn is_gone(vitals: &Vitals) -> bool {
    vitals.status() == Status::Passive
}
