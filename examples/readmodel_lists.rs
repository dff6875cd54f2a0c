//! How long lists and counts take at many calls: `cargo run --release --example readmodel_lists [CALLS] [RUNS]`.
//!
//! The calls of five services are copied, with SQL, from a few that were folded from their events: nine in ten are completed
//! and one in a thousand is open. One customer has a hundredth of them, one driver a tenth. Each list is then asked for
//! through the read model, RUNS times.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use callout::{
    domain::{Role, ServiceId},
    readmodel::{CallFilter, DriverFilter, ReadModel},
};
use fixture::{Home, Life, Outcome, connect, customer, feed, registered};

#[expect(dead_code, reason = "the fixture serves the tests first")]
#[path = "../tests/readmodel/fixture.rs"]
mod fixture;

const SERVICES: [&str; 5] = ["cleaning", "driver-call", "rental", "studycafe", "taxi"];

/// The calls whose number modulo 1,000 lies in `?3..?4` are copies of the template `?2`.
const COPY: &str = "
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1),
        made AS (
            SELECT n, printf('call_%09d', n) AS id, json_extract(?5, '$[' || (n / 7 % 5) || ']') AS service,
                CASE WHEN n % 100 = 7 THEN 'busy' ELSE 'customer-' || (n % 99991) END AS customer,
                CASE WHEN n % 10 = 3 THEN 'busy' ELSE 'driver-' || (n % 997) END AS driver
            FROM numbers WHERE n % 1000 >= ?3 AND n % 1000 < ?4)
    INSERT INTO calls (id, service, status, open, customer_id, driver_id, created_at, version, unknown_since, state)
    SELECT made.id, made.service, c.status, c.open, made.customer, CASE WHEN c.driver_id IS NULL THEN NULL ELSE made.driver END,
        made.n * 100, c.version, NULL,
        json_set(c.state, '$.id', made.id, '$.service', made.service, '$.customer_id', made.customer,
            '$.created_at', strftime('%Y-%m-%dT%H:%M:%fZ', made.n / 10.0, 'unixepoch'))
    FROM made JOIN calls AS c ON c.id = ?2";

/// A third of the requested calls goes on to the status of the template `?1`.
const GO_ON: &str = "
    UPDATE calls SET (status, state) = (
        SELECT t.status, json_set(t.state, '$.id', calls.id, '$.service', calls.service,
            '$.created_at', calls.state ->> '$.created_at')
        FROM calls AS t WHERE t.id = ?1)
    WHERE status = 'requested' AND id LIKE 'call\\_%' ESCAPE '\\' AND created_at / 100000 % 3 = ?2";

const COPY_DRIVERS: &str = "
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
    INSERT INTO drivers (id, service, status, version, state)
    SELECT printf('driver_%09d', n), json_extract(?2, '$[' || (n % 5) || ']'), d.status, d.version,
        json_set(d.state, '$.id', printf('driver_%09d', n))
    FROM numbers JOIN drivers AS d ON d.id = 'kim'";

