//! Webhooks: which events there are, how they are signed, and in which order and how often they come.

use std::time::{Duration, Instant};

use callout::clock;

use super::{
    client::StripeClient,
    receiver::{Receiver, SECRET},
};
use crate::{
    edge::{Edge, Endpoint, RefundCourse, RefundEnd, Signing, sign},
    support::Tested,
};

#[test]
fn a_signature_is_the_hmac_of_time_and_body() {
    // By `printf '1.{}' | openssl dgst -sha256 -hmac whsec_test`.
    assert_eq!(sign("whsec_test", 1, "{}"), "7500d5d4be4b3ef07af1fe56f7d522d135cdaa7530de557e67cc1049c52de094");
}

#[actix_rt::test]
async fn every_change_of_a_payment_is_an_event() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let receiver = Receiver::start()?;
    edge.send_events_to(Endpoint::new(receiver.url(), SECRET));
    let cancelled = client.intent("p1").await?;
    client.confirm(&cancelled, "pm_card_visa_chargeDeclined").await?;
    client.confirm(&cancelled, "pm_card_authenticationRequired").await?;
    client.post(&format!("/v1/payment_intents/{}/cancel", cancelled.id()), &[]).await?;
    let paid = client.paid("p2").await?;
    edge.refunds(RefundCourse::Pends);
    let refund = client.refund(&paid, "20000").await?;
    edge.end_refund(refund.id(), RefundEnd::Failed("unknown")).await?;
    let kinds: Vec<_> = edge.events().iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            "payment_intent.payment_failed",
            "payment_intent.requires_action",
            "payment_intent.canceled",
            "payment_intent.succeeded",
            "charge.refunded",
            "refund.failed",
            "refund.updated",
        ]
    );
    edge.until_deliveries(kinds.len()).await;
    let received = receiver.received();
    assert!(received.iter().all(|one| one.is_signed));
    let paid = received.iter().find(|one| one.event["type"] == "payment_intent.succeeded").ok_or("the event")?;
    assert_eq!(paid.event["data"]["object"]["metadata"]["payment_id"], "p2");
    Ok(())
}

#[actix_rt::test]
async fn an_event_is_sent_again_until_it_is_taken() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let receiver = Receiver::start()?;
    let again_after = Duration::from_millis(1);
    edge.send_events_to(Endpoint { again_after, ..Endpoint::new(receiver.url(), SECRET) });
    receiver.answer([500, 503]);
    client.paid("p1").await?;
    let statuses: Vec<_> = edge.until_deliveries(3).await.iter().map(|delivery| delivery.status).collect();
    assert_eq!(statuses, [Some(500), Some(503), Some(200)]);
    let [event] = edge.events().try_into().map_err(|events| format!("{events:?}"))?;
    assert!(receiver.received().iter().all(|one| one.event["id"] == event.id));
    assert!(edge.deliveries().iter().all(|delivery| (&delivery.event, delivery.kind) == (&event.id, event.kind)));
    Ok(())
}

#[actix_rt::test]
async fn an_event_may_come_twice() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let receiver = Receiver::start()?;
    edge.send_events_to(Endpoint { copies: 2, ..Endpoint::new(receiver.url(), SECRET) });
    client.paid("p1").await?;
    edge.until_deliveries(2).await;
    assert_eq!(receiver.kinds(), ["payment_intent.succeeded"; 2]);
    Ok(())
}

#[actix_rt::test]
async fn an_event_may_be_signed_wrongly() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let receiver = Receiver::start()?;
    let stale = Signing::Stale(Duration::from_secs(600));
    for (signing, is_signed) in [(Signing::Wrong, false), (Signing::Missing, false), (stale, true)] {
        let before = edge.deliveries().len();
        edge.send_events_to(Endpoint { signing, ..Endpoint::new(receiver.url(), SECRET) });
        client.paid("p1").await?;
        edge.until_deliveries(before + 1).await;
        assert_eq!(receiver.received().last().map(|one| one.is_signed), Some(is_signed), "{signing:?}");
    }
    let time = receiver.received().last().and_then(|one| one.time).ok_or("a time")?;
    assert!(clock::now().as_second() - time >= 600);
    Ok(())
}

#[actix_rt::test]
async fn held_events_come_in_the_order_that_the_test_wants() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let receiver = Receiver::start()?;
    edge.send_events_to(Endpoint { is_held: true, ..Endpoint::new(receiver.url(), SECRET) });
    let intent = client.intent("p1").await?;
    client.confirm(&intent, "pm_card_visa_chargeDeclined").await?;
    client.confirm(&intent, "pm_card_visa").await?;
    let events = edge.events();
    edge.deliver(events.iter().rev()).await?;
    assert_eq!(receiver.kinds(), ["payment_intent.succeeded", "payment_intent.payment_failed"]);
    assert!(events.iter().all(|event| event.about() == intent.id()));
    Ok(())
}

#[actix_rt::test]
async fn an_event_may_come_late() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let receiver = Receiver::start()?;
    edge.send_events_to(Endpoint { delay: Duration::from_millis(100), ..Endpoint::new(receiver.url(), SECRET) });
    let began = Instant::now();
    client.paid("p1").await?;
    edge.until_deliveries(1).await;
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(receiver.received().len(), 1);
    Ok(())
}
