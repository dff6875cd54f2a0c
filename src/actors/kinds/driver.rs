//! The driver's actor: shows its position and whether it is free, and takes the call that it is held for.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    super::{
        World,
        entity::{Change, Entity, LocalFuture, Task},
        hub::{Moved, Note, Topic},
        ports::store::EntityKind,
    },
    tell::{Told, tell},
};
use crate::{
    clock,
    domain::{
        CallId, DriverId, Rejection, ServiceId,
        call::{self, DriverCard},
        driver::{Command, Driver, DriverMachine, Effect, Fix, ReleaseReason},
    },
};

impl Entity for DriverMachine {
    const KIND: EntityKind = EntityKind::Driver;

    fn version(driver: &Driver) -> u64 {
        driver.version
    }

    fn service(driver: &Driver) -> Option<&ServiceId> {
        Some(&driver.profile.service)
    }

    fn project(world: &World, change: &Change<'_, Driver>, driver: &Arc<Driver>) {
        if let Change::Committed { before: Some(before) } = change
            && before.profile.service != driver.profile.service
        {
            world.boards.supply.remove(&before.profile.service, &before.id);
            world.boards.idle.remove(&before.profile.service, &before.id);
            world.boards.offers.left(&before.profile.service, &before.id);
            world.dispatchers.supply(&before.profile.service);
        }
        let newly_free = !matches!(change, Change::Volatile) && world.boards.idle.show(driver);
        world.boards.offers.show(driver);
        if !matches!(change, Change::Volatile) {
            world.boards.faces.show(driver);
        }
        if world.boards.supply.show(driver) || newly_free {
            world.dispatchers.supply(&driver.profile.service);
        }
        if matches!(change, Change::Volatile) {
            publish_position(world, driver);
        }
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        Box::pin(async move {
            let Task { world, id, effect, cause, .. } = task;
            let driver = DriverId::new(id).ok()?;
            let (call, answered) = match effect {
                Effect::ClaimCall { call, name, service, until } => {
                    let driver = DriverCard { id: driver.clone(), name };
                    let accept = call::Command::Accept { driver, service };
                    let answered =
                        in_time(until, tell(&world.calls, call.as_str(), accept, &cause, &world.repeats)).await;
                    (call, answered)
                }
                Effect::GiveBack { call } => (call, None),
            };
            let refused = match answered {
                Some(Told::Done) => None,
                Some(Told::Refused(Rejection::NotOffered)) => Some(ReleaseReason::NotOffered),
                Some(Told::Refused(Rejection::NotFound | Rejection::Invalid(_))) => Some(ReleaseReason::NoSuchCall),
                Some(Told::Refused(_)) => Some(ReleaseReason::CallTaken),
                // The call takes one message after the other, and none whose sender is gone: an accept that it has
                // taken came before this, and no other comes after it.
                None => {
                    let give_back = call::Command::GiveBack { driver };
                    tell(&world.calls, call.as_str(), give_back, &cause, &world.repeats).await;
                    Some(ReleaseReason::NoAnswer)
                }
            };
            Some(Command::SettleClaim { call, refused })
        })
    }
}

/// The call's answer, if it comes in time. A claim whose time is up is not sent.
async fn in_time(until: Option<Timestamp>, telling: impl Future<Output = Told>) -> Option<Told> {
    let Some(until) = until else { return Some(telling.await) };
    let left = Duration::try_from(until - clock::now()).unwrap_or_default();
    if left.is_zero() { None } else { tokio::time::timeout(left, telling).await.ok() }
}

/// Those who wait for this driver see it move.
fn publish_position(world: &World, driver: &Driver) {
    let Some(fix) = driver.fix else { return };
    driver.calls_at(clock::now()).for_each(|call| publish_on_trip(world, driver, fix, call));
}

fn publish_on_trip(world: &World, driver: &Driver, fix: Fix, call: &CallId) {
    let Some(trip) = world.boards.trips.get(call) else { return };
    let topics = [Topic::Call(call.clone()), Topic::customer(&trip.customer)];
    if !topics.iter().any(|topic| world.hub.is_heard(topic)) {
        return;
    }
    let eta_s = world.eta_of_trip(&trip, fix.position);
    let moved = Moved { driver: driver.id.clone(), service: trip.service, fix, eta_s };
    world.hub.publish(&topics, &Note::Moved(Arc::new(moved)));
}
