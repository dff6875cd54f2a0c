//! Refunds: at once, pending, failed, and no more than was charged.

use std::time::Duration;

use super::client::StripeClient;
use crate::{
    edge::{Booked, Edge, RefundCourse, RefundEnd},
    support::Tested,
};

/// How many refunds the books have.
async fn paid_out(edge: &Edge) -> Result<usize, Box<dyn std::error::Error>> {
    Ok(edge.books().await?.iter().filter(|booking| booking.booked == Booked::Refund).count())
}

#[actix_rt::test]
async fn a_charge_is_refunded_once() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let paid = client.paid("p1").await?;
    let form = [("payment_intent", paid.id()), ("metadata[payment_id]", "p1")];
    let refund = client.post("/v1/refunds", &form).await?;
    assert_eq!((refund.status, refund.state(), &refund.body["amount"]), (200, "succeeded", &20_000.into()));
    assert_eq!(refund.body["metadata"]["payment_id"], "p1");
    assert_eq!(client.again(&refund).await?.body, refund.body);
    let again = client.post("/v1/refunds", &form).await?;
    assert_eq!((again.status, &again.error()["code"]), (400, &"charge_already_refunded".into()));
    assert_eq!(
        edge.books().await?.last().map(|booking| (booking.payment_id.as_str(), booking.amount)),
        Some(("p1", 20_000))
    );
    assert_eq!(paid_out(&edge).await?, 1);
    Ok(())
}

#[actix_rt::test]
async fn no_more_than_what_is_left_is_refunded() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let paid = client.paid("p1").await?;
    assert_eq!(client.refund(&paid, "15000").await?.status, 200);
    let refused = client.refund(&paid, "5001").await?;
    assert_eq!((refused.status, &refused.error()["param"]), (400, &"amount".into()));
    assert_eq!(client.refund(&paid, "5000").await?.status, 200);
    let charge =
        client.get(&format!("/v1/charges/{}", paid.body["latest_charge"].as_str().unwrap_or_default())).await?;
    assert_eq!((&charge.body["refunded"], &charge.body["amount_refunded"]), (&true.into(), &20_000.into()));
    Ok(())
}

#[actix_rt::test]
async fn what_was_not_charged_is_not_refunded() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    assert_eq!(client.refund(&intent, "1").await?.status, 400);
    client.post(&format!("/v1/payment_intents/{}/cancel", intent.id()), &[]).await?;
    assert_eq!(client.refund(&intent, "1").await?.status, 400);
    Ok(())
}

#[actix_rt::test]
async fn a_pending_refund_succeeds_or_fails_as_the_test_wants() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.refunds(RefundCourse::Pends);
    for (payment, end, state) in [
        ("p1", RefundEnd::Succeeded, "succeeded"),
        ("p2", RefundEnd::Failed("lost_or_stolen_card"), "failed"),
        ("p3", RefundEnd::Canceled, "canceled"),
    ] {
        let paid = client.paid(payment).await?;
        let refund = client.refund(&paid, "20000").await?;
        assert_eq!(refund.state(), "pending");
        assert_eq!(client.refund(&paid, "20000").await?.error()["code"], "charge_already_refunded");
        edge.end_refund(refund.id(), end).await?;
        assert_eq!(client.again(&refund).await?.state(), state);
    }
    assert_eq!(paid_out(&edge).await?, 1);
    Ok(())
}

#[actix_rt::test]
async fn a_refund_that_has_succeeded_may_fail_later() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let paid = client.paid("p1").await?;
    let refund = client.refund(&paid, "20000").await?;
    edge.end_refund(refund.id(), RefundEnd::Failed("expired_or_canceled_card")).await?;
    let failed = client.again(&refund).await?;
    assert_eq!((failed.state(), &failed.body["failure_reason"]), ("failed", &"expired_or_canceled_card".into()));
    assert_eq!(paid_out(&edge).await?, 0);
    assert_eq!(client.refund(&paid, "20000").await?.state(), "succeeded", "the money can be given back again");
    Ok(())
}

#[actix_rt::test]
async fn a_refund_may_end_by_itself_after_a_while() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.refunds(RefundCourse::Ends(Duration::from_millis(50), RefundEnd::Failed("unknown")));
    let refund = client.refund(&client.paid("p1").await?, "20000").await?;
    assert_eq!(refund.state(), "pending");
    assert_eq!(edge.until_event("refund.failed").await.about(), refund.id());
    assert_eq!(client.again(&refund).await?.state(), "failed");
    Ok(())
}
