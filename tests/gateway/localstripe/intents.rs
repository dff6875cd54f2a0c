//! Intents: their statuses from the making to the end, and every way a confirm is refused.

use super::client::StripeClient;
use crate::{
    edge::{Booked, Booking, Edge},
    support::Tested,
};

fn charge_of(payment: &str) -> Booking {
    Booking { payment_id: payment.into(), booked: Booked::Charge, amount: 20_000, currency: "krw".into() }
}

#[actix_rt::test]
async fn an_intent_is_made_unconfirmed_and_charged_when_it_is_confirmed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    assert_eq!((intent.status, intent.state()), (200, "requires_payment_method"));
    assert_eq!(edge.books().await?, []);
    let paid = client.confirm(&intent, "pm_card_visa").await?;
    assert_eq!((paid.status, paid.state(), paid.id()), (200, "succeeded", intent.id()));
    assert!(paid.body["latest_charge"].as_str().is_some_and(|charge| charge.starts_with("ch_")));
    assert_eq!((&paid.body["amount_received"], &paid.body["livemode"]), (&20_000.into(), &false.into()));
    assert_eq!(client.again(&intent).await?.body, paid.body);
    assert_eq!(edge.books().await?, [charge_of("p1")]);
    Ok(())
}

#[actix_rt::test]
async fn a_declined_intent_says_why_and_takes_another_method() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    for (method, code, decline_code) in [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ] {
        let declined = client.confirm(&intent, method).await?;
        let error = declined.error();
        assert_eq!((declined.status, &error["type"]), (402, &"card_error".into()), "{method}");
        assert_eq!((&error["code"], &error["decline_code"]), (&code.into(), &decline_code.into()));
        assert_eq!((&error["payment_intent"]["id"], error["charge"].is_string()), (&intent.id().into(), true));
        let now = client.again(&intent).await?;
        assert_eq!((now.state(), &now.body["payment_method"]), ("requires_payment_method", &().into()));
        assert_eq!(now.body["last_payment_error"]["decline_code"], decline_code);
        assert_eq!(now.body, error["payment_intent"]);
    }
    let paid = client.confirm(&intent, "pm_card_visa").await?;
    assert_eq!((paid.state(), &paid.body["last_payment_error"]), ("succeeded", &().into()));
    assert_eq!(edge.books().await?, [charge_of("p1")]);
    Ok(())
}

#[actix_rt::test]
async fn a_method_may_be_given_to_the_intent_before_it_is_confirmed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    let path = format!("/v1/payment_intents/{}", intent.id());
    client.confirm(&intent, "pm_card_visa_chargeDeclined").await?;
    let given = client.post(&path, &[("payment_method", "pm_card_visa")]).await?;
    assert_eq!((given.status, given.state()), (200, "requires_confirmation"));
    let paid = client.post(&format!("{path}/confirm"), &[]).await?;
    assert_eq!(paid.state(), "succeeded");
    Ok(())
}

#[actix_rt::test]
async fn an_intent_without_a_method_cannot_be_confirmed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    let refused = client.post(&format!("/v1/payment_intents/{}/confirm", intent.id()), &[]).await?;
    assert_eq!((refused.status, &refused.error()["code"]), (400, &"payment_intent_unexpected_state".into()));
    Ok(())
}

#[actix_rt::test]
async fn an_intent_that_takes_redirects_is_not_confirmed_without_a_return_url() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let money = [("amount", "20000"), ("currency", "krw")];
    for (restriction, status) in [
        (("metadata[payment_id]", "p1"), 400),
        (("automatic_payment_methods[enabled]", "true"), 400),
        (("automatic_payment_methods[allow_redirects]", "never"), 200),
        (("payment_method_types[]", "card"), 200),
    ] {
        let intent = client.post("/v1/payment_intents", &[&money[..], &[restriction]].concat()).await?;
        assert_eq!(client.confirm(&intent, "pm_card_visa").await?.status, status, "{restriction:?}");
    }
    Ok(())
}

#[actix_rt::test]
async fn an_open_intent_is_cancelled_and_then_takes_nothing() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    let cancel = format!("/v1/payment_intents/{}/cancel", intent.id());
    let cancelled = client.post(&cancel, &[("cancellation_reason", "abandoned")]).await?;
    assert_eq!((cancelled.status, cancelled.state()), (200, "canceled"));
    assert_eq!(cancelled.body["cancellation_reason"], "abandoned");
    for refused in [client.post(&cancel, &[]).await?, client.confirm(&intent, "pm_card_visa").await?] {
        assert_eq!((refused.status, &refused.error()["code"]), (400, &"payment_intent_unexpected_state".into()));
        assert_eq!(refused.error()["payment_intent"]["status"], "canceled");
    }
    assert_eq!(edge.books().await?, []);
    Ok(())
}

#[actix_rt::test]
async fn a_paid_intent_is_neither_confirmed_nor_cancelled() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let paid = client.paid("p1").await?;
    let cancel = format!("/v1/payment_intents/{}/cancel", paid.id());
    for refused in [client.post(&cancel, &[]).await?, client.confirm(&paid, "pm_card_visa").await?] {
        assert_eq!((refused.status, &refused.error()["code"]), (400, &"payment_intent_unexpected_state".into()));
        assert_eq!(refused.error()["payment_intent"]["status"], "succeeded");
    }
    assert_eq!(edge.books().await?, [charge_of("p1")]);
    Ok(())
}

#[actix_rt::test]
async fn a_method_that_was_used_for_one_intent_pays_no_other() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    for (number, status) in [("4242424242424242", 200), ("4000000000000002", 402), ("4000002760003184", 200)] {
        let method = client.post("/v1/payment_methods", &[("type", "card"), ("card[number]", number)]).await?;
        let (first, second) = (client.intent("p1").await?, client.intent("p2").await?);
        assert_eq!(client.confirm(&first, method.id()).await?.status, status);
        let refused = client.confirm(&second, method.id()).await?;
        assert_eq!((refused.status, &refused.error()["type"]), (400, &"invalid_request_error".into()));
        assert!(refused.error().get("param").is_none() && refused.error().get("code").is_none());
        assert_eq!(client.confirm(&second, "pm_card_visa").await?.state(), "succeeded", "a token makes a new method");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_slow_method_is_processing_until_it_is_settled() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    for (payment, method, end) in [
        ("p1", "pm_usBankAccount_success", "succeeded"),
        ("p2", "pm_usBankAccount_insufficientFunds", "requires_payment_method"),
    ] {
        let intent = client.intent(payment).await?;
        let processing = client.confirm(&intent, method).await?;
        assert_eq!((processing.status, processing.state()), (200, "processing"));
        let refused = client.post(&format!("/v1/payment_intents/{}/cancel", intent.id()), &[]).await?;
        assert_eq!(refused.error()["code"], "payment_intent_unexpected_state");
        edge.settle(intent.id()).await?;
        assert_eq!(client.again(&intent).await?.state(), end);
    }
    assert_eq!(edge.books().await?, [charge_of("p1")]);
    Ok(())
}
