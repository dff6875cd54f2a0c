//! The call's actor: shows offers and progress, asks for drivers when paid, performs charges, refunds and releases.

use std::{borrow::Cow, sync::Arc};

use super::{
    super::{
        Cause, World,
        boards::Trip,
        dispatcher::Search,
        entity::{Change, Entity, LocalFuture, Task, Terms},
        hub::{Note, Topic, Withdrawn},
        ports::store::EntityKind,
        world::FIND_PATIENCE,
    },
    tell::{Told, tell},
};
use crate::domain::{
    CallId, DriverId, ServiceId,
    account::{self, Debt},
    call::{Call, CallMachine, Command, DriverCard, Effect, Event, Phase},
    driver,
    payment::{self, PaymentStatus},
    policy::{FoundBy, PaymentDue},
};

impl Entity for CallMachine {
    const KIND: EntityKind = EntityKind::Call;
    const EXPIRES_WITH: Option<EntityKind> = Some(EntityKind::Payment);

    fn version(call: &Call) -> u64 {
        call.version
    }

    fn service(call: &Call) -> Option<&ServiceId> {
        Some(&call.service)
    }

    fn terms(call: &Call) -> Option<Terms<'_>> {
        let needed = !call.phase.is_terminal();
        Some(Terms { service: &call.service, terms: call.terms.as_ref(), needed })
    }

    /// What only the payer may know is in the snapshot alone.
    fn streamed(event: &Event) -> Cow<'_, Event> {
        match event {
            Event::PaymentChanged(news) if news.action.is_some() => {
                Cow::Owned(Event::PaymentChanged(news.without_secrets()))
            }
            _ => Cow::Borrowed(event),
        }
    }

    fn inspected(call: &Call) -> serde_json::Value {
        let mut shown = call.clone();
        shown.payment.action = shown.payment.action.map(|action| action.without_secrets());
        serde_json::to_value(shown).unwrap_or_default()
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
        world.boards.promises.settle(&call.id);
        world.boards.deferred.show(call);
        world.boards.unpaid.show(call);
        if world.boards.demand.show(call) {
            world.dispatchers.demand(&call.service);
        }
    }

    /// A call whose search begins with this command is offered in the same commit, if the dispatcher is there.
    fn prepare(world: &Arc<World>, call: Option<&Call>, command: &Command) -> Option<LocalFuture<Command>> {
        let (service, search) = search_begins(world, call, command)?;
        let (world, command) = (Arc::clone(world), command.clone());
        Some(Box::pin(async move {
            let finding = world.dispatchers.find(&service, search);
            let found = tokio::time::timeout(FIND_PATIENCE, finding).await.ok().flatten();
            with_candidates(command, found.map(|found| found.drivers).unwrap_or_default())
        }))
    }

    fn perform(task: Task<Effect>) -> LocalFuture<Option<Command>> {
        Box::pin(async move {
            let Task { world, id, effect, cause, .. } = task;
            let call_id = CallId::new(Arc::clone(&id)).ok()?;
            match effect {
                Effect::Charge { attempt, amount, method, number } => {
                    let gateway = world.guard.gateway().clone();
                    let charge = payment::Command::Charge { id: call_id, attempt, amount, method, number, gateway };
                    tell(&world.payments, &id, charge, &cause, &world.repeats).await;
                }
                Effect::KeepMethod { amount, method, number } => {
                    let gateway = world.guard.gateway().clone();
                    let keep = payment::Command::KeepMethod { id: call_id, amount, method, number, gateway };
                    tell(&world.payments, &id, keep, &cause, &world.repeats).await;
                }
                Effect::Book { driver, service, terms, period, method } => {
                    let book = driver::Command::Book { call: call_id, period, service, terms };
                    let booked = hold(&world, driver, book, &cause).await;
                    return Some(Command::SettleBooking { booked, method });
                }
                Effect::ConfirmDriver { driver } => {
                    let confirm = driver::Command::Confirm { call: call_id };
                    tell(&world.drivers, driver.as_str(), confirm, &cause, &world.repeats).await;
                }
                Effect::AssignDriver { driver, terms, period } => {
                    let claim = driver::Command::Claim { call: call_id, period, terms };
                    let told = tell(&world.drivers, driver.as_str(), claim, &cause, &world.repeats).await;
                    if !matches!(told, Told::Refused(_)) {
                        return None;
                    }
                    world.boards.idle.refused(&driver, std::time::Instant::now());
                    return Some(Command::Withdraw { drivers: vec![driver] });
                }
                Effect::CancelPayment { amount } => {
                    let cancel = payment::Command::Cancel { id: call_id, amount };
                    tell(&world.payments, &id, cancel, &cause, &world.repeats).await;
                }
                Effect::ReleaseDriver { driver } => {
                    let release = driver::Command::Release { call: call_id };
                    tell(&world.drivers, driver.as_str(), release, &cause, &world.repeats).await;
                }
                Effect::SettlePayment { amount, how } => {
                    let end = payment::Command::EndUnpaid { id: call_id, amount, how };
                    tell(&world.payments, &id, end, &cause, &world.repeats).await;
                }
                Effect::NoteDebt { customer, service, amount } => {
                    let debt = Debt { call: call_id, service, amount };
                    let note = account::Command::NoteDebt { id: customer.clone(), debt };
                    tell(&world.accounts, customer.as_str(), note, &cause, &world.repeats).await;
                    return Some(Command::AccountTold { owes: true });
                }
                Effect::ClearDebt { customer } => {
                    let clear = account::Command::ClearDebt { call: call_id };
                    tell(&world.accounts, customer.as_str(), clear, &cause, &world.repeats).await;
                    return Some(Command::AccountTold { owes: false });
                }
            }
            None
        })
    }
}

