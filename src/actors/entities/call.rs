//! The call's actor: shows offers and progress, asks for drivers when paid, performs charges, refunds and releases.

use std::sync::Arc;

use super::{
    super::{
        World,
        boards::Trip,
        dispatcher::Search,
        entity::{Change, Entity, LocalFuture, Task},
        hub::{Note, Topic},
        ports::store::EntityKind,
        world::FIND_PATIENCE,
    },
    tell::tell,
};
use crate::domain::{
    DriverId,
    call::{Call, CallMachine, Command, Effect, Phase},
    driver,
    payment::{self, PaymentStatus},
};

impl Entity for CallMachine {
    const KIND: EntityKind = EntityKind::Call;

    fn version(call: &Call) -> u64 {
        call.version
    }

    fn project(world: &World, change: &Change<'_, Call>, call: &Arc<Call>) {
        match change {
            Change::Committed { before } => {
                show_offers(world, *before, call);
                show_trip(world, call);
                publish(world, call);
            }
            Change::Recovered => {
                show_offers(world, None, call);
                show_trip(world, call);
            }
            Change::Volatile => {}
        }
        if world.boards.demand.show(call) {
            world.dispatchers.demand(&call.service);
        }
    }

    /// A call that has just been paid is offered in the same commit, if the dispatcher is there.
    fn prepare(world: &Arc<World>, call: Option<&Call>, command: &Command) -> Option<LocalFuture<Command>> {
        let (Some(call), Command::PaymentNews { news, candidates }) = (call, command) else { return None };
        let newly_paid = news.status == PaymentStatus::Charged && matches!(call.phase, Phase::Requested { .. });
        if !newly_paid || !candidates.is_empty() {
            return None;
        }
        let search =
            Search { pickup: call.pickup.position(), round: 0, declined: Arc::default(), passed: Arc::default() };
        let (world, service, news) = (Arc::clone(world), call.service.clone(), news.clone());
        Some(Box::pin(async move {
            let finding = world.dispatchers.find(&service, search);
            let found = tokio::time::timeout(FIND_PATIENCE, finding).await.ok().flatten();
            Command::PaymentNews { news, candidates: found.map(|found| found.drivers).unwrap_or_default() }
        }))
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        Box::pin(async move {
            let Task { world, id, effect, cause, .. } = task;
            let call_id = crate::domain::CallId::new(Arc::clone(&id)).ok()?;
            match effect {
                Effect::Charge { attempt, amount, method } => {
                    let charge = payment::Command::Charge { id: call_id, attempt, amount, method };
                    tell(&world.payments, &id, charge, &cause, &world.repeats).await;
                }
                Effect::CancelPayment { amount } => {
                    let cancel = payment::Command::Cancel { id: call_id, amount };
                    tell(&world.payments, &id, cancel, &cause, &world.repeats).await;
                }
                Effect::ReleaseDriver { driver } => {
                    let release = driver::Command::Release { call: call_id };
                    tell(&world.drivers, driver.as_str(), release, &cause, &world.repeats).await;
                }
            }
            None
        })
    }
}

/// Brings the offer board from what it was before to what it is now, and tells the drivers.
fn show_offers(world: &World, before: Option<&Call>, call: &Arc<Call>) {
    let is_open = |call: &Call, driver: &DriverId| match &call.phase {
        Phase::Dispatching(search) => search.is_offered_to(driver),
        _ => false,
    };
    if let Some(Call { phase: Phase::Dispatching(search), .. }) = before {
        for (driver, _) in search.open_offers().filter(|(driver, _)| !is_open(call, driver)) {
            world.boards.offers.remove(driver, &call.id);
            let winner = call.phase.driver().is_some_and(|card| card.id == *driver);
            if !winner {
                world.hub.publish(&[Topic::driver(driver)], &Note::OfferWithdrawn { call: call.id.clone() });
            }
        }
    }
    if let Phase::Dispatching(search) = &call.phase {
        for (driver, expires_at) in search.open_offers() {
            if before.is_none_or(|before| !is_open(before, driver)) {
                world.boards.offers.add(driver, &call.id, expires_at);
                let topic = Topic::driver(driver);
                if world.hub.is_heard(&topic) {
                    world.hub.publish(&[topic], &Note::Offered { call: Arc::clone(call), expires_at });
                }
            }
        }
    }
}

fn show_trip(world: &World, call: &Call) {
    let target = match &call.phase {
        Phase::Assigned { .. } => Some(call.pickup.position()),
        Phase::Started { .. } => call.dropoff.as_ref().map(crate::domain::Place::position),
        _ => return world.boards.trips.set(&call.id, None),
    };
    let trip = Trip { customer: call.customer_id.clone(), service: call.service.clone(), target };
    world.boards.trips.set(&call.id, Some(trip));
}

fn publish(world: &World, call: &Arc<Call>) {
    let mut topics = vec![Topic::Call(call.id.clone()), Topic::customer(&call.customer_id)];
    topics.extend(call.phase.driver().map(|card| Topic::driver(&card.id)));
    world.hub.publish(&topics, &Note::CallChanged(Arc::clone(call)));
}
