//! Payment methods that a release without seal keys stored as they were given.

use callout::{
    actors::{CallError, ports::gateway::Faults},
    domain::{Asker, DriverId, Party, ServiceId, driver::Profile, payment::PaymentStatus},
};
use sqlx::Connection as _;

use crate::support::{Bench, Tested, cause, eventually, gangnam, request};

/// How many snapshots of a store have a text in them.
async fn snapshots_with(bench: &Bench, text: &str) -> Result<i64, sqlx::Error> {
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(bench.database());
    let mut connection = sqlx::SqliteConnection::connect_with(&file).await?;
    let count = "SELECT count(*) FROM snapshots WHERE instr(body, ?1) > 0";
    sqlx::query_scalar(count).bind(text).fetch_one(&mut connection).await
}

/// A taxi at the pickup.
async fn taxi(bench: &Bench) -> Result<DriverId, Box<dyn std::error::Error>> {
    let (driver, by) = (DriverId::new("d1")?, Asker::new(Party::System));
    let profile = Profile { service: ServiceId::new("taxi")?, name: "d1".to_owned(), phone: None, plate: None };
    bench.engine.register_driver(&driver, profile.into(), Some(gangnam()), by.clone(), cause()).await?;
    bench.engine.set_availability(&driver, true, by, cause()).await?;
    Ok(driver)
}

#[actix_rt::test]
async fn a_method_that_was_stored_plainly_is_sealed_with_the_next_commit_and_charged() -> Tested {
    const PLAIN: &str = "\"method\":\"tok_ok\"";
    const SEALED: &str = "\"method\":\"v1.";
    let bench = Bench::new().await?;
    let driver = taxi(&bench).await?;
    // The engine is behind the door that seals: it stores what it is given, as that release did.
    let ride = callout::domain::call::Request { service: ServiceId::new("taxi")?, ..request(Some("tok_ok")) };
    let call = bench.engine.request_call(ride, cause()).await?.id.clone();
    bench.engine.accept(&call, &driver, cause()).await?;
    bench.engine.start_call(&call, Party::Driver(driver.clone()), cause()).await?;
    eventually("the method is kept", async || snapshots_with(&bench, PLAIN).await.is_ok_and(|count| count == 1)).await;

    let bench = bench.taken_over().await?;
    bench.drill.set_faults(Faults { down: true, ..Faults::default() })?;
    let complete = async || bench.engine.complete(&call, Party::Driver(driver.clone()), cause()).await;
    assert!(matches!(complete().await, Err(CallError::PaymentUnavailable { .. })));
    assert_eq!((snapshots_with(&bench, PLAIN).await?, snapshots_with(&bench, SEALED).await?), (0, 1));
    bench.drill.set_faults(Faults::default())?;
    eventually("it is charged", async || complete().await.is_ok()).await;
    assert_eq!(bench.call(&call).await.payment.status, PaymentStatus::Charged);
    assert_eq!(bench.ledger(&call), 1);
    Ok(())
}
