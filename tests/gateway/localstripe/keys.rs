//! Idempotency keys: replayed, refused, in use, forgotten.

use std::time::Duration;

use super::client::{StripeClient, intent_of};
use crate::{
    edge::{Edge, Fault, When},
    support::Tested,
};

#[actix_rt::test]
async fn the_same_key_replays_the_first_answer() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let first = client.post_with("key", "/v1/payment_intents", &intent_of("p1")).await?;
    let again = client.post_with("key", "/v1/payment_intents", &intent_of("p1")).await?;
    assert_eq!((first.status, first.is_replayed, again.is_replayed), (200, false, true));
    assert_eq!((again.status, &again.body), (200, &first.body));
    let other = client.post_with("another", "/v1/payment_intents", &intent_of("p1")).await?;
    assert_ne!(other.id(), first.id());
    Ok(())
}

#[actix_rt::test]
async fn a_decline_is_replayed_and_a_refused_request_is_not() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    let confirm = format!("/v1/payment_intents/{}/confirm", intent.id());
    for is_replayed in [false, true] {
        let declined = [("payment_method", "pm_card_visa_chargeDeclined")];
        let declined = client.post_with("declined", &confirm, &declined).await?;
        assert_eq!((declined.status, declined.is_replayed), (402, is_replayed));
    }
    for _ in 0..2 {
        let refused = client.post_with("refused", &confirm, &[("payment_method", "pm_nobody")]).await?;
        assert_eq!((refused.status, refused.is_replayed), (400, false));
    }
    let corrected = client.post_with("refused", &confirm, &[("payment_method", "pm_card_visa")]).await?;
    assert_eq!((corrected.status, corrected.state()), (200, "succeeded"));
    Ok(())
}

#[actix_rt::test]
async fn a_key_with_another_body_is_refused() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    client.post_with("key", "/v1/payment_intents", &intent_of("p1")).await?;
    let other = client.post_with("key", "/v1/payment_intents", &intent_of("p2")).await?;
    assert_eq!((other.status, &other.error()["type"]), (400, &"idempotency_error".into()));
    Ok(())
}

#[actix_rt::test]
async fn a_key_in_use_conflicts_until_its_request_is_answered() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.order(Fault::held(When::Before));
    let form = intent_of("p1");
    let first = client.post_with("key", "/v1/payment_intents", &form);
    let second = async {
        edge.until_asked("POST", "/v1/payment_intents", 1).await;
        let second = client.post_with("key", "/v1/payment_intents", &form).await;
        edge.release();
        second
    };
    let (first, second) = futures_util::join!(first, second);
    let (first, second) = (first?, second?);
    assert_eq!((second.status, &second.error()["code"]), (409, &"idempotency_key_in_use".into()));
    let third = client.post_with("key", "/v1/payment_intents", &form).await?;
    assert_eq!((third.is_replayed, third.id()), (true, first.id()));
    Ok(())
}

#[actix_rt::test]
async fn a_forgotten_key_performs_the_request_again() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let first = client.post_with("key", "/v1/payment_intents", &intent_of("p1")).await?;
    edge.forget_keys();
    let second = client.post_with("key", "/v1/payment_intents", &intent_of("p1")).await?;
    assert_eq!((second.status, second.is_replayed), (200, false));
    edge.keep_keys(Duration::ZERO);
    let third = client.post_with("key", "/v1/payment_intents", &intent_of("p1")).await?;
    assert!(second.id() != first.id() && third.id() != second.id());
    Ok(())
}

#[actix_rt::test]
async fn a_key_keeps_the_api_s_own_error_and_not_a_proxy_s() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.order(Fault::status(500, When::Before));
    for is_replayed in [false, true] {
        let broken = client.post_with("broken", "/v1/payment_intents", &intent_of("p1")).await?;
        assert_eq!((broken.status, broken.is_replayed), (500, is_replayed));
    }
    for status in [502, 503, 504] {
        edge.order(Fault::status(status, When::Before));
        let key = format!("key {status}");
        let broken = client.post_with(&key, "/v1/payment_intents", &intent_of("p2")).await?;
        let second = client.post_with(&key, "/v1/payment_intents", &intent_of("p2")).await?;
        assert_eq!((broken.status, second.status, second.is_replayed), (status, 200, false));
    }
    Ok(())
}
