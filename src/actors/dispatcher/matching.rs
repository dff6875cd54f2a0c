//! The search itself: the nearest free drivers around a pickup, and a pass over all calls that wait.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    future::ready,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use super::super::{Cause, World, boards::Demand};
use crate::{
    clock,
    domain::{
        CallId, DriverId, LatLng, Period, ServiceId,
        call::Command,
        driver::{Booking, has_room},
        policy::{FoundBy, PeriodRule, Policy, TermsId},
    },
};

/// A driver with this many open offers gets no more.
const OPEN_OFFERS_MAX: usize = 20;
/// Calls that are looked at together, those that have waited longest first.
const PAGE: usize = 512;
/// How long it rests after a pass that left many waiting, at most: as long as the pass took.
const REST_MAX: Duration = Duration::from_secs(1);
/// Calls that are told of drivers at the same time: each waits for its commit, so this many in the time of one.
const OFFERS_AT_ONCE: usize = 512;

/// How long a pass waits for one call's answer: a call whose actor is stuck holds up no others.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// The place of a call among those that wait.
pub(super) type Place = (Timestamp, CallId);

/// Calls with an open offer and room for more that one pass looks at, at most.
const OFFERED_PAGE: usize = 1_024;

/// The search of a call for a driver.
#[derive(Debug, Clone)]
pub struct Search {
    pub call: CallId,
    /// The call's terms.
    pub terms: Option<TermsId>,
    pub pickup: LatLng,
    /// The time for which it wants a driver; from now on without.
    pub period: Option<Period>,
    /// In which round it is, from 0.
    pub round: u32,
    /// The drivers who declined it.
    pub declined: Arc<[DriverId]>,
    /// The drivers who let an offer pass. They are asked again only when there is nobody else.
    pub passed: Arc<[DriverId]>,
    /// The drivers with an open offer of it.
    pub offered: Arc<[DriverId]>,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub drivers: Vec<DriverId>,
    /// The round whose radius they are within: the one asked for, or the first later one that has anybody.
    pub reached: u32,
}

/// Finds drivers, and promises them to the call until it has committed its offers.
pub(super) fn find(world: &World, service: &ServiceId, search: &Search, limit: usize) -> Found {
    let found = look(world, service, search, limit);
    if !found.drivers.is_empty() {
        world.boards.promises.promise(&search.call, &found.drivers, std::time::Instant::now());
    }
    found
}

/// Looks for drivers within the round's radius. When there is nobody, there is nobody to wait for: the radius grows at
/// once, up to the largest. A driver that is promised to other calls counts as if it had their offers.
fn look(world: &World, service: &ServiceId, search: &Search, limit: usize) -> Found {
    let nobody = Found { drivers: Vec::new(), reached: search.round };
    let Ok(policy) = world.policies.under(service, search.terms.as_ref()) else { return nobody };
    let room = usize::from(policy.file.dispatch.offers_per_round).saturating_sub(search.offered.len());
    let limit = limit.min(room);
    if limit == 0 {
        return nobody;
    }
    let radius_max_m = f64::from(policy.file.dispatch.radius_max_m);
    let (offers, promises) = (&world.boards.offers, &world.boards.promises);
    let now = clock::now();
    let is_new = |driver: &DriverId| !search.declined.contains(driver) && !search.offered.contains(driver);
    if policy.file.dispatch.by == FoundBy::Assign {
        let is_free = |driver: &DriverId| promises.count(driver) == 0 && !world.boards.assigned.has(driver);
        let has_room =
            |bookings: &[Booking]| has_room(bookings, policy.file.dispatch.capacity, search.period.as_ref(), now);
        let willing = |driver: &DriverId, bookings: &[Booking]| is_new(driver) && is_free(driver) && has_room(bookings);
        let fresh =
            |driver: &DriverId, bookings: &[Booking]| !search.passed.contains(driver) && willing(driver, bookings);
        let idle = &world.boards.idle;
        let found = idle.longest_waiting(service, fresh).or_else(|| idle.longest_waiting(service, willing));
        return Found { drivers: found.into_iter().collect(), reached: search.round };
    }
    let has_room = |driver: &DriverId| offers.count(driver) + promises.count(driver) < OPEN_OFFERS_MAX;
    let willing = |driver: &DriverId| is_new(driver) && has_room(driver) && !world.is_stale(policy, driver, now);
    let fresh = |driver: &DriverId| willing(driver) && !search.passed.contains(driver);
    let supply = &world.boards.supply;
    let mut candidates = supply.nearest(service, search.pickup, radius_max_m, limit, fresh);
    if candidates.is_empty() && !search.passed.is_empty() {
        candidates = supply.nearest(service, search.pickup, radius_max_m, limit, willing);
    }
    let Some(nearest) = candidates.first() else { return nobody };
    let reached = round_reaching(policy, search.round, nearest.distance_m);
    if reached > search.round && !search.offered.is_empty() {
        // The drivers who were asked have the time of their offers before drivers further out are asked.
        return nobody;
    }
    let radius_m = policy.radius_m(reached);
    let drivers = candidates.into_iter().take_while(|candidate| candidate.distance_m <= radius_m);
    Found { drivers: drivers.map(|candidate| candidate.driver).collect(), reached }
}

