//! Whole lives of calls.

use callout::{
    actors::{CallError, entity::AskError},
    domain::{Party, Rejection, payment::PaymentStatus},
};
use futures_util::future::join_all;

use crate::support::{Bench, Tested, ann, cause, eventually};

#[actix_rt::test]
async fn a_call_is_paid_offered_accepted_started_and_completed() -> Tested {
    let bench = Bench::new().await?;
    let driver = bench.driver("d1").await?;
    let call = bench.request(Some("tok_ok")).await?;
    assert_eq!(call.phase.status(), "dispatching");
    assert_eq!(call.payment.status, PaymentStatus::Charged);
    assert_eq!(
        bench.engine.world().boards.offers.of_driver(&driver).len(),
        1,
        "offered with the commit that says it is paid"
    );
    let call = bench.engine.accept(&call.id, &driver, cause()).await?;
    assert_eq!(call.phase.status(), "assigned");
    eventually("the driver is engaged", async || bench.driver_now(&driver).await.status() == "engaged").await;
    bench.engine.start_call(&call.id, Party::Driver(driver.clone()), cause()).await?;
    let call = bench.engine.complete(&call.id, Party::Driver(driver.clone()), cause()).await?;
    assert_eq!(call.phase.status(), "completed");
    eventually("the driver is free", async || bench.driver_now(&driver).await.status() == "available").await;
    assert_eq!(bench.ledger(&call.id), 1);
    Ok(())
}

#[actix_rt::test]
async fn of_many_accepts_at_once_one_wins_and_nobody_is_left_reserved() -> Tested {
    let bench = Bench::new().await?;
    let mut drivers = Vec::new();
    for number in 0..50 {
        drivers.push(bench.driver(&format!("d{number}")).await?);
    }
    let call = bench.request(Some("tok_ok")).await?;
    let accepts = drivers.iter().map(|driver| bench.engine.accept(&call.id, driver, cause()));
    let answers = join_all(accepts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        let refused = matches!(
            answer,
            CallError::Ask(AskError::Rejected { rejection: Rejection::CallTaken | Rejection::NotOffered, .. })
        );
        assert!(refused, "{answer}");
    }
    let winner = bench.call(&call.id).await.phase.driver().expect("a driver").id.clone();
    eventually("all others are free", async || {
        let mut free = 0;
        for driver in &drivers {
            free += usize::from(bench.driver_now(driver).await.is_available());
        }
        free == drivers.len() - 1 && bench.driver_now(&winner).await.status() == "engaged"
    })
    .await;
    Ok(())
}

#[actix_rt::test]
async fn a_cancel_gives_the_money_back_and_frees_the_driver() -> Tested {
    let bench = Bench::new().await?;
    let driver = bench.driver("d1").await?;
    let call = bench.request(Some("tok_ok")).await?;
    bench.engine.accept(&call.id, &driver, cause()).await?;
    let call = bench.engine.cancel(&call.id, ann(), None, cause()).await?;
    assert_eq!((call.phase.status(), call.payment.status), ("cancelled", PaymentStatus::Refunding));
    eventually("the money is back", async || bench.call(&call.id).await.payment.status == PaymentStatus::Refunded)
        .await;
    eventually("the driver is free", async || bench.driver_now(&driver).await.status() == "available").await;
    assert_eq!(bench.ledger(&call.id), 2);
    Ok(())
}

#[actix_rt::test]
async fn a_charge_without_an_answer_is_looked_up_and_never_made_twice() -> Tested {
    let bench = Bench::new().await?;
    let call = bench.request(Some("tok_timeout")).await?;
    assert_eq!((call.phase.status(), call.payment.status), ("dispatching", PaymentStatus::Charged));
    assert_eq!(bench.ledger(&call.id), 1);
    Ok(())
}

#[actix_rt::test]
async fn a_declined_call_can_be_paid_with_another_method() -> Tested {
    let bench = Bench::new().await?;
    let refused = bench.request(Some("tok_declined")).await;
    let Err(CallError::PaymentDeclined { call, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(call.phase.status(), "requested");
    let paid = bench.engine.pay(&call.id, &ann(), callout::domain::payment::Method("tok_ok".into()), cause()).await?;
    assert_eq!(paid.phase.status(), "dispatching");
    assert_eq!(bench.ledger(&call.id), 1);
    Ok(())
}