#[tokio::main]
async fn main() -> Outcome {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let calls = numbers.next().transpose()?.unwrap_or(1_000_000);
    let runs = numbers.next().transpose()?.unwrap_or(200);
    let home = Home::new();
    let began = Instant::now();
    fill(&home, calls).await?;
    let opening = Instant::now();
    let model = home.open().await;
    let (filled, opened) = (opening - began, opening.elapsed());
    let file = std::fs::metadata(home.settings().file())?.len() >> 20;
    let out = &mut std::io::stdout();
    writeln!(out, "{calls} calls: filled in {filled:.1?}, opened in {opened:.1?}, {file} MB; {runs} runs each")?;
    writeln!(out, "{:<44} {:>9} {:>9}", "", "p50 ms", "p99 ms")?;
    measure(&model, runs, out).await?;
    let operators: Vec<_> = (0..4).map(|_| tokio::spawn(ask_for_what_none_has(Arc::clone(&model)))).collect();
    let customer = async || {
        let page = model.me_calls(Role::Customer, "customer-1", CallFilter::default(), 50, None).await?;
        Ok(page.items.len())
    };
    timed(out, "a customer, while four operators ask", runs, customer).await?;
    operators.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

/// Asks for the costliest list there was, again and again.
async fn ask_for_what_none_has(model: Arc<ReadModel>) {
    let filter = CallFilter { statuses: &["denied"], ..CallFilter::default() };
    while model.calls(filter, 50, None).await.is_ok() {}
}

/// Makes the file, with calls in every usual status, and drivers.
async fn fill(home: &Home, calls: u32) -> Outcome {
    let model = home.open().await;
    for (life, id) in [
        (Life::whole("t_completed", "mina", "kim", 0), "t_completed"),
        (Life::new("t_cancelled", "mina", 0).cancelled_by(customer("mina")), "t_cancelled"),
        (Life::new("t_requested", "mina", 0), "t_requested"),
        (Life::new("t_dispatching", "mina", 0).paid(&["kim"]), "t_dispatching"),
        (Life::new("t_assigned", "mina", 0).paid(&["kim"]).taken_by("kim"), "t_assigned"),
    ] {
        assert_eq!(life.state().id.as_str(), id);
        feed(&model, &life.events).await?;
    }
    feed(&model, &registered("kim", 0)).await?;
    model.close().await;
    let mut sql = connect(home).await?;
    let services = serde_json::to_string(&SERVICES)?;
    for (template, from, to) in [("t_completed", 0, 900), ("t_cancelled", 900, 999), ("t_requested", 999, 1_000)] {
        let copy = sqlx::query(COPY).bind(calls).bind(template).bind(from).bind(to).bind(&services);
        copy.execute(&mut sql).await?;
    }
    for (template, third) in [("t_dispatching", 0), ("t_assigned", 1)] {
        sqlx::query(GO_ON).bind(template).bind(third).execute(&mut sql).await?;
    }
    sqlx::query("DELETE FROM calls WHERE id LIKE 't\\_%' ESCAPE '\\'").execute(&mut sql).await?;
    sqlx::query(COPY_DRIVERS).bind(calls / 10).bind(&services).execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    Ok(())
}

async fn measure(model: &ReadModel, runs: u32, out: &mut impl Write) -> Outcome {
    let ids = SERVICES.map(|id| ServiceId::new(id).expect("an id"));
    let (one, two) = (Some(&ids[1]), Some(&ids[..2]));
    let all = CallFilter::default();
    for (name, filter) in [
        ("all calls", all),
        ("completed", CallFilter { statuses: &["completed"], ..all }),
        ("a status that no call has", CallFilter { statuses: &["denied"], ..all }),
        ("a service", CallFilter { service: one, ..all }),
        ("a service, requested", CallFilter { service: one, statuses: &["requested"], ..all }),
        ("a service, a status that no call has", CallFilter { service: one, statuses: &["denied"], ..all }),
        ("two services", CallFilter { services: two, ..all }),
        ("two services, requested", CallFilter { services: two, statuses: &["requested"], ..all }),
    ] {
        timed(out, name, runs, async || model.calls(filter, 50, None).await.map(|page| page.items.len())).await?;
    }
    let middle = &["completed"][..];
    let page = model.calls(CallFilter { services: two, statuses: middle, ..all }, 200, None).await?.next_cursor;
    let filter = CallFilter { services: two, statuses: middle, ..all };
    timed(out, "two services, completed, second page", runs, async || {
        model.calls(filter, 200, page.as_deref()).await.map(|page| page.items.len())
    })
    .await?;
    for (role, name, filter) in [
        (Role::Customer, "a customer with 1 % of all calls", all),
        (Role::Customer, "that customer, requested", CallFilter { statuses: &["requested"], ..all }),
        (Role::Driver, "a driver with 10 % of all calls", all),
        (Role::Driver, "that driver, a status it has none in", CallFilter { statuses: &["started"], ..all }),
    ] {
        timed(out, name, runs, async || {
            model.me_calls(role, "busy", filter, 50, None).await.map(|page| page.items.len())
        })
        .await?;
    }
    let drivers = DriverFilter::default();
    for (name, filter) in [
        ("drivers of a service", DriverFilter { service: one, ..drivers }),
        ("drivers in a status that none has", DriverFilter { status: Some("retired"), ..drivers }),
        ("drivers of two services, available", DriverFilter { services: two, status: Some("available"), ..drivers }),
    ] {
        timed(out, name, runs, async || model.drivers(filter, 50, None).await.map(|page| page.items.len())).await?;
    }
    timed(out, "counts of five services", runs, async || {
        let mut statuses = 0;
        for id in SERVICES {
            statuses += model.summary(Role::Operator, id, None).await?.calls.len();
        }
        Ok(statuses)
    })
    .await?;
    timed(out, "counts of that customer", runs, async || {
        model.summary(Role::Customer, "busy", None).await.map(|summary| summary.calls.len())
    })
    .await?;
    timed(out, "counts of that driver", runs, async || {
        model.summary(Role::Driver, "busy", None).await.map(|summary| summary.calls.len())
    })
    .await
}

/// Asks so many times, for ten seconds at most, and writes what it took.
async fn timed<F>(out: &mut impl Write, name: &str, runs: u32, ask: F) -> Outcome
where
    F: AsyncFn() -> Result<usize, callout::readmodel::ReadError>,
{
    let (until, mut times, mut items) = (Instant::now() + Duration::from_secs(10), Vec::new(), 0);
    for _ in 0..runs {
        let asked = Instant::now();
        items = ask().await?;
        times.push(asked.elapsed().as_secs_f64() * 1_000.0);
        if Instant::now() > until {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    writeln!(out, "{name:<44} {:>9.2} {:>9.2}   {items} items, {} runs", at(50), at(99), times.len())?;
    Ok(())
}
