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
    time::{Duration, Instant},
};

use actix::{Actor, ActorFutureExt, ArbiterHandle, AsyncContext, Context, Handler, Message, Supervised, WrapFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::{
    World,
    supervision::{Crash, Escalation, KindStats, Permit, Singleton, SupervisionSettings},
};
use crate::{
    domain::{ServiceId, policy::FoundBy},
    settings::Section,
};
pub use matching::{Found, Search};
use matching::{Pass, Place};

/// The section `dispatch`: the pace of the dispatchers. Rounds, radii and offer times belong to a service's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DispatchSettings {
    /// Time after which a dispatcher goes through the waiting calls again when nothing has changed.
    #[schema(minimum = 10, maximum = 60_000)]
    pub tick_ms: u64,
    /// The highest number of drivers that one search returns.
    #[schema(minimum = 1, maximum = 10_000)]
    pub candidates_max: usize,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self { tick_ms: 1_000, candidates_max: 256 }
    }
}

impl Section for DispatchSettings {}

impl DispatchSettings {
    fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
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
    /// Starts a dispatcher for every service, also for those that were removed: their calls go on. Once.
    pub(crate) fn start(
        &self,
        world: &Arc<World>,
        arbiter: &ArbiterHandle,
        pace: DispatchSettings,
        supervision: SupervisionSettings,
        escalation: &Escalation,
    ) {
        let desk = |service: &ServiceId| {
            let nudged = Arc::new(AtomicBool::new(false));
            let (world, named, flag) = (Arc::clone(world), service.clone(), Arc::clone(&nudged));
            let make = move || Dispatcher::new(Arc::clone(&world), named.clone(), pace, Arc::clone(&flag));
            let actor = Singleton::start(
                format!("dispatcher/{service}"),
                arbiter.clone(),
                supervision,
                Arc::clone(&self.stats),
                Arc::clone(escalation),
                make,
            );
            (service.clone(), Desk { actor, nudged })
        };
        let _ = self.by_service.set(world.policies.services().map(desk).collect());
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

/// The actor that brings the calls and drivers of one service together.
pub struct Dispatcher {
    world: Arc<World>,
    service: ServiceId,
    pace: DispatchSettings,
    nudged: Arc<AtomicBool>,
    matching: bool,
    /// Whether the next pass looks at calls that have offers, too.
    offered_due: bool,
    /// Up to which of the calls that have offers the last pass came.
    offered_after: Option<Place>,
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
        Self { world, service, pace, nudged, matching: false, offered_due: false, offered_after: None }
    }

    /// Whether a new call has to wait for its turn: where the system assigns, the calls that wait already come first.
    fn must_queue(&self, search: &Search) -> bool {
        let policy = self.world.policies.under(&self.service, search.terms.as_ref());
        policy.is_ok_and(|policy| policy.file.dispatch.by == FoundBy::Assign)
            && self.world.boards.demand.len(&self.service) > 0
    }

    /// Searches for dead offers only at the tick: most calls are taken before that.
    fn tick(&mut self, context: &mut Context<Self>) {
        let withdrawing = matching::withdraw_dead(Arc::clone(&self.world), self.service.clone());
        context.spawn(withdrawing.into_actor(self));
        self.world.boards.promises.forget_old(Instant::now());
        self.offered_due = true;
        self.pass(context);
    }

    /// Looks for drivers for the calls that wait. One pass at a time.
    fn pass(&mut self, context: &mut Context<Self>) {
        if self.matching {
            return;
        }
        self.matching = true;
        self.nudged.store(false, Ordering::Release);
        let (world, service, limit) = (Arc::clone(&self.world), self.service.clone(), self.pace.candidates_max);
        let which = if std::mem::take(&mut self.offered_due) { Pass::AlsoOffered } else { Pass::Waiting };
        let pass = matching::pass(world, service, limit, which, self.offered_after.take());
        context.spawn(pass.into_actor(self).map(|offered_after, actor, context| {
            actor.matching = false;
            actor.offered_after = offered_after;
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
        context.run_interval(self.pace.tick(), Self::tick);
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
        let found = match self.must_queue(&find.search) {
            true => Found { drivers: Vec::new(), reached: find.search.round },
            false => matching::find(&self.world, &self.service, &find.search, self.pace.candidates_max),
        };
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
