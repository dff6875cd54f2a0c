//! The Stripe adapter over real HTTP: what it sends, and what it makes of every kind of answer and of none.

use std::{net::TcpListener, sync::Arc, time::Duration};

use callout::{
    actors::ports::gateway::{
        ChargeOutcome, ChargeRequest, GatewayError, Lookup, LookupRequest, OpenOutcome, OpenRequest, PaymentGateway,
        RefundOutcome, RefundRequest, WithdrawOutcome, WithdrawRequest,
    },
    gateway::{GatewaySettings, OpenError, Simulation, open},
    settings::{Section as _, Url},
};

use crate::{
    stripe_server::{API_KEY, StripeServer},
    support::{Tested, charge, look, refund, won},
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

pub async fn opened(gateway: &dyn PaymentGateway, payment: &str) -> Result<Arc<str>, Box<dyn std::error::Error>> {
    let key = format!("{payment}:intent");
    let request = OpenRequest { key: key.into(), payment_id: payment.into(), amount: won(20_000) };
    match gateway.open(request).await? {
        OpenOutcome::Opened { intent } => Ok(intent),
        OpenOutcome::Rejected { reason } => Err(reason.into()),
    }
}

pub fn confirm(intent: &Arc<str>, key: &str, method: &str) -> ChargeRequest {
    ChargeRequest { intent: Some(Arc::clone(intent)), ..charge(key, method) }
}

pub fn read(intent: &Arc<str>) -> LookupRequest {
    LookupRequest { intent: Some(Arc::clone(intent)), ..look("a") }
}

pub fn withdraw(intent: &Arc<str>) -> WithdrawRequest {
    let intent = Some(Arc::clone(intent));
    WithdrawRequest { key: "a".into(), payment_id: "pay_a".into(), amount: won(20_000), intent }
}

#[actix_rt::test]
async fn an_intent_is_opened_without_money_and_takes_it_once_however_often_it_is_confirmed() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let intent = opened(&*gateway, "pay_a").await?;
    assert_eq!(opened(&*gateway, "pay_a").await?, intent, "the key opens one intent");
    assert_eq!(gateway.lookup(read(&intent)).await?, Lookup::Absent { refused: None });
    let first = gateway.charge(confirm(&intent, "a:1", "pm_ok")).await?;
    assert_eq!(first, ChargeOutcome::Charged { reference: "pi_1".into() });
    server.books().forget_keys();
    let again = gateway.charge(confirm(&intent, "a:1", "pm_ok")).await;
    assert!(matches!(again, Err(GatewayError::Unknown(_))), "{again:?}");
    assert_eq!(gateway.lookup(read(&intent)).await?, Lookup::Found(first));
    let books = server.books();
    assert_eq!((books.intents.len(), &books.intents[0].methods), (1, &vec!["pm_ok".to_owned()]));
    for (field, value) in [("amount", "20000"), ("currency", "krw"), ("metadata[payment_id]", "pay_a")] {
        assert_eq!(books.intents[0].opened.get(field).map(String::as_str), Some(value), "{field}");
    }
    assert!(books.heard.iter().all(|path| !path.contains("search")), "nothing is searched for");
    Ok(())
}

#[actix_rt::test]
async fn a_used_or_unknown_method_is_rejected_with_the_reason_and_takes_nothing() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let intent = opened(&*gateway, "pay_a").await?;
    for (key, method) in [("a:1", "pm_used"), ("a:2", "pm_nonsense")] {
        let outcome = gateway.charge(confirm(&intent, key, method)).await?;
        let ChargeOutcome::Rejected { reason } = outcome else { return Err(format!("{outcome:?}").into()) };
        assert!(reason.contains("invalid_request_error"), "{reason}");
    }
    assert_eq!(server.books().intents[0].status, "requires_payment_method");
    Ok(())
}

#[actix_rt::test]
async fn every_answer_that_settles_nothing_says_how_much_is_known() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let intent = opened(&*gateway, "pay_a").await?;
    let mut answers = Vec::new();
    for method in ["pm_busy", "pm_limited", "pm_broken", "pm_between", "pm_moved", "pm_garbled"] {
        let intent = if method == "pm_garbled" { opened(&*gateway, "pay_b").await? } else { Arc::clone(&intent) };
        answers.push((method, gateway.charge(confirm(&intent, method, method)).await));
    }
    for (method, answer) in answers {
        match (method, answer) {
            ("pm_busy" | "pm_between" | "pm_moved" | "pm_garbled", Err(GatewayError::Unknown(_)))
            | ("pm_broken", Err(GatewayError::Failed(_))) => {}
            ("pm_limited", Err(GatewayError::Busy { retry_after, .. })) => {
                assert_eq!(retry_after, Duration::from_secs(7));
            }
            (method, other) => return Err(format!("{method}: {other:?}").into()),
        }
    }
    let stranger = gateway_at(format!("stripe+http://{}", server.address), "sk_test_wrong_secret")?;
    for answer in [stranger.charge(confirm(&intent, "a", "pm_ok")).await.map(drop), stranger.check().await] {
        match answer {
            Err(GatewayError::Unauthorized(why)) => assert!(!why.contains("wrong_secret"), "{why}"),
            other => return Err(format!("{other:?}").into()),
        }
    }
    gateway.check().await?;
    Ok(())
}