/// The first search for a driver, if it begins with this command.
fn search_begins(world: &World, call: Option<&Call>, command: &Command) -> Option<(ServiceId, Search)> {
    match (call, command) {
        (None, Command::Request(new)) if new.candidates.is_empty() && new.driver_id.is_none() => {
            let policy = world.policies.get(&new.service)?;
            let due_later = policy.file.payment.due == PaymentDue::OnCompletion;
            let terms = Some(policy.terms.clone());
            due_later.then(|| (new.service.clone(), Search::first(&new.id, terms, new.pickup.position(), new.period)))
        }
        (Some(call), Command::PaymentNews { news, candidates }) => {
            let unpaid = matches!(call.phase, Phase::Requested { .. } | Phase::AwaitingPayment { .. });
            let begins =
                unpaid && news.status == PaymentStatus::Charged && call.choice.is_none() && candidates.is_empty();
            let first = || Search::first(&call.id, call.terms.clone(), call.pickup.position(), call.period);
            begins.then(|| (call.service.clone(), first()))
        }
        _ => None,
    }
}

fn with_candidates(command: Command, candidates: Vec<DriverId>) -> Command {
    match command {
        Command::Request(mut new) => {
            new.candidates = candidates;
            Command::Request(new)
        }
        Command::PaymentNews { news, .. } => Command::PaymentNews { news, candidates },
        other => other,
    }
}

/// Has the chosen driver held, if it is free, and asks for its name.
async fn hold(world: &World, driver: DriverId, book: driver::Command, cause: &Cause) -> Option<DriverCard> {
    match tell(&world.drivers, driver.as_str(), book, cause, &world.repeats).await {
        Told::Refused(_) => None,
        Told::Done => {
            let known = world.drivers.get(driver.as_str()).await.ok().flatten();
            let name = known.map_or_else(|| driver.to_string(), |known| known.profile.name.clone());
            Some(DriverCard { id: driver, name })
        }
    }
}

/// Brings the offer board from what it was before to what it is now, and tells the drivers.
fn show_offers(world: &World, before: Option<&Call>, call: &Arc<Call>) {
    match call.policy(&world.policies).ok().map(|policy| policy.file.dispatch.by) {
        Some(FoundBy::Offer) => {}
        // Where the system assigns, nobody is asked.
        Some(FoundBy::Assign) => return show_assigned(world, before, call),
        Some(FoundBy::Choose) | None => return,
    }
    let is_open = |call: &Call, driver: &DriverId| match &call.phase {
        Phase::Dispatching(search) => search.is_offered_to(driver),
        _ => false,
    };
    if let Some(Call { phase: Phase::Dispatching(search), .. }) = before {
        for (driver, _) in search.open_offers().filter(|(driver, _)| !is_open(call, driver)) {
            world.boards.offers.remove(driver, &call.id);
            let winner = call.phase.driver().is_some_and(|card| card.id == *driver);
            if !winner {
                world.hub.publish(
                    &[Topic::driver(driver)],
                    &Note::OfferWithdrawn(Arc::new(Withdrawn { call: call.id.clone(), service: call.service.clone() })),
                );
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

fn show_assigned(world: &World, before: Option<&Call>, call: &Call) {
    let open = |call: &Call| match &call.phase {
        Phase::Dispatching(search) => search.open_offers().map(|(driver, _)| driver.clone()).collect(),
        _ => Vec::new(),
    };
    let now = open(call);
    for driver in before.map(open).unwrap_or_default().iter().filter(|driver| !now.contains(driver)) {
        world.boards.assigned.remove(driver, &call.id);
    }
    now.iter().for_each(|driver| world.boards.assigned.add(driver, &call.id));
}

fn show_trip(world: &World, call: &Call) {
    let has_driver = matches!(call.phase, Phase::Assigned { .. } | Phase::Started { .. });
    let trip = has_driver.then(|| Trip {
        customer: call.customer_id.clone(),
        service: call.service.clone(),
        target: world.heading(call),
        travel: call.policy(&world.policies).ok().map(|policy| policy.file.travel),
        course: Arc::default(),
    });
    world.boards.trips.set(&call.id, trip);
    if has_driver {
        world.set_out(call);
    }
}

fn publish(world: &World, call: &Arc<Call>) {
    let mut topics = vec![Topic::Call(call.id.clone()), Topic::customer(&call.customer_id)];
    topics.extend(call.phase.driver().map(|card| Topic::driver(&card.id)));
    world.hub.publish(&topics, &Note::CallChanged(Arc::clone(call)));
}