/// The first round from `round` on whose radius covers `distance_m`, which is within the largest radius.
fn round_reaching(policy: &Policy, round: u32, distance_m: f64) -> u32 {
    let (largest_m, growth) = (f64::from(policy.file.dispatch.radius_max_m), policy.file.dispatch.radius_growth);
    let (radius_m, wanted_m) = (policy.radius_m(round), distance_m.min(largest_m));
    // A radius that does not grow never covers more: then this round is as good as any.
    if radius_m >= wanted_m || growth <= 1.0 {
        return round;
    }
    // radius_m · growth^rounds = wanted_m, solved for the rounds: a radius may grow very slowly.
    let rounds = ((wanted_m / radius_m).ln() / growth.ln()).floor();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and saturates")]
    let near = round.saturating_add(rounds as u32);
    // Rounding may be off by one.
    if policy.radius_m(near) >= wanted_m { near } else { near.saturating_add(1) }
}

/// The calls that a pass goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Calls without an open offer.
    Waiting,
    /// Calls without an open offer, and then some of those that have one and room for more.
    AlsoOffered,
}

/// Looks for drivers for all calls that wait, longest first, as long as there are any: calls that nobody is
/// near to hold up no others. Then, if wanted, for some calls that have offers, on from `offered_after`;
/// answers where those ended.
pub(super) async fn pass(
    world: Arc<World>,
    service: ServiceId,
    limit: usize,
    which: Pass,
    offered_after: Option<Place>,
) -> Option<Place> {
    let (world, service, began) = (&*world, &service, Instant::now());
    let nobody_for = Nobody::default();
    let mut after = None;
    while world.boards.supply.len(service) + world.boards.idle.len(service) > 0 {
        let waiting = world.boards.demand.longest_waiting(service, after.as_ref(), PAGE);
        let Some((since, last)) = waiting.last() else { break };
        let next = Some((*since, last.call.clone()));
        if offer_all(world, service, waiting, limit, &nobody_for).await == Supply::UsedUp {
            break;
        }
        after = next;
    }
    let mut offered_after = offered_after;
    if which == Pass::AlsoOffered && world.boards.supply.len(service) > 0 {
        let offered = world.boards.demand.longest_offered(service, offered_after.as_ref(), OFFERED_PAGE);
        offered_after = offered.last().map(|(since, last)| (*since, last.call.clone()));
        offer_all(world, service, offered, limit, &nobody_for).await;
    }
    if world.boards.demand.len(service) > PAGE {
        // Among so many that still wait, a search at the news of each free driver would be all that is done here.
        tokio::time::sleep(began.elapsed().min(REST_MAX)).await;
    }
    offered_after
}

/// Whether there may be a driver for the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supply {
    Left,
    UsedUp,
}

/// The times, and the terms, for which a pass has found nobody, where the system assigns.
type Nobody = RefCell<HashSet<(Option<TermsId>, Option<Period>)>>;

/// Looks for drivers for these calls, one after the other, and tells the calls of them. Where the system assigns, whom
/// it finds does not depend on the place: when there is nobody for a call that would take anybody, there is nobody for
/// those behind it that want the same time under the same terms, and one who becomes free meanwhile is for the first of them.
async fn offer_all(
    world: &World,
    service: &ServiceId,
    waiting: Vec<(Timestamp, Demand)>,
    limit: usize,
    nobody_for: &Nobody,
) -> Supply {
    let one_policy = world.policies.has_one(service);
    let supply = Cell::new(Supply::Left);
    let offers = stream::iter(waiting).take_while(|_| ready(supply.get() == Supply::Left)).filter_map(|(_, demand)| {
        let supply = &supply;
        async move {
            let wanted = (demand.terms.clone(), demand.period);
            if nobody_for.borrow().contains(&wanted) {
                return None;
            }
            // Searches take their time. Whoever asks for a driver meanwhile is answered in between.
            tokio::task::yield_now().await;
            let found = find(world, service, &Search::of(&demand), limit);
            let policy = world.policies.under(service, demand.terms.as_ref()).ok();
            let assigns = policy.is_some_and(|policy| policy.file.dispatch.by == FoundBy::Assign);
            if found.drivers.is_empty() && assigns && demand.declined.is_empty() {
                nobody_for.borrow_mut().insert(wanted);
                let same_time = policy.is_some_and(|policy| policy.file.period == PeriodRule::None);
                supply.set(if same_time && one_policy { Supply::UsedUp } else { Supply::Left });
            }
            (!found.drivers.is_empty()).then_some((demand, found))
        }
    });
    offers.for_each_concurrent(OFFERS_AT_ONCE, |(demand, found)| offer(world, service, demand, found)).await;
    supply.get()
}