#[actix_rt::test]
async fn silence_is_unknown_and_a_look_at_the_intent_settles_it() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let intent = opened(&*gateway, "pay_a").await?;
    let silence = gateway.charge(confirm(&intent, "a:1", "pm_silent")).await;
    assert!(matches!(silence, Err(GatewayError::Unknown(_))), "{silence:?}");
    let found = gateway.lookup(read(&intent)).await?;
    assert_eq!(found, Lookup::Found(ChargeOutcome::Charged { reference: "pi_1".into() }));
    let slow = opened(&*gateway, "pay_b").await?;
    for answer in [
        gateway.charge(confirm(&slow, "b:1", "pm_processing")).await.map(drop),
        gateway.lookup(read(&slow)).await.map(drop),
        gateway.withdraw(withdraw(&slow)).await.map(drop),
    ] {
        assert!(matches!(answer, Err(GatewayError::Unknown(_))), "{answer:?}");
    }
    Ok(())
}

#[actix_rt::test]
async fn a_payer_is_asked_and_the_intent_waits() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let intent = opened(&*gateway, "pay_a").await?;
    let asked = gateway.charge(confirm(&intent, "a:1", "pm_action")).await?;
    let ChargeOutcome::ActionRequired { action, valid_s: 900 } = &asked else {
        return Err(format!("{asked:?}").into());
    };
    assert_eq!(action.client_secret.as_deref(), Some("pi_1_secret"));
    assert_eq!(gateway.lookup(read(&intent)).await?, Lookup::Found(asked));
    assert_eq!(gateway.withdraw(withdraw(&intent)).await?, WithdrawOutcome::Withdrawn);
    assert_eq!(gateway.lookup(read(&intent)).await?, Lookup::Withdrawn);
    Ok(())
}

#[actix_rt::test]
async fn an_answer_about_other_money_is_never_charged() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let intent = opened(&*gateway, "pay_a").await?;
    server.books().intents[0].opened.insert("amount".to_owned(), "2000".to_owned());
    let other = gateway.charge(confirm(&intent, "a:1", "pm_ok")).await;
    assert!(matches!(&other, Err(GatewayError::Unknown(why)) if why.contains("2000 KRW")), "{other:?}");
    server.books().intents[0].opened.insert("amount".to_owned(), "20000".to_owned());
    server.books().livemode = true;
    let real = gateway.lookup(read(&intent)).await;
    assert!(matches!(&real, Err(GatewayError::Unknown(why)) if why.contains("real money")), "{real:?}");
    Ok(())
}

#[actix_rt::test]
async fn nobody_there_is_not_sent_and_a_cut_connection_is_unknown() -> Tested {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let gateway = gateway_at(format!("stripe+http://{}", listener.local_addr()?), API_KEY)?;
    let cutter = std::thread::spawn(move || listener.accept().map(drop));
    let intent = Arc::from("pi_1");
    let cut = gateway.charge(confirm(&intent, "a", "pm_ok")).await;
    assert!(matches!(cut, Err(GatewayError::Unknown(_))), "{cut:?}");
    cutter.join().map_err(|_| "the cutter panicked")??;
    let nobody = gateway.charge(confirm(&intent, "a", "pm_ok")).await;
    assert!(matches!(nobody, Err(GatewayError::NotSent(_))), "{nobody:?}");
    Ok(())
}

#[actix_rt::test]
async fn a_failed_handshake_means_not_sent() -> Tested {
    let server = StripeServer::start()?;
    match gateway_at(format!("stripe+https://{}", server.address), API_KEY) {
        Ok(gateway) => {
            let answer = gateway.charge(confirm(&Arc::from("pi_1"), "a", "pm_ok")).await;
            assert!(matches!(answer, Err(GatewayError::NotSent(_))), "{answer:?}");
        }
        // A machine without any certificate authority: opening says so.
        Err(error) => assert!(matches!(error, OpenError::Client(_)), "{error}"),
    }
    assert!(server.books().intents.is_empty());
    Ok(())
}

#[actix_rt::test]
async fn a_refund_is_made_once_and_ends_when_the_gateway_says_so() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    let reference = opened(&*gateway, "pay_a").await?;
    gateway.charge(confirm(&reference, "a:1", "pm_ok")).await?;
    let again = || RefundRequest { repeated: true, ..refund("r", "a", &reference, 20_000) };
    server.books().refund_status = "pending";
    for request in [refund("r", "a", &reference, 20_000), again()] {
        let pending = gateway.refund(request).await;
        assert!(matches!(pending, Err(GatewayError::Unknown(_))), "{pending:?}");
    }
    server.books().refund_status = "failed";
    let failed = gateway.refund(again()).await?;
    assert!(matches!(failed, RefundOutcome::Failed { .. }), "{failed:?}");
    server.books().refund_status = "succeeded";
    assert_eq!(gateway.refund(again()).await?, RefundOutcome::Refunded);
    server.books().forget_keys();
    assert_eq!(gateway.refund(refund("another key", "a", &reference, 20_000)).await?, RefundOutcome::Refunded);
    let books = server.books();
    assert_eq!(books.refunds.len(), 1);
    assert_eq!(books.refunds[0].get("payment_intent").map(String::as_str), Some("pi_1"));
    Ok(())
}

#[actix_rt::test]
async fn a_payment_without_an_intent_is_never_sent() -> Tested {
    let server = StripeServer::start()?;
    let gateway = gateway(&server)?;
    for answer in [gateway.charge(charge("a", "pm_ok")).await.map(drop), gateway.lookup(look("a")).await.map(drop)] {
        assert!(matches!(&answer, Err(GatewayError::Unknown(why)) if why.contains("by hand")), "{answer:?}");
    }
    assert!(server.books().heard.is_empty());
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
