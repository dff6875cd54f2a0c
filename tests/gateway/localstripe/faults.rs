//! Faults and the log: each strikes where, when and as often as it was ordered.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::client::{StripeClient, intent_of};
use crate::{
    edge::{API_KEY, Edge, Fault, Reply, When},
    support::Tested,
};

const INTENTS: &str = "/v1/payment_intents";

#[actix_rt::test]
async fn a_cut_comes_before_or_after_the_request_is_performed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    for (when, made) in [(When::Before, 0), (When::After, 1)] {
        edge.order(Fault::cut(when));
        assert!(client.post_with("key", INTENTS, &intent_of("p1")).await.is_err());
        let found = client.get(INTENTS).await?;
        assert_eq!(found.body["data"].as_array().map(Vec::len), Some(made), "{when:?}");
    }
    let replayed = client.post_with("key", INTENTS, &intent_of("p1")).await?;
    assert!(replayed.is_replayed, "the answer that was cut off is kept");
    assert_eq!(
        edge.asked("POST", INTENTS).iter().map(|entry| entry.reply).collect::<Vec<_>>(),
        [Reply::Cut, Reply::Cut, Reply::Status(200)]
    );
    Ok(())
}

#[actix_rt::test]
async fn a_status_comes_before_or_after_the_request_is_performed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let mut made = 0;
    for status in [403, 500, 502, 503, 504] {
        for when in [When::Before, When::After] {
            edge.order(Fault::status(status, when));
            assert_eq!(client.intent("p1").await?.status, status);
            made += usize::from(when == When::After);
            let found = client.get("/v1/payment_intents?limit=100").await?;
            assert_eq!(found.body["data"].as_array().map(Vec::len), Some(made), "{status} {when:?}");
        }
    }
    Ok(())
}

#[actix_rt::test]
async fn a_fault_strikes_its_path_and_fields_as_often_as_it_was_ordered() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.order(Fault::status(503, When::Before).on("GET", "/v1/payment_intents/*").times(2));
    edge.order(Fault::status(502, When::Before).with("metadata[payment_id]", "p2"));
    let intent = client.intent("p1").await?;
    assert_eq!((intent.status, client.intent("p2").await?.status), (200, 502));
    let read: Vec<_> = [client.again(&intent).await?, client.again(&intent).await?, client.again(&intent).await?]
        .map(|reply| reply.status)
        .into();
    assert_eq!(read, [503, 503, 200]);
    edge.order(Fault::status(504, When::Before).times(3));
    assert_eq!((client.again(&intent).await?.status, edge.mend(), edge.mend()), (504, 2, 0));
    edge.order(Fault::status(504, When::Before).always());
    assert_eq!([client.again(&intent).await?.status, client.again(&intent).await?.status], [504, 504]);
    edge.mend();
    assert_eq!(client.again(&intent).await?.status, 200);
    Ok(())
}

#[actix_rt::test]
async fn a_busy_gateway_says_when_to_come_back() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.order(Fault::busy(7));
    let busy = client.post_with("key", INTENTS, &intent_of("p1")).await?;
    assert_eq!((busy.status, busy.retry_after.as_deref()), (429, Some("7")));
    assert_eq!(busy.error()["code"], "rate_limit");
    assert!(!client.post_with("key", INTENTS, &intent_of("p1")).await?.is_replayed);
    Ok(())
}

#[actix_rt::test]
async fn an_answer_can_be_late_while_its_request_has_been_performed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    let confirm = format!("/v1/payment_intents/{}/confirm", intent.id());
    edge.order(Fault::held(When::After).on("POST", &confirm));
    let late = client.confirm(&intent, "pm_card_visa");
    let meanwhile = async {
        edge.until_event("payment_intent.succeeded").await;
        let reply = edge.asked("POST", &confirm).first().map(|entry| entry.reply);
        edge.release();
        reply
    };
    let (late, meanwhile) = futures_util::join!(late, meanwhile);
    assert_eq!((late?.state(), meanwhile), ("succeeded", Some(Reply::UnderWay)));
    Ok(())
}

#[actix_rt::test]
async fn a_request_and_its_answer_can_be_delayed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    for when in [When::Before, When::After] {
        edge.order(Fault::delay(Duration::from_millis(50), when));
        client.intent("p1").await?;
    }
    let took: Vec<_> = edge.log().iter().filter_map(|entry| Some(entry.ended? - entry.at)).collect();
    assert!(took.len() == 2 && took.iter().all(|time| *time >= Duration::from_millis(50)), "{took:?}");
    Ok(())
}

#[actix_rt::test]
async fn a_request_is_performed_to_its_end_when_its_client_hangs_up() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    edge.order(Fault::delay(Duration::from_millis(100), When::Before));
    let mut hung_up = TcpStream::connect(edge.url().trim_start_matches("http://")).await?;
    let body = "amount=20000&currency=krw&metadata[payment_id]=p1";
    let head = format!("POST {INTENTS} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {API_KEY}\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    hung_up.write_all(request.as_bytes()).await?;
    edge.until_asked("POST", INTENTS, 1).await;
    // The connection is reset, as that of a killed process is.
    hung_up.set_zero_linger()?;
    drop(hung_up);
    edge.until_idle().await;
    let found = client.get(INTENTS).await?;
    assert_eq!(found.body["data"][0]["metadata"]["payment_id"], "p1");
    Ok(())
}

#[actix_rt::test]
async fn an_answer_can_be_changed() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    let intent = client.intent("p1").await?;
    edge.order(Fault::changed("/amount", 1));
    edge.order(Fault::changed("/currency", "usd"));
    edge.order(Fault::changed("/livemode", true));
    assert_eq!(client.again(&intent).await?.body["amount"], 1);
    assert_eq!(client.again(&intent).await?.body["currency"], "usd");
    assert_eq!(client.again(&intent).await?.body["livemode"], true);
    assert_eq!(client.again(&intent).await?.body, intent.body);
    Ok(())
}

#[actix_rt::test]
async fn the_log_tells_each_request_its_time_key_fields_and_answer() -> Tested {
    let edge = Edge::start()?;
    let client = StripeClient::of(&edge)?;
    for _ in 0..2 {
        client.post_with("key", INTENTS, &intent_of("p1")).await?;
    }
    client.get("/v1/charges?limit=3").await?;
    let log = edge.log();
    let [first, second, third] = log.as_slice() else { return Err(format!("{log:?}").into()) };
    assert_eq!((first.asked.key.as_deref(), first.asked.field("metadata[payment_id]")), (Some("key"), Some("p1")));
    assert_eq!((first.is_replayed, second.is_replayed, third.is("GET", "/v1/charges")), (false, true, true));
    assert_eq!((third.asked.field("limit"), third.reply), (Some("3"), Reply::Status(200)));
    assert!(first.at <= first.ended.ok_or("an end")? && first.ended <= Some(second.at));
    Ok(())
}