/// Ends the offers of drivers who are busy or gone by now, so that no call waits for them.
pub(super) async fn withdraw_dead(world: Arc<World>, service: ServiceId) {
    let dead = world.boards.offers.take_dead(&service, |driver| world.boards.idle.is_free(&service, driver));
    let told = stream::iter(dead).for_each_concurrent(OFFERS_AT_ONCE, |(call, drivers)| {
        let (world, cause) = (&world, Cause::fresh(&format!("dispatcher/{service}")));
        async move {
            let withdrawn = world.calls.ask(call.as_str(), Command::Withdraw { drivers }, cause);
            match timeout(ANSWER_MAX, withdrawn).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::debug!(%call, %error, "offers could not be withdrawn; they expire"),
                Err(_) => tracing::debug!(%call, "a call takes long to withdraw offers; they expire"),
            }
        }
    });
    told.await;
}

async fn offer(world: &World, service: &ServiceId, demand: Demand, found: Found) {
    let command = Command::Offer { round: demand.round, reached: found.reached, drivers: found.drivers };
    let cause = Cause::fresh(&format!("dispatcher/{service}"));
    match timeout(ANSWER_MAX, world.calls.ask(demand.call.as_str(), command, cause)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(call = %demand.call, %error, "a call could not be offered yet"),
        // It may still commit the offer: its promise stands for a while.
        Err(_) => return tracing::debug!(call = %demand.call, "a call takes long to answer an offer"),
    }
    world.boards.promises.settle(&demand.call);
}

impl Search {
    /// The first search of a call.
    #[must_use]
    pub fn first(call: &CallId, terms: Option<TermsId>, pickup: LatLng, period: Option<Period>) -> Self {
        let nobody: Arc<[DriverId]> = Arc::default();
        Self {
            call: call.clone(),
            terms,
            pickup,
            period,
            round: 0,
            declined: nobody.clone(),
            passed: nobody.clone(),
            offered: nobody,
        }
    }

    fn of(demand: &Demand) -> Self {
        Self {
            call: demand.call.clone(),
            terms: demand.terms.clone(),
            pickup: demand.pickup,
            period: demand.period,
            round: demand.round,
            declined: Arc::clone(&demand.declined),
            passed: Arc::clone(&demand.passed),
            offered: Arc::clone(&demand.offered),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        geo::ServiceArea,
        policy::{DispatchRule, PolicyFile},
    };

    fn policy(dispatch: DispatchRule) -> Policy {
        let file = r#"
            currency = "KRW"
            confirmed_by = "driver"
            name = { ko = "x", en = "x" }
            noun = { ko = "x", en = "x" }
            fare = { kind = "fixed", amount = 20000 }
            dispatch = { by = "offer" }
            payment = { due = "with_request", gateway_down = "refuse", minimum = 1, unpaid_s = 1 }"#;
        let file = PolicyFile { dispatch, ..toml::from_str(file).expect("a policy") };
        Policy::new(ServiceId::new("taxi").expect("an id"), file, ServiceArea::Everywhere)
    }

    proptest! {
        #[test]
        fn the_round_that_is_reached_is_the_first_that_covers_the_distance(
            radius_m in 1_u32..5_000, radius_growth in 1.0..4.0_f64, more_m in 0_u32..50_000, from in 0_u32..5,
            share in 0.0..1.0_f64,
        ) {
            let rule = DispatchRule { radius_m, radius_growth, radius_max_m: radius_m + more_m, ..DispatchRule::default() };
            let distance_m = share * f64::from(rule.radius_max_m);
            let policy = policy(rule);
            let reached = round_reaching(&policy, from, distance_m);
            prop_assert!(reached >= from);
            if radius_growth > 1.0 {
                prop_assert!(policy.radius_m(reached) >= distance_m * (1.0 - 1e-9));
                prop_assert!(reached == from || policy.radius_m(reached - 1) < distance_m * (1.0 + 1e-9));
            }
        }
    }

    #[test]
    fn a_radius_that_grows_very_slowly_takes_no_longer() {
        let rule = DispatchRule {
            radius_m: 1,
            radius_growth: 1.000_000_001,
            radius_max_m: 500_000,
            ..DispatchRule::default()
        };
        // 13 thousand million rounds: more than there are.
        assert_eq!(round_reaching(&policy(rule), 0, 500_000.0), u32::MAX);
    }
}
