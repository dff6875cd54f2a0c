//! Dispatch: who is asked to take a call. One supervised actor per service.
//!
//! A dispatcher keeps nothing: it reads the boards, which calls and drivers write after their commits. Its panic loses
//! nothing, and while it is down calls are requested and paid all the same; they wait on the demand board.

mod matching;

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::{Actor, ActorFutureExt, ArbiterHandle, AsyncContext, Context, Handler, Message, Supervised, WrapFuture};
use tokio::sync::oneshot;

use super::{
    World,
    supervision::{Crash, Escalation, KindStats, Permit, Singleton, SupervisionSettings},
};
use crate::domain::ServiceId;
pub use matching::{Found, Search};

/// The dispatchers' pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchSettings {
    /// How often calls that wait are looked at again, without any news.
    pub tick: Duration,
    /// Drivers that one search returns at most.
    pub candidates_max: usize,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self { tick: Duration::from_secs(1), candidates_max: 256 }
    }
}

/// The dispatchers of all services.
pub struct Dispatchers {
    stats: Arc<KindStats>,
    by_service: OnceLock<HashMap<ServiceId, Desk>>,
}

struct Desk {
    actor: Arc<Singleton<Dispatcher>>,
    nudged: Arc<AtomicBool>,
}

impl Default for Dispatchers {
    fn default() -> Self {
        Self { stats: KindStats::new("dispatcher"), by_service: OnceLock::new() }
    }
}

impl Dispatchers {
    /// Starts a dispatcher for every service. Once.
    pub(crate) fn start(
        &self,
        world: &Arc<World>,
        arbiter: &ArbiterHandle,
        pace: DispatchSettings,
        supervision: SupervisionSettings,
        escalation: &Escalation,
    ) {
        let desk = |policy: &crate::domain::policy::Policy| {
            let nudged = Arc::new(AtomicBool::new(false));
            let (world, service, flag) = (Arc::clone(world), policy.service.clone(), Arc::clone(&nudged));
            let make = move || Dispatcher::new(Arc::clone(&world), service.clone(), pace, Arc::clone(&flag));
            let actor = Singleton::start(
                format!("dispatcher/{}", policy.service),
                arbiter.clone(),
                supervision,
                Arc::clone(&self.stats),
                Arc::clone(escalation),
                make,
            );
            (policy.service.clone(), Desk { actor, nudged })
        };
        let _ = self.by_service.set(world.policies.iter().map(desk).collect());
    }

    /// Drivers for a call, if the dispatcher answers.
    pub async fn find(&self, service: &ServiceId, search: Search) -> Option<Found> {
        let (reply, found) = oneshot::channel();
        self.desk(service)?.actor.tell(|permit| Find { search, reply, permit }).ok()?;
        found.await.ok()
    }

    /// Says that a call looks for a driver.
    pub fn demand(&self, service: &ServiceId) {
        self.nudge(service);
    }

    /// Says that a driver has become free.
    pub fn supply(&self, service: &ServiceId) {
        self.nudge(service);
    }

    /// The dispatchers, for operators.
    pub fn actors(&self) -> impl Iterator<Item = (&ServiceId, &Arc<Singleton<Dispatcher>>)> {
        self.by_service.get().into_iter().flatten().map(|(service, desk)| (service, &desk.actor))
    }

    /// The figures of the kind.
    #[must_use]
    pub fn stats(&self) -> &Arc<KindStats> {
        &self.stats
    }

    fn desk(&self, service: &ServiceId) -> Option<&Desk> {
        self.by_service.get()?.get(service)
    }

    /// Many nudges at once count as one. One that is lost is made up for by the next tick.
    fn nudge(&self, service: &ServiceId) {
        let Some(desk) = self.desk(service) else { return };
        if !desk.nudged.swap(true, Ordering::AcqRel) && desk.actor.tell(|permit| Nudge { permit }).is_err() {
            desk.nudged.store(false, Ordering::Release);
        }
    }
}

/// A service's dispatcher.
pub struct Dispatcher {
    world: Arc<World>,
    service: ServiceId,
    pace: DispatchSettings,
    nudged: Arc<AtomicBool>,
    matching: bool,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Find {
    search: Search,
    reply: oneshot::Sender<Found>,
    permit: Permit,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Nudge {
    permit: Permit,
}

impl Dispatcher {
    fn new(world: Arc<World>, service: ServiceId, pace: DispatchSettings, nudged: Arc<AtomicBool>) -> Self {
        Self { world, service, pace, nudged, matching: false }
    }

    /// Dead offers are only looked for now and then: most calls are taken long before.
    fn tick(&mut self, context: &mut Context<Self>) {
        let withdrawing = matching::withdraw_dead(Arc::clone(&self.world), self.service.clone());
        context.spawn(withdrawing.into_actor(self));
        self.pass(context);
    }

    /// Looks for drivers for the calls that wait. One pass at a time.
    fn pass(&mut self, context: &mut Context<Self>) {
        if self.matching {
            return;
        }
        self.matching = true;
        self.nudged.store(false, Ordering::Release);
        let pass = matching::pass(Arc::clone(&self.world), self.service.clone(), self.pace.candidates_max);
        context.spawn(pass.into_actor(self).map(|(), actor, context| {
            actor.matching = false;
            if actor.nudged.load(Ordering::Acquire) {
                actor.pass(context);
            }
        }));
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.matching = false;
        self.nudged.store(false, Ordering::Release);
        context.run_interval(self.pace.tick, Self::tick);
        self.pass(context);
    }
}

impl Supervised for Dispatcher {}

impl Handler<Find> for Dispatcher {
    type Result = ();

    fn handle(&mut self, find: Find, _: &mut Context<Self>) {
        drop(find.permit);
        if find.reply.is_closed() {
            // It has waited long enough and goes on without: it is looked at in a pass.
            return;
        }
        let found = matching::find(&self.world, &self.service, &find.search, self.pace.candidates_max);
        let _ = find.reply.send(found);
    }
}

impl Handler<Nudge> for Dispatcher {
    type Result = ();

    fn handle(&mut self, nudge: Nudge, context: &mut Context<Self>) {
        drop(nudge.permit);
        self.pass(context);
    }
}

impl Handler<Crash> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Context<Self>) {
        panic!("a drill: dispatcher/{} was asked to crash", self.service);
    }
}
