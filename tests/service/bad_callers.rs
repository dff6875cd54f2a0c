//! Who may do what: tokens, roles and other people's things.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::harness::{Claims, GANGNAM, Server, eventually, id_of, mint, trip};

/// A token with any header and claims, and any signature.
fn raw_token(header: &serde_json::Value, claims: &serde_json::Value, signature: &str) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

#[tokio::test]
async fn without_a_good_token_everything_is_401() {
    let server = Server::start().await;
    let good = Claims::new("operator", "operator-1");
    let claims = json!({"sub": "operator-1", "role": "operator", "exp": good.exp});
    let genuine = mint(&good, server.secret());
    let (head, _) = genuine.rsplit_once('.').expect("three parts");
    let tokens = [
        mint(&good.clone().expired(), server.secret()),
        mint(&good, "another-secret-another-secret-another"),
        raw_token(&json!({"alg": "none", "typ": "JWT"}), &claims, ""),
        raw_token(&json!({"alg": "none"}), &claims, "AAAA"),
        raw_token(&json!({"alg": "RS256"}), &claims, "AAAA"),
        format!("{head}."),
        format!("{head}.{}", "A".repeat(43)),
        mint(&json!({"sub": "operator-1", "role": "operator"}), server.secret()),
        mint(&json!({"role": "operator", "exp": good.exp}), server.secret()),
        mint(&json!({"sub": "operator-1", "exp": good.exp}), server.secret()),
        mint(&json!({"sub": "operator-1", "role": "emperor", "exp": good.exp}), server.secret()),
        mint(&json!({"sub": 5, "role": "operator", "exp": good.exp}), server.secret()),
        mint(&json!({"sub": "a b/c", "role": "operator", "exp": good.exp}), server.secret()),
        mint(&json!({"sub": "operator-1", "role": "operator", "exp": "tomorrow"}), server.secret()),
        "nonsense".to_owned(),
        "..".to_owned(),
        "x".repeat(6_000),
    ];
    for token in tokens {
        let shown = token.clone();
        let reply = server.client_with(Some(token), "operator-1").get("/v1/calls").await;
        assert_eq!(reply.status, 401, "{shown}: {}", reply.text);
        reply.any_problem();
    }
    for path in ["/v1/calls", "/v1/me", "/v1/ops/actors", "/v1/ops/gateway"] {
        let reply = server.nobody().get(path).await;
        assert_eq!(reply.status, 401);
        assert!(reply.header("www-authenticate").is_some(), "{:?}", reply.headers);
        reply.any_problem();
    }
    let reply = server.nobody().post("/v1/calls", trip()).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn other_authorization_schemes_are_401() {
    let server = Server::start().await;
    for value in ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "bearer", "Token abc"] {
        let request = server.nobody().request(reqwest::Method::GET, "/v1/me").header("authorization", value);
        assert_eq!(crate::harness::Client::send(request).await.status, 401, "{value}");
    }
}

#[tokio::test]
async fn the_wrong_role_is_403() {
    let server = Server::start().await;
    let (customer, driver) = (server.customer("mina"), server.register_driver("driver-a", GANGNAM).await);
    for client in [&customer, &driver] {
        client.get("/v1/ops/actors").await.problem(403, "forbidden");
        client.get("/v1/ops/gateway").await.problem(403, "forbidden");
        client.put("/v1/ops/gateway/breaker", json!({"state": "open"})).await.problem(403, "forbidden");
        client.put("/v1/ops/gateway/simulator", json!({"down": true})).await.problem(403, "forbidden");
        client.post("/v1/ops/actors/driver/driver-a/crash", json!({})).await.problem(403, "forbidden");
        client.get("/v1/calls").await.problem(403, "forbidden");
    }
    driver.post("/v1/calls", trip()).await.problem(403, "forbidden");
    assert!(matches!(driver.delete("/v1/drivers/driver-a").await.status, 403 | 404));
    customer
        .put("/v1/drivers/driver-b", json!({"service": "driver-call", "name": "나"}))
        .await
        .problem(403, "forbidden");
    let id = id_of(&customer.request_call().await);
    for command in ["accept", "start", "complete", "decline"] {
        customer.command(&id, command).await.problem(403, "forbidden");
    }
    assert_eq!(customer.call(&id).await["status"], "requested");
    assert_eq!(server.breaker().await, "closed");
}

