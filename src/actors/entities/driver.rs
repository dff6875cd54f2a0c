//! The driver's actor: shows where it is and whether it is free, and takes the call it holds itself for.

use std::sync::Arc;

use super::{
    super::{
        World,
        entity::{Change, Entity, LocalFuture, Task},
        hub::{Moved, Note, Topic},
        ports::store::EntityKind,
    },
    tell::{Told, tell},
};
use crate::domain::{
    DriverId, Rejection,
    call::{self, DriverCard},
    driver::{Command, Driver, DriverMachine, Duty, Effect, ReleaseReason},
};

impl Entity for DriverMachine {
    const KIND: EntityKind = EntityKind::Driver;

    fn version(driver: &Driver) -> u64 {
        driver.version
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
        if world.boards.supply.show(driver) || newly_free {
            world.dispatchers.supply(&driver.profile.service);
        }
        if matches!(change, Change::Volatile) {
            publish_position(world, driver);
        }
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        Box::pin(async move {
            let Task { world, id, effect: Effect::ClaimCall { call, name, service }, cause, .. } = task;
            let driver = DriverCard { id: DriverId::new(id).ok()?, name };
            let accept = call::Command::Accept { driver, service };
            let refused = match tell(&world.calls, call.as_str(), accept, &cause, &world.repeats).await {
                Told::Done => None,
                Told::Refused(Rejection::NotOffered) => Some(ReleaseReason::NotOffered),
                Told::Refused(Rejection::NotFound | Rejection::Invalid(_)) => Some(ReleaseReason::NoSuchCall),
                Told::Refused(_) => Some(ReleaseReason::CallTaken),
            };
            Some(Command::SettleClaim { call, refused })
        })
    }
}

/// Those who wait for this driver see it move.
fn publish_position(world: &World, driver: &Driver) {
    let (Duty::Engaged { call }, Some(fix)) = (&driver.duty, driver.fix) else { return };
    let Some(trip) = world.boards.trips.get(call) else { return };
    let topics = [Topic::Call(call.clone()), Topic::customer(&trip.customer)];
    if !topics.iter().any(|topic| world.hub.is_heard(topic)) {
        return;
    }
    let eta_s = world.eta_of_trip(&trip, fix.position);
    let moved = Moved { driver: driver.id.clone(), position: fix.position, at: fix.at, eta_s };
    world.hub.publish(&topics, &Note::Moved(Arc::new(moved)));
}
