//! How long a request may take: a slow client does not use up the server's time, and who got no answer is told how to go on.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Server, Setup, eventually, id_of, pause, trip_paid_with};

/// Sends a request for a call whose body comes in two parts, and returns status and body of the answer.
async fn request_slowly(server: &Server, time: Duration) -> (u16, Value) {
    let customer = server.customer("mina");
    let body = trip_paid_with("tok_ok").to_string();
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        customer.token().expect("a token"),
        body.len()
    );
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let (first, rest) = body.split_at(10);
    stream.write_all(format!("{head}{first}").as_bytes()).await.expect("the first part");
    pause(time).await;
    stream.write_all(rest.as_bytes()).await.expect("the rest");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let text = answer.split_once("\r\n\r\n").expect("a body").1;
    (status, serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

#[tokio::test]
async fn a_body_that_comes_slowly_leaves_the_server_its_time() {
    let time = "[http]\nrequest_timeout_ms = 4000\npayment_wait_ms = 3900\nclient_body_timeout_ms = 20000\n";
    let server = Setup::new().config(time).start().await;
    server.simulate(json!({"latency_ms": 2000})).await;
    // Together they take longer than a request may, each alone does not.
    let (status, call) = request_slowly(&server, Duration::from_secs(3)).await;
    assert_eq!((status, &call["payment"]["status"]), (201, &json!("charged")), "{call}");
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_refused_and_nothing_was_begun() {
    let server = Setup::new().config("[http]\nclient_body_timeout_ms = 100\n").start().await;
    let (status, problem) = request_slowly(&server, Duration::from_secs(1)).await;
    assert_eq!((status, &problem["code"]), (408, &json!("request_timeout")), "{problem}");
}

/// Without a key a repetition is another call, which is charged as well.
#[tokio::test]
async fn a_request_without_a_key_that_got_no_answer_is_told_which_call_to_look_at() {
    let impatient = "[http]\nrequest_timeout_ms = 1000\npayment_wait_ms = 900\n[store]\nlock_timeout_ms = 60000\n\
                     commit_timeout_ms = 60000\n";
    let server = Setup::new().config(impatient).start().await;
    let (mina, jun) = (server.customer("mina"), server.customer("jun"));
    let frozen = server.freeze_store().await;
    let keyed = jun.request(reqwest::Method::POST, "/v1/calls").header("idempotency-key", "key-1");
    let (keyless, keyed) = tokio::join!(
        mina.post("/v1/calls", trip_paid_with("tok_ok")),
        crate::harness::Client::send(keyed.json(&trip_paid_with("tok_ok"))),
    );
    frozen.thaw().await;
    let cut_off = keyless.any_problem();
    let (detail, id) = (cut_off["detail"].as_str().unwrap_or_default(), id_of(&cut_off["call"]));
    assert_eq!(cut_off["status"], 503, "{cut_off}");
    assert!(detail.contains(&format!("look at GET /v1/calls/{id}")) && !detail.contains("safe"), "{detail}");
    eventually("the call is there, and paid once", async || {
        let call = mina.get(&format!("/v1/calls/{id}")).await;
        if call.body["payment"]["status"] == "charged" { Ok(()) } else { Err(call.text) }
    })
    .await;
    server.ledger_is(&id, 1, 0).await;
    // On a store that cannot be read either, nothing had been begun.
    let keyed = keyed.any_problem();
    assert!(keyed["detail"].as_str().is_some_and(|detail| detail.contains("is safe")), "{keyed}");
}
