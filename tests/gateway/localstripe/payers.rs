//! Payers who are asked to authenticate (3-D Secure): localstripe's card, its endpoint, and the page of a redirect.

use reqwest::Method;

use super::client::{Reply, StripeClient, send};
use crate::{edge::Edge, support::Tested};

/// An intent that waits for its payer.
async fn asking(client: &StripeClient, method: &str) -> Result<Reply, Box<dyn std::error::Error>> {
    let intent = client.intent("p1").await?;
    let asking = client.confirm(&intent, method).await?;
    assert_eq!((asking.status, asking.state()), (200, "requires_action"));
    assert_eq!(asking.body["next_action"]["type"], "use_stripe_sdk");
    Ok(asking)
}

/// The payer answers, as its browser does: without the secret key.
async fn answer(client: &StripeClient, intent: &Reply, success: &str) -> Result<Reply, Box<dyn std::error::Error>> {
    let path = format!("/v1/payment_intents/{}/_authenticate", intent.id());
    let secret = intent.body["client_secret"].as_str().unwrap_or_default();
    send(client.request(Method::POST, &path)?.form(&[("client_secret", secret), ("success", success)])).await
}

#[actix_rt::test]
async fn an_authenticated_payer_pays() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = asking(&client, "pm_card_authenticationRequired").await?;
    assert_eq!(edge.books().await?, []);
    assert_eq!(answer(&client, &intent, "true").await?.state(), "succeeded");
    assert_eq!(client.again(&intent).await?.state(), "succeeded");
    assert_eq!(edge.books().await?.len(), 1);
    Ok(())
}

#[actix_rt::test]
async fn a_payer_who_fails_to_authenticate_leaves_the_intent_open() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = asking(&client, "pm_card_authenticationRequired").await?;
    answer(&client, &intent, "false").await?;
    let failed = client.again(&intent).await?;
    assert_eq!(failed.state(), "requires_payment_method");
    assert_eq!(failed.body["last_payment_error"]["code"], "payment_intent_authentication_failure");
    assert_eq!(client.confirm(&intent, "pm_card_visa").await?.state(), "succeeded");
    Ok(())
}

#[actix_rt::test]
async fn an_authenticated_payer_may_be_declined() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = asking(&client, "pm_card_threeDSecureRequiredChargeDeclined").await?;
    let declined = answer(&client, &intent, "true").await?;
    assert_eq!((declined.status, &declined.error()["type"]), (402, &"card_error".into()));
    assert_eq!(client.again(&intent).await?.state(), "requires_payment_method");
    Ok(())
}

#[actix_rt::test]
async fn an_intent_that_waits_for_its_payer_is_cancelled() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = asking(&client, "pm_card_authenticationRequired").await?;
    let cancelled = client.post(&format!("/v1/payment_intents/{}/cancel", intent.id()), &[]).await?;
    assert_eq!((cancelled.state(), &cancelled.body["next_action"]), ("canceled", &().into()));
    assert_eq!(answer(&client, &intent, "true").await?.status, 400);
    assert_eq!(edge.books().await?, []);
    Ok(())
}

#[actix_rt::test]
async fn with_a_return_url_the_payer_is_sent_to_a_page() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    let form = [("payment_method", "pm_card_authenticationRequired"), ("return_url", "https://shop.example/back")];
    let asking = client.post(&format!("/v1/payment_intents/{}/confirm", intent.id()), &form).await?;
    let redirect = &asking.body["next_action"]["redirect_to_url"];
    assert_eq!(redirect["return_url"], "https://shop.example/back");
    let page = redirect["url"].as_str().ok_or("a URL")?;
    assert_eq!(send(client.request(Method::GET, page)?).await?.status, 303);
    assert_eq!(client.again(&intent).await?.state(), "succeeded");
    Ok(())
}
