//! The search itself: the nearest free drivers around a pickup, and a pass over all calls that wait.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::super::{Cause, World, boards::Demand};
use crate::domain::{
    DriverId, LatLng, ServiceId,
    call::Command,
    policy::{FoundBy, Policy},
};

/// A driver with this many open offers gets no more.
const OPEN_OFFERS_MAX: usize = 20;
/// Calls that are looked at together, those that have waited longest first.
const PAGE: usize = 512;
/// How long it rests after a pass that left many waiting, at most: as long as the pass took.
const REST_MAX: Duration = Duration::from_secs(1);
/// Calls that are told of drivers at the same time: each waits for its commit, so this many in the time of one.
const OFFERS_AT_ONCE: usize = 512;

/// What a call looks for.
#[derive(Debug, Clone)]
pub struct Search {
    /// Where it begins.
    pub pickup: LatLng,
    /// In which round it is, from 0.
    pub round: u32,
    /// Who does not want it.
    pub declined: Arc<[DriverId]>,
    /// Who let an offer pass: asked again only when there is nobody else.
    pub passed: Arc<[DriverId]>,
}

/// Drivers found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Nearest first.
    pub drivers: Vec<DriverId>,
    /// The round whose radius they are within: the one asked for, or the first later one that has anybody.
    pub reached: u32,
}

/// Finds drivers within the round's radius. When there is nobody, there is nobody to wait for: the radius grows at once, up
/// to the largest.
pub(super) fn find(world: &World, service: &ServiceId, search: &Search, limit: usize) -> Found {
    let nobody = Found { drivers: Vec::new(), reached: search.round };
    let Some(policy) = world.policies.get(service) else { return nobody };
    let limit = limit.min(policy.file.dispatch.offers_per_round.into());
    let radius_max_m = f64::from(policy.file.dispatch.radius_max_m);
    let willing =
        |driver: &DriverId| !search.declined.contains(driver) && world.boards.offers.count(driver) < OPEN_OFFERS_MAX;
    let fresh = |driver: &DriverId| willing(driver) && !search.passed.contains(driver);
    if policy.file.dispatch.by == FoundBy::Assign {
        let longest = |wanted: &dyn Fn(&DriverId) -> bool| world.boards.idle.longest_waiting(service, 1, wanted);
        let fresh = longest(&fresh);
        let drivers = if fresh.is_empty() { longest(&willing) } else { fresh };
        return Found { drivers, reached: search.round };
    }
    let supply = &world.boards.supply;
    let mut candidates = supply.nearest(service, search.pickup, radius_max_m, limit, fresh);
    if candidates.is_empty() && !search.passed.is_empty() {
        candidates = supply.nearest(service, search.pickup, radius_max_m, limit, willing);
    }
    let Some(nearest) = candidates.first() else { return nobody };
    let reached = round_reaching(policy, search.round, nearest.distance_m);
    let radius_m = policy.radius_m(reached);
    let drivers = candidates.into_iter().take_while(|candidate| candidate.distance_m <= radius_m);
    Found { drivers: drivers.map(|candidate| candidate.driver).collect(), reached }
}

/// The first round from `round` on whose radius covers `distance_m`, which is within the largest radius.
fn round_reaching(policy: &Policy, round: u32, distance_m: f64) -> u32 {
    let largest_m = f64::from(policy.file.dispatch.radius_max_m);
    (round..)
        .find(|round| {
            let radius_m = policy.radius_m(*round);
            // A radius that does not grow never covers more: then this round is as good as any.
            radius_m >= distance_m || radius_m >= largest_m || policy.file.dispatch.radius_growth <= 1.0
        })
        .unwrap_or(round)
}

/// Looks for drivers for all calls that wait, longest first, as long as there are any: calls that nobody is near to hold up
/// no others.
pub(super) async fn pass(world: Arc<World>, service: ServiceId, limit: usize) {
    let (world, service, began) = (&*world, &service, Instant::now());
    let mut after = None;
    while world.boards.supply.len(service) + world.boards.idle.len(service) > 0 {
        let waiting = world.boards.demand.longest_waiting(service, after.as_ref(), PAGE);
        let Some((since, last)) = waiting.last() else { break };
        let next = Some((*since, last.call.clone()));
        let offers = stream::iter(waiting).filter_map(|(_, demand)| async {
            // Searches take their time. Whoever asks for a driver meanwhile is answered in between.
            tokio::task::yield_now().await;
            let found = find(world, service, &Search::of(&demand), limit);
            (!found.drivers.is_empty()).then_some((demand, found))
        });
        offers.for_each_concurrent(OFFERS_AT_ONCE, |(demand, found)| offer(world, service, demand, found)).await;
        after = next;
    }
    if world.boards.demand.len(service) > PAGE {
        // Among so many that still wait, a search at the news of each free driver would be all that is done here.
        tokio::time::sleep(began.elapsed().min(REST_MAX)).await;
    }
}

/// Ends the offers of drivers who are busy or gone by now, so that no call waits for them.
pub(super) async fn withdraw_dead(world: Arc<World>, service: ServiceId) {
    let dead = world.boards.offers.take_dead(&service, |driver| world.boards.idle.is_free(&service, driver));
    let told = stream::iter(dead).for_each_concurrent(OFFERS_AT_ONCE, |(call, drivers)| {
        let (world, cause) = (&world, Cause::fresh(&format!("dispatcher/{service}")));
        async move {
            if let Err(error) = world.calls.ask(call.as_str(), Command::Withdraw { drivers }, cause).await {
                tracing::debug!(%call, %error, "offers could not be withdrawn; they expire");
            }
        }
    });
    told.await;
}

async fn offer(world: &World, service: &ServiceId, demand: Demand, found: Found) {
    let command = Command::Offer { round: demand.round, reached: found.reached, drivers: found.drivers };
    let cause = Cause::fresh(&format!("dispatcher/{service}"));
    if let Err(error) = world.calls.ask(demand.call.as_str(), command, cause).await {
        tracing::debug!(call = %demand.call, %error, "a call could not be offered yet");
    }
}

impl Search {
    fn of(demand: &Demand) -> Self {
        Self {
            pickup: demand.pickup,
            round: demand.round,
            declined: Arc::clone(&demand.declined),
            passed: Arc::clone(&demand.passed),
        }
    }
}
