//! Lists and counts: the same whichever index they come out of, bounded in time, and right after every change.

use std::collections::BTreeMap;

use callout::{
    domain::{
        Role, ServiceId,
        call::{Call, active_statuses},
        driver::Driver,
    },
    readmodel::{CallFilter, DriverFilter, Page, ReadError, ReadModel},
};

use crate::fixture::{Home, Life, Outcome, connect, customer, feed, policies, registered};

const SERVICES: [&str; 3] = ["cleaning", "driver-call", "taxi"];
const STATUSES: [&str; 5] = ["requested", "dispatching", "assigned", "completed", "denied"];

/// Calls of three services, customers and drivers, in several statuses, some requested in the same millisecond.
fn lives() -> Vec<Life> {
    let life = |n: usize| {
        let (driver, asks) = (format!("driver-{}", n % 3), format!("customer-{}", n % 4));
        let clock = i64::try_from(n / 2).unwrap_or_default();
        let life = Life::new(&format!("call_{n:03}"), &asks, clock);
        let life = match n % 7 {
            0 => life,
            1 => life.paid(&[&driver]),
            2 => life.paid(&[&driver]).taken_by(&driver),
            3 => life.paid(&[&driver]).taken_by(&driver).cancelled_by(customer(&asks)),
            _ => life.paid(&[&driver]).taken_by(&driver).completed_by(&driver),
        };
        life.of_service(SERVICES[n / 3 % 3])
    };
    (0..120).map(life).collect()
}

/// Every item of a list, in pages of seven.
async fn whole<T>(ask: impl AsyncFn(Option<&str>) -> Result<Page<T>, ReadError>) -> Result<Vec<T>, ReadError> {
    let (mut items, mut next) = (Vec::new(), None);
    loop {
        let page = ask(next.as_deref()).await?;
        items.extend(page.items);
        next = page.next_cursor;
        if next.is_none() {
            return Ok(items);
        }
    }
}

fn ids(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.id.as_str()).collect()
}

fn services(names: &[&str]) -> Vec<ServiceId> {
    names.iter().map(|name| ServiceId::new(*name).expect("an id")).collect()
}

