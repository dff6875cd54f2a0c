//! The bodies of refusals that are the same for every endpoint.

use reqwest::Method;

use super::client::{StripeClient, send};
use crate::{
    edge::{API_KEY, Edge},
    support::Tested,
};

#[actix_rt::test]
async fn another_key_is_unauthorized_until_it_is_accepted() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let list = || client.request(Method::GET, "/v1/charges");
    for request in [list()?, list()?.bearer_auth("sk_test_stranger")] {
        let refused = send(request).await?;
        assert_eq!((refused.status, &refused.error()["type"]), (401, &"invalid_request_error".into()));
    }
    edge.accept_key("sk_test_new");
    assert_eq!(client.get("/v1/charges").await?.status, 401);
    edge.accept_key(API_KEY);
    assert_eq!(client.get("/v1/charges").await?.status, 200);
    Ok(())
}

#[actix_rt::test]
async fn what_is_not_there_is_named() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    for (path, param) in
        [("/v1/payment_intents/pi_x", "intent"), ("/v1/refunds/re_x", "refund"), ("/v1/charges/ch_x", "charge")]
    {
        let refused = client.get(path).await?;
        assert_eq!((refused.status, &refused.error()["code"]), (404, &"resource_missing".into()));
        assert_eq!(refused.error()["param"], param);
    }
    let intent = client.intent("p1").await?;
    let refused = client.confirm(&intent, "tok_nobody").await?;
    assert_eq!((refused.status, &refused.error()["code"]), (400, &"resource_missing".into()));
    assert_eq!(refused.error()["param"], "payment_method");
    Ok(())
}

#[actix_rt::test]
async fn a_wrong_parameter_is_named() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let money = [("amount", "1"), ("currency", "krw")];
    for (form, code, param) in [
        (vec![("currency", "krw")], "parameter_missing", "amount"),
        (vec![("amount", "1")], "parameter_missing", "currency"),
        (vec![("amount", "0.5"), ("currency", "krw")], "parameter_invalid_integer", "amount"),
        ([&money[..], &[("colour", "red")]].concat(), "parameter_unknown", "colour"),
    ] {
        let refused = client.post("/v1/payment_intents", &form).await?;
        assert_eq!((refused.status, &refused.error()["code"]), (400, &code.into()));
        assert_eq!(refused.error()["param"], param);
    }
    Ok(())
}
