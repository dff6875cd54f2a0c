//! The Stripe adapter over real HTTP: what it sends, and what it makes of every kind of answer and of none.

use std::{net::TcpListener, sync::Arc, time::Duration};

use callout::{
    actors::ports::gateway::{ChargeOutcome, GatewayError, PaymentGateway},
    gateway::{GatewaySettings, OpenError, Simulation, open},
    settings::{Section as _, Url},
};

use crate::{
    stripe_server::{API_KEY, StripeServer},
    support::{Tested, charge, refund},
};

type Opened = Result<Arc<dyn PaymentGateway>, OpenError>;

fn gateway_at(url: String, api_key: &str) -> Opened {
    let settings = GatewaySettings {
        url: Url::new(url),
        response_timeout_ms: 300,
        api_key: Some(api_key.to_owned().into()),
        ..GatewaySettings::default()
    };
    open(&settings, &Simulation::default()).map(|opened| opened.gateway)
}

fn gateway(server: &StripeServer) -> Opened {
    gateway_at(format!("stripe+http://{}", server.address), API_KEY)
}

#[actix_rt::test]
async fn a_charge_is_one_confirmed_intent_however_often_it_is_repeated() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let first = gateway.charge(charge("key_a", "pm_ok")).await?;
    assert_eq!(first, ChargeOutcome::Charged { reference: "pi_1".into() });
    assert_eq!(gateway.charge(charge("key_a", "pm_ok")).await?, first);
    let books = server.books();
    assert_eq!(books.intents.len(), 1);
    for (field, value) in [
        ("amount", "20000"),
        ("currency", "krw"),
        ("payment_method", "pm_ok"),
        ("confirm", "true"),
        ("metadata[payment_id]", "pay_key_a"),
    ] {
        assert_eq!(books.intents[0].get(field).map(String::as_str), Some(value), "{field}");
    }
    Ok(())
}

#[actix_rt::test]
async fn refused_cards_and_unknown_methods_are_declined_with_the_reason() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    for (method, wanted) in [("pm_declined", "card_error"), ("pm_nonsense", "invalid_request_error")] {
        let outcome = gateway.charge(charge(method, method)).await?;
        let ChargeOutcome::Declined { reason } = outcome else { return Err("it was charged".into()) };
        assert!(reason.contains(wanted), "{reason}");
    }
    Ok(())
}

#[actix_rt::test]
async fn failures_say_their_status_and_leave_the_outcome_open() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    for (method, status) in [("pm_busy", "409"), ("pm_limited", "429"), ("pm_broken", "500"), ("pm_moved", "302")] {
        match gateway.charge(charge(method, method)).await {
            Err(GatewayError::Failed(why)) => assert!(why.contains(status), "{why}"),
            other => return Err(format!("{method}: {other:?}").into()),
        }
    }
    let stranger = gateway_at(format!("stripe+http://{}", server.address), "sk_test_wrong_secret")?;
    match stranger.charge(charge("a", "pm_ok")).await {
        Err(GatewayError::Failed(why)) => assert!(why.contains("401") && !why.contains("wrong_secret"), "{why}"),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

#[actix_rt::test]
async fn silence_is_no_answer_and_a_repeat_of_the_key_settles_it() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let silence = gateway.charge(charge("a", "pm_silent")).await;
    assert!(matches!(silence, Err(GatewayError::NoAnswer(_))), "{silence:?}");
    let settled = gateway.charge(charge("a", "pm_silent")).await?;
    assert_eq!(settled, ChargeOutcome::Charged { reference: "pi_1".into() });
    assert_eq!(server.books().intents.len(), 1);
    for method in ["pm_garbled", "pm_processing"] {
        let unknown = gateway.charge(charge(method, method)).await;
        assert!(matches!(unknown, Err(GatewayError::NoAnswer(_))), "{unknown:?}");
    }
    Ok(())
}

