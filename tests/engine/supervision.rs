//! Actors that panic, processes that are replaced.

use std::time::Duration;

use callout::domain::{Party, payment::PaymentStatus};
use sqlx::Connection as _;

use crate::support::{Bench, Tested, ann, cause, eventually};

#[actix_rt::test]
async fn an_actor_that_panicked_is_back_from_its_snapshot() -> Tested {
    let bench = Bench::new().await?;
    let driver = bench.driver("d1").await?;
    let call = bench.request(Some("tok_ok")).await?;
    for (kind, id) in [("call", call.id.as_str()), ("payment", call.id.as_str()), ("driver", driver.as_str())] {
        bench.engine.ops.crash(kind, id).await?;
        eventually("it runs again", async || {
            let figures = bench.engine.ops.actor(kind, id).await.expect("an actor");
            figures.restarts == 1 && format!("{:?}", figures.status) == "Running"
        })
        .await;
        let report = bench.engine.ops.actor(kind, id).await?.last_panic.ok_or("a report")?;
        assert!(report.place.contains("actor.rs"), "{report:?}");
    }
    assert_eq!(bench.call(&call.id).await.phase.status(), "dispatching");
    assert_eq!(bench.engine.world().boards.offers.of_driver(&driver).len(), 1);
    bench.engine.accept(&call.id, &driver, cause()).await?;
    assert_eq!(bench.ledger(&call.id), 1);
    Ok(())
}

#[actix_rt::test]
async fn an_actor_that_panics_too_often_is_parked_until_it_is_resumed() -> Tested {
    let bench = Bench::new().await?;
    let call = bench.request(Some("tok_ok")).await?;
    for _ in 0..4 {
        bench.engine.ops.crash("call", call.id.as_str()).await?;
    }
    eventually("it is parked", async || {
        let figures = bench.engine.ops.actor("call", call.id.as_str()).await.expect("an actor");
        format!("{:?}", figures.status) == "Parked"
    })
    .await;
    let refused = bench.engine.call(&call.id).await;
    assert!(matches!(refused, Err(callout::actors::CallError::Ask(callout::actors::entity::AskError::Parked))));
    bench.engine.ops.resume("call", call.id.as_str()).await?;
    assert_eq!(bench.call(&call.id).await.phase.status(), "dispatching");
    Ok(())
}

#[actix_rt::test]
async fn calls_are_taken_while_the_dispatcher_is_parked_and_offered_when_it_is_back() -> Tested {
    let bench = Bench::new().await?;
    let driver = bench.driver("d1").await?;
    for crashes in 1..=4 {
        bench.engine.ops.crash("dispatcher", "driver-call").await?;
        eventually("it runs again, or is parked after the last", async || {
            let figures = bench.engine.ops.actor("dispatcher", "driver-call").await.expect("an actor");
            match format!("{:?}", figures.status).as_str() {
                "Running" => figures.restarts == crashes,
                "Parked" => crashes == 4,
                _ => false,
            }
        })
        .await;
    }
    let call = bench.request(Some("tok_ok")).await?;
    assert_eq!(call.phase.status(), "dispatching");
    assert!(bench.engine.world().boards.offers.of_driver(&driver).is_empty());
    bench.engine.ops.resume("dispatcher", "driver-call").await?;
    eventually("it is offered", async || bench.engine.world().boards.offers.of_driver(&driver).len() == 1).await;
    Ok(())
}

#[actix_rt::test]
async fn a_process_that_takes_over_finds_everything_and_fences_the_one_before() -> Tested {
    let bench = Bench::new().await?;
    let driver = bench.driver("d1").await?;
    let open = bench.request(Some("tok_ok")).await?;
    let taken = bench.request(Some("tok_ok")).await?;
    bench.engine.accept(&taken.id, &driver, cause()).await?;
    eventually("the driver is engaged", async || bench.driver_now(&driver).await.status() == "engaged").await;
    let before = std::sync::Arc::clone(&bench.engine);
    let bench = bench.taken_over().await?;
    assert!(before.cancel(&open.id, ann(), None, cause()).await.is_err(), "the one before is fenced");
    assert_eq!(bench.call(&open.id).await.phase.status(), "dispatching");
    assert_eq!(bench.driver_now(&driver).await.status(), "engaged");
    bench.engine.start_call(&taken.id, Party::Driver(driver.clone()), cause()).await?;
    bench.engine.complete(&taken.id, Party::Driver(driver.clone()), cause()).await?;
    eventually("the open call is still offered", async || {
        bench.engine.world().boards.offers.of_driver(&driver).iter().any(|(call, _)| *call == open.id)
    })
    .await;
    Ok(())
}

#[actix_rt::test]
async fn a_process_that_was_taken_over_stops_answering_without_having_written() -> Tested {
    let bench = Bench::new().await?;
    let open = bench.request(Some("tok_ok")).await?;
    let before = std::sync::Arc::clone(&bench.engine);
    let bench = bench.taken_over().await?;
    eventually("the one before answers no more", async || before.call(&open.id).await.is_err()).await;
    assert_eq!(bench.call(&open.id).await.phase.status(), "dispatching");
    Ok(())
}

#[actix_rt::test]
async fn an_entity_that_the_store_has_lost_is_not_found_rather_than_waited_for() -> Tested {
    let bench = Bench::new().await?;
    let call = bench.request(None).await?;
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(bench.database());
    let mut connection = sqlx::SqliteConnection::connect_with(&file).await?;
    sqlx::query("DELETE FROM snapshots WHERE id = ?1").bind(call.id.as_str()).execute(&mut connection).await?;
    let cancelling = bench.engine.cancel(&call.id, ann(), None, cause());
    let answer = tokio::time::timeout(Duration::from_secs(5), cancelling).await?;
    assert!(answer.is_err(), "{answer:?}");
    assert!(bench.engine.call(&call.id).await?.is_none());
    Ok(())
}

#[actix_rt::test]
async fn a_refund_that_is_owed_survives_a_gateway_that_is_down_and_a_takeover() -> Tested {
    let bench = Bench::new().await?;
    let call = bench.request(Some("tok_ok")).await?;
    bench.drill.set_faults(serde_json::from_str(r#"{"down": true}"#)?)?;
    bench.engine.cancel(&call.id, ann(), None, cause()).await?;
    assert_eq!(bench.call(&call.id).await.payment.status, PaymentStatus::Refunding);
    let bench = bench.taken_over().await?;
    eventually("the money is back", async || bench.call(&call.id).await.payment.status == PaymentStatus::Refunded)
        .await;
    assert_eq!(bench.ledger(&call.id), 2);
    Ok(())
}