#[tokio::test]
async fn the_wrong_role_is_403_whatever_else_is_wrong() {
    let server = Server::start().await;
    let (customer, driver) = (server.customer("mina"), server.driver("driver-a"));
    let wrong = json!({"nonsense": [1]});
    for reply in [
        driver.post("/v1/calls", wrong.clone()).await,
        driver.post("/v1/quotes", wrong.clone()).await,
        driver.post("/v1/calls/call_1/pay", wrong.clone()).await,
        driver.post("/v1/calls/call_1/approve", wrong.clone()).await,
        driver.post("/v1/calls/call_1/reject", wrong.clone()).await,
        driver.get("/v1/calls?limit=0").await,
        driver.put("/v1/ops/gateway/breaker", wrong.clone()).await,
        driver.put("/v1/ops/gateway/simulator", wrong.clone()).await,
        driver.get("/v1/ops/gateway/simulator/charges?limit=0").await,
        driver.post("/v1/ops/actors/call/x/crash", wrong.clone()).await,
        customer.post("/v1/calls/call_1/accept", wrong.clone()).await,
        customer.post("/v1/calls/call_1/decline", wrong.clone()).await,
        customer.put("/v1/drivers/driver-a", wrong.clone()).await,
        customer.put("/v1/drivers/driver-a/availability", wrong.clone()).await,
        customer.post("/v1/drivers/driver-a/position", wrong.clone()).await,
        customer.get("/v1/ops/actors?limit=0").await,
    ] {
        reply.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn other_peoples_calls_do_not_exist_for_them() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let before = customer.call(&id).await;
    let stranger = server.customer("jun");
    stranger.get(&format!("/v1/calls/{id}")).await.problem(404, "not_found");
    stranger.get(&format!("/v1/calls/{id}/timeline")).await.problem(404, "not_found");
    stranger.command(&id, "cancel").await.problem(404, "not_found");
    stranger.pay(&id, "tok_ok").await.problem(404, "not_found");
    // The same words as for a call that nobody has.
    let unknown = stranger.get("/v1/calls/call_01890000000070008000000000000000").await.problem(404, "not_found");
    let foreign = stranger.get(&format!("/v1/calls/{id}")).await.problem(404, "not_found");
    assert_eq!(unknown["title"], foreign["title"]);
    assert!(foreign["call"].is_null(), "{foreign}");
    assert_eq!(stranger.get("/v1/me/calls").await.expect(200)["items"], json!([]));
    assert_eq!(customer.call(&id).await, before);
}

#[tokio::test]
async fn a_driver_meddles_with_no_other_driver() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let other = server.register_driver("driver-b", (37.60, 127.05)).await;
    for reply in [
        other.put("/v1/drivers/driver-a/availability", json!({"available": false})).await,
        other.post("/v1/drivers/driver-a/position", json!({"lat": 37.6, "lng": 127.0})).await,
        other.get("/v1/drivers/driver-a/offers").await,
        other.put("/v1/drivers/driver-a", json!({"service": "driver-call", "name": "가짜"})).await,
    ] {
        assert!(matches!(reply.status, 403 | 404), "{}", reply.text);
        reply.any_problem();
    }
    let id = server.customer("mina").request_paid_call().await;
    driver.take(&id).await;
    let before = driver.call(&id).await;
    for command in ["start", "complete"] {
        other.command(&id, command).await.client_error();
    }
    assert_eq!(driver.call(&id).await, before);
}

#[tokio::test]
async fn a_driver_sees_neither_calls_it_was_not_offered_nor_accepts_them() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let unpaid = id_of(&server.customer("mina").request_call().await);
    assert_eq!(driver.get(&format!("/v1/calls/{unpaid}")).await.status, 404);
    let reply = driver.command(&unpaid, "accept").await;
    assert!(matches!(reply.status, 404 | 409), "{}", reply.text);
    reply.any_problem();
}