#[actix_rt::test]
async fn nobody_there_is_not_sent_and_a_cut_connection_is_no_answer() -> Tested {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let gateway = gateway_at(format!("stripe+http://{}", listener.local_addr()?), API_KEY)?;
    let cutter = std::thread::spawn(move || listener.accept().map(drop));
    let cut = gateway.charge(charge("a", "pm_ok")).await;
    assert!(matches!(cut, Err(GatewayError::NoAnswer(_))), "{cut:?}");
    cutter.join().map_err(|_| "the cutter panicked")??;
    let nobody = gateway.charge(charge("a", "pm_ok")).await;
    assert!(matches!(nobody, Err(GatewayError::NotSent(_))), "{nobody:?}");
    Ok(())
}

#[actix_rt::test]
async fn a_failed_handshake_means_not_sent() -> Tested {
    let server = StripeServer::start()?;
    match gateway_at(format!("stripe+https://{}", server.address), API_KEY) {
        Ok(gateway) => {
            let answer = gateway.charge(charge("a", "pm_ok")).await;
            assert!(matches!(answer, Err(GatewayError::NotSent(_))), "{answer:?}");
        }
        // A machine without any certificate authority: opening says so.
        Err(error) => assert!(matches!(error, OpenError::Client(_)), "{error}"),
    }
    assert!(server.books().intents.is_empty());
    Ok(())
}

#[actix_rt::test]
async fn a_lookup_finds_what_is_indexed_and_never_claims_more() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    gateway.charge(charge("a", "pm_ok")).await?;
    let early = gateway.lookup("a".into()).await;
    assert!(matches!(early, Err(GatewayError::NoAnswer(_))), "{early:?}");
    server.books().is_indexed = true;
    assert_eq!(gateway.lookup("a".into()).await?, Some(ChargeOutcome::Charged { reference: "pi_1".into() }));
    let other = gateway.lookup("a' OR '1':'1".into()).await;
    assert!(matches!(other, Err(GatewayError::NoAnswer(_))), "{other:?}");
    Ok(())
}

#[actix_rt::test]
async fn a_refund_is_made_once_and_confirmed_when_it_has_succeeded() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let reference = Arc::from("pi_1");
    server.books().refund_status = "pending";
    let pending = gateway.refund(refund("r", "a", &reference, 20_000)).await;
    assert!(matches!(pending, Err(GatewayError::NoAnswer(_))), "{pending:?}");
    server.books().refund_status = "failed";
    let failed = gateway.refund(refund("r", "a", &reference, 20_000)).await;
    assert!(matches!(failed, Err(GatewayError::Failed(_))), "{failed:?}");
    server.books().refund_status = "succeeded";
    gateway.refund(refund("r", "a", &reference, 20_000)).await?;
    gateway.refund(refund("another key", "a", &reference, 20_000)).await?;
    let books = server.books();
    assert_eq!(books.refunds.len(), 1);
    assert_eq!(books.refunds[0].get("payment_intent").map(String::as_str), Some("pi_1"));
    Ok(())
}

#[test]
fn an_address_with_more_than_a_host_or_without_a_key_is_refused() -> Tested {
    for url in ["stripe+http://", "stripe+http://host/path", "stripe+https://me:secret@host", "stripe+https://host?x=1"]
    {
        let Err(error) = gateway_at(url.to_owned(), API_KEY) else { return Err(url.into()) };
        assert!(matches!(error, OpenError::Url { .. }) && !error.to_string().contains("secret"), "{error}");
    }
    let settings = GatewaySettings { url: Url::new("stripe+https://host"), ..GatewaySettings::default() };
    assert!(matches!(open(&settings, &Simulation::default()), Err(OpenError::NoApiKey)));
    assert!(settings.problems()[0].keys.iter().any(|key| key == "api_key"));
    assert!(Duration::from_millis(settings.response_timeout_ms) > Duration::from_secs(2), "tok_slow is answered");
    Ok(())
}