/// Every way to narrow a list down: one service or none, a status or none, what the token is limited to or nothing.
fn every_filter(mut check: impl FnMut(Option<&ServiceId>, Option<&'static str>, Option<&[ServiceId]>)) {
    let some = services(&["cleaning", "driver-call", "taxi", "rental"]);
    let limits =
        [None, Some(services(&[])), Some(services(&["taxi"])), Some(services(&["taxi", "rental", "cleaning"]))];
    for limit in &limits {
        for service in std::iter::once(None).chain(some.iter().map(Some)) {
            for status in std::iter::once(None).chain(STATUSES.map(Some)) {
                check(service, status, limit.as_deref());
            }
        }
    }
}

#[tokio::test]
async fn every_list_has_what_it_is_asked_for_latest_first() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for life in &lives() {
        feed(&model, &life.events).await?;
    }
    let mut all = whole(async |cursor| model.calls(CallFilter::default(), 7, cursor).await).await?;
    assert_eq!(all.len(), 120);
    all.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    let mut filters = Vec::new();
    every_filter(|service, status, limit| {
        let limit = limit.map(<[ServiceId]>::to_vec);
        let several = [active_statuses().to_vec(), vec!["completed", "denied"]];
        for statuses in std::iter::once(Vec::from_iter(status)).chain(several) {
            filters.push((service.cloned(), statuses, limit.clone()));
        }
    });
    for (service, statuses, limit) in &filters {
        let filter = CallFilter { service: service.as_ref(), statuses, services: limit.as_deref() };
        let fits = |call: &&Call| {
            service.as_ref().is_none_or(|service| call.service == *service)
                && (statuses.is_empty() || statuses.contains(&call.phase.status()))
                && limit.as_ref().is_none_or(|limit| limit.contains(&call.service))
        };
        let found = whole(async |cursor| model.calls(filter, 7, cursor).await).await?;
        assert_eq!(ids(&found), ids(&all.iter().filter(fits).cloned().collect::<Vec<_>>()), "{filter:?}");
        for (role, id) in [(Role::Customer, "customer-1"), (Role::Driver, "driver-2"), (Role::Operator, "taxi")] {
            let own = |call: &&Call| match role {
                Role::Customer => call.customer_id.as_str() == id,
                Role::Driver => call.phase.driver().is_some_and(|card| card.id.as_str() == id),
                Role::Operator => call.service.as_str() == id,
            };
            let found = whole(async |cursor| model.me_calls(role, id, filter, 7, cursor).await).await?;
            let expected: Vec<_> = all.iter().filter(fits).filter(own).cloned().collect();
            assert_eq!(ids(&found), ids(&expected), "{role:?} {filter:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_list_of_drivers_has_what_it_is_asked_for_by_id() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for n in 0..40 {
        let mut events = registered(&format!("driver-{n:02}"), 0);
        for event in &mut events {
            event.body = event.body.replace("driver-call", SERVICES[n % 3]);
        }
        feed(&model, if n % 5 == 0 { &events[..1] } else { &events }).await?;
    }
    let all = whole(async |cursor| model.drivers(DriverFilter::default(), 7, cursor).await).await?;
    assert!(all.len() == 40 && all.is_sorted_by_key(|driver| driver.id.clone()));
    let mut filters = Vec::new();
    every_filter(|service, _, limit| filters.push((service.cloned(), limit.map(<[ServiceId]>::to_vec))));
    for (service, limit) in &filters {
        for status in [None, Some("available"), Some("offline"), Some("retired")] {
            let filter = DriverFilter { service: service.as_ref(), status, services: limit.as_deref() };
            let fits = |driver: &&Driver| {
                service.as_ref().is_none_or(|service| driver.profile.service == *service)
                    && status.is_none_or(|status| driver.status_at(driver.updated_at) == status)
                    && limit.as_ref().is_none_or(|limit| limit.contains(&driver.profile.service))
            };
            let found = whole(async |cursor| model.drivers(filter, 7, cursor).await).await?;
            assert_eq!(found, all.iter().filter(fits).cloned().collect::<Vec<_>>(), "{filter:?}");
        }
    }
    Ok(())
}

async fn counts(model: &ReadModel, role: Role, id: &str) -> Result<BTreeMap<String, u64>, ReadError> {
    Ok(model.summary(role, id, None).await?.calls)
}

/// How many of these calls there are in each status.
fn counted<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.phase.status().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn counts_are_right_after_every_event_and_after_a_restart() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let lives = lives();
    let longest = lives.iter().map(|life| life.events.len()).max().unwrap_or_default();
    for seq in 0..longest {
        let page: Vec<_> = lives.iter().filter_map(|life| life.events.get(seq)).cloned().collect();
        feed(&model, &page).await?;
        check_counts(&model).await?;
    }
    for life in &lives {
        assert_eq!(feed(&model, &life.events).await?, 0, "nothing counts twice");
    }
    check_counts(&model).await?;
    model.close().await;
    check_counts(home.open().await.as_ref()).await
}

/// Compares every count with the calls that are listed.
async fn check_counts(model: &ReadModel) -> Outcome {
    let all = whole(async |cursor| model.calls(CallFilter::default(), 200, cursor).await).await?;
    for service in SERVICES {
        let expected = counted(all.iter().filter(|call| call.service.as_str() == service));
        assert_eq!(counts(model, Role::Operator, service).await?, expected, "{service}");
    }
    for customer in ["customer-0", "customer-3", "nobody"] {
        let expected = counted(all.iter().filter(|call| call.customer_id.as_str() == customer));
        assert_eq!(counts(model, Role::Customer, customer).await?, expected, "{customer}");
    }
    let had = |call: &&Call| call.phase.driver().is_some_and(|card| card.id.as_str() == "driver-1");
    assert_eq!(counts(model, Role::Driver, "driver-1").await?, counted(all.iter().filter(had)));
    Ok(())
}

#[tokio::test]
async fn a_read_is_given_up_when_its_time_is_up() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    for n in 0..300 {
        feed(&model, &Life::new(&format!("call_{n:03}"), "mina", n).events).await?;
    }
    model.close().await;
    let mut settings = home.settings();
    settings.read_timeout_ms = 0;
    let impatient = ReadModel::open(settings, crate::fixture::IDENTITY, policies()).await?;
    let counted = impatient.summary(Role::Customer, "mina", None).await;
    assert!(matches!(counted, Err(ReadError::TooSlow)), "{counted:?}");
    let listed = impatient.me_calls(Role::Customer, "mina", CallFilter::default(), 200, None).await;
    assert!(matches!(listed, Err(ReadError::TooSlow)), "{listed:?}");
    impatient.close().await;
    let model = home.open().await;
    assert_eq!(counts(&model, Role::Customer, "mina").await?["requested"], 300);
    Ok(())
}

/// What the views had in their second shape, and before.
pub const SHAPE_2: &str = "
    DROP TRIGGER calls_come; DROP TRIGGER calls_change; DROP TRIGGER calls_go;
    DROP TRIGGER drivers_come; DROP TRIGGER drivers_change; DROP TRIGGER drivers_go;
    DROP TABLE counts;
    DROP INDEX calls_status; DROP INDEX calls_customer; DROP INDEX calls_driver; DROP INDEX drivers_status;
    CREATE INDEX calls_customer ON calls (customer_id, created_at, id);
    CREATE INDEX calls_driver ON calls (driver_id, created_at, id) WHERE driver_id IS NOT NULL;
    PRAGMA user_version = 2;
";

#[tokio::test]
async fn a_file_without_counts_is_taken_over() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    let lives = lives();
    for life in &lives {
        feed(&model, &life.events[..life.events.len() - 1]).await?;
    }
    let before = whole(async |cursor| model.calls(CallFilter::default(), 200, cursor).await).await?;
    model.close().await;
    let mut sql = connect(&home).await?;
    sqlx::raw_sql(SHAPE_2).execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let model = home.open().await;
    assert_eq!(whole(async |cursor| model.calls(CallFilter::default(), 200, cursor).await).await?, before);
    check_counts(&model).await?;
    for life in &lives {
        feed(&model, &life.events).await?;
    }
    check_counts(&model).await
}