#[tokio::test]
async fn a_driver_who_is_merely_offered_a_call_reads_nothing_of_its_history() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let other = server.register_driver("driver-b", GANGNAM).await;
    let id = server.customer("mina").request_paid_call().await;
    let path = format!("/v1/calls/{id}/timeline");
    driver.offered(&id).await;
    other.offered(&id).await;
    for _ in 0..2 {
        let declined = other.command(&id, "decline").await.expect(200);
        let members: Vec<_> = declined.as_object().expect("an outline").keys().map(String::as_str).collect();
        assert_eq!(members, ["id", "label", "service", "status", "version"], "{declined}");
    }
    driver.get(&path).await.problem(403, "forbidden");
    assert_eq!(driver.call(&id).await["status"], "dispatching", "the call itself it may see");
    other.get(&path).await.problem(404, "not_found");
    driver.take(&id).await;
    let timeline = driver.get(&path).await.expect(200).to_string();
    assert!(timeline.contains("offer_declined") && timeline.contains("payment_changed"), "{timeline}");
    other.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_driver_whose_call_was_called_off_reads_its_history_up_to_that_moment() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    customer.command(&id, "cancel").await.expect(200);
    server.payment_is(&id, &["refunded"]).await;
    let whole = eventually("the refund is in the history", async || {
        let whole = customer.timeline(&id).await;
        if whole.last().is_some_and(|entry| entry["event"] == "payment_changed") {
            Ok(whole)
        } else {
            Err(json!(whole).to_string())
        }
    })
    .await;
    let known = driver.timeline(&id).await;
    assert_eq!(known.last().map(|entry| &entry["event"]), Some(&json!("cancelled")), "{known:?}");
    assert_eq!(known, whole[..known.len()]);
}

#[tokio::test]
async fn an_unregistered_driver_cannot_work() {
    let server = Server::start().await;
    let ghost = server.driver("ghost");
    ghost.put("/v1/drivers/ghost/availability", json!({"available": true})).await.problem(404, "not_found");
    ghost.post("/v1/drivers/ghost/position", json!({"lat": 37.5, "lng": 127.0})).await.problem(404, "not_found");
    let id = server.customer("mina").request_paid_call().await;
    ghost.command(&id, "accept").await.client_error();
    assert_eq!(server.call_is(&id, &["dispatching"]).await["driver"], json!(null));
}

#[tokio::test]
async fn a_token_for_other_services_opens_nothing_here() {
    let server = Server::start().await;
    let mut claims = Claims::new("customer", "mina");
    claims.services = Some(vec!["cleaning".into()]);
    let elsewhere = server.client_with(Some(mint(&claims, server.secret())), "mina");
    let reply = elsewhere.post("/v1/calls", trip()).await;
    assert_eq!(reply.status, 403, "{}", reply.text);
    claims.services = Some(vec!["driver-call".into()]);
    let here = server.client_with(Some(mint(&claims, server.secret())), "mina");
    here.post("/v1/calls", trip()).await.expect(201);
}

#[tokio::test]
async fn a_quote_is_only_good_as_it_was_given() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let quote = customer.post("/v1/quotes", trip()).await.expect(200)["quote"].as_str().expect("a token").to_owned();
    // Another trip for the price of this one.
    let mut far = trip();
    far["dropoff"] = json!({"lat": 37.66, "lng": 127.05});
    far["quote"] = json!(quote);
    customer.post("/v1/calls", far).await.client_error();
    let mut forged = trip();
    let mut text = quote.into_bytes();
    let middle = text.len() / 2;
    text[middle] = if text[middle] == b'A' { b'B' } else { b'A' };
    forged["quote"] = json!(String::from_utf8(text).expect("ASCII"));
    customer.post("/v1/calls", forged).await.client_error();
    // A bearer token is not a quote, though the same secret may sign both.
    let mut confused = trip();
    confused["quote"] = json!(customer.token());
    customer.post("/v1/calls", confused).await.client_error();
}

#[tokio::test]
async fn a_token_whose_expiry_has_a_fraction_is_as_good_as_any() {
    #[derive(serde::Serialize)]
    struct Fractional<'a> {
        sub: &'a str,
        role: &'a str,
        exp: f64,
    }
    let server = Server::start().await;
    for (exp, status) in [(4_102_444_800.5, 200), (1.5, 401)] {
        let token = mint(&Fractional { sub: "mina", role: "customer", exp }, server.secret());
        assert_eq!(server.client_with(Some(token), "mina").get("/v1/me").await.status, status, "{exp}");
    }
}
