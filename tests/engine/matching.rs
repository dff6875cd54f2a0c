//! Who is offered or assigned which call, and what that costs.

use std::{collections::HashMap, sync::Arc};

use callout::{
    actors::CallError,
    domain::{
        Asker, CallId, DriverId, Party, ServiceId,
        call::{Call, Request},
        driver::{self, Profile},
    },
};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::support::{Bench, Tested, cause, eventually, gangnam, request};

const CALLS: usize = 200;
const COMPANIES: usize = 12;

fn cleaning() -> ServiceId {
    ServiceId::new("cleaning").expect("an id")
}

/// Whether a driver has an open offer of that call.
fn is_offered(bench: &Bench, driver: &DriverId, call: &CallId) -> bool {
    bench.engine.world().boards.offers.of_driver(driver).iter().any(|(offered, _)| offered == call)
}

/// Paid calls that wait for a company, oldest first.
async fn waiting_calls(bench: &Bench, count: usize) -> Result<Vec<Arc<Call>>, CallError> {
    let one = |_| async {
        let reservation = Request { service: cleaning(), ..request(Some("tok_ok")) };
        bench.engine.request_call(reservation, cause()).await
    };
    let mut calls: Vec<_> = stream::iter(0..count).map(one).buffer_unordered(20).try_collect().await?;
    calls.sort_by_key(|call| (call.created_at, call.id.clone()));
    Ok(calls)
}

async fn register(bench: &Bench, id: &str) -> Result<DriverId, Box<dyn std::error::Error>> {
    let company = DriverId::new(id)?;
    let profile = Profile { service: cleaning(), name: id.to_owned(), phone: None, plate: None };
    let by = Asker::new(Party::System);
    bench.engine.register_driver(&company, profile.into(), Some(gangnam()), by, cause()).await?;
    Ok(company)
}

#[actix_rt::test]
async fn within_a_pass_a_company_goes_to_one_call_the_oldest_first_and_the_longest_waiting_company_first() -> Tested {
    let bench = Bench::new().await?;
    // While the dispatcher is away, both sides pile up.
    for _ in 0..4 {
        bench.engine.ops.crash("dispatcher", "cleaning").await?;
    }
    let calls = waiting_calls(&bench, CALLS).await?;
    let mut companies = Vec::new();
    for number in 0..COMPANIES {
        companies.push(register(&bench, &format!("company-{number:02}")).await?);
    }
    let before: HashMap<_, _> = calls.iter().map(|call| (call.id.clone(), call.version)).collect();
    bench.engine.ops.resume("dispatcher", "cleaning").await?;
    eventually("every company has a call", async || {
        let mut engaged = 0;
        for company in &companies {
            engaged += usize::from(bench.driver_now(company).await.status_at(callout::clock::now()) == "engaged");
        }
        engaged == COMPANIES
    })
    .await;
    let mut commits = 0;
    for (place, call) in calls.iter().enumerate() {
        let call = bench.call(&call.id).await;
        let company = call.phase.driver().map(|driver| driver.id.clone());
        assert_eq!(company.as_ref(), companies.get(place), "call number {place} of {CALLS}");
        commits += call.version - before[&call.id];
    }
    for company in &companies {
        // Registered and put on duty, reserved, engaged.
        assert_eq!(bench.driver_now(company).await.version, 4, "{company} was assigned one call");
    }
    assert_eq!(commits, 2 * COMPANIES as u64, "a match costs its call an offer and an assignment");
    Ok(())
}

#[actix_rt::test]
async fn a_company_that_is_shown_as_free_and_refuses_is_left_alone_for_a_while() -> Tested {
    let bench = Bench::new().await?;
    let company = register(&bench, "company").await?;
    let shown = bench.driver_now(&company).await;
    bench
        .engine
        .world()
        .drivers
        .ask(company.as_str(), driver::Command::Retire { by: Asker::new(Party::System) }, cause())
        .await?;
    // As a board would show it that was read from an older snapshot.
    bench.engine.world().boards.idle.show(&shown);
    let calls = waiting_calls(&bench, 5).await?;
    eventually("it was asked", async || {
        let mut asked = 0;
        for call in &calls {
            asked += usize::from(bench.call(&call.id).await.version > call.version);
        }
        asked > 0
    })
    .await;
    // Ten times as long as a dispatcher waits between looks, and hundreds of times as long as one refusal takes.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let mut refusals = 0;
    for call in &calls {
        refusals += (bench.call(&call.id).await.version - call.version) / 2;
    }
    assert!(refusals <= 3, "{refusals} refusals, where one a second at most, and ever fewer, are enough");
    Ok(())
}

#[actix_rt::test]
async fn no_driver_holds_more_offers_than_its_bound_however_many_calls_come_at_once() -> Tested {
    let bench = Bench::new().await?;
    let mut drivers = Vec::new();
    for number in 0..6 {
        drivers.push(bench.driver(&format!("d{number}")).await?);
    }
    let one = |_| async { bench.request(Some("tok_ok")).await };
    let calls: Vec<_> = stream::iter(0..60).map(one).buffer_unordered(60).try_collect().await?;
    let held = || drivers.iter().map(|driver| bench.engine.world().boards.offers.count(driver)).collect::<Vec<_>>();
    eventually("everybody holds as many offers as one may", async || held().iter().all(|held| *held == 20)).await;
    assert_eq!(calls.len(), 60);
    Ok(())
}

#[actix_rt::test]
async fn a_call_with_room_for_more_offers_is_offered_to_whoever_comes() -> Tested {
    let bench = Bench::new().await?;
    let first = bench.driver("d1").await?;
    let call = bench.request(Some("tok_ok")).await?;
    assert!(is_offered(&bench, &first, &call.id));
    let second = bench.driver("d2").await?;
    eventually("it is offered to both", async || is_offered(&bench, &second, &call.id)).await;
    assert!(is_offered(&bench, &first, &call.id));
    bench.engine.accept(&call.id, &second, cause()).await?;
    Ok(())
}
