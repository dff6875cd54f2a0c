//! More than the server bears: refused early, with the time to come back; what was taken is finished.

use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Server, Setup, eventually, id_of, trip_paid_with};

/// Room for four in each call's mailbox, and for four who wait for its payment.
const NARROW: &str = "[actors.supervision.call]\nmailbox_max = 4\n";

#[tokio::test]
async fn more_than_may_wait_for_one_payment_are_refused_and_the_others_get_its_outcome() {
    let server = Setup::new().config(NARROW).start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.simulate(json!({"latency_ms": 1500})).await;
    let payments = (0..24).map(|_| customer.pay(&id, "tok_ok"));
    let replies = join_all(payments).await;
    let (taken, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert!(!taken.is_empty(), "what was taken is finished");
    assert!(!refused.is_empty(), "twenty-four do not fit where four may wait");
    for reply in refused {
        assert!(reply.retry_after().is_some(), "{:?}", reply.headers);
        reply.problem(503, "overloaded");
    }
    server.call_is(&id, &["dispatching"]).await;
    server.ledger_is(&id, 1, 0).await;
}

/// Those who were told "pending" have left: they take nobody's place.
#[tokio::test]
async fn who_waited_for_a_payment_in_vain_leaves_room_for_the_next() {
    let server = Setup::new().config(NARROW).config("[http]\npayment_wait_ms = 300\n").start().await;
    let customer = server.customer("mina");
    let id = id_of(&customer.request_call().await);
    server.simulate(json!({"timeout_rate": 1.0})).await;
    for _ in 0..3 {
        for reply in join_all((0..3).map(|_| customer.pay(&id, "tok_ok"))).await {
            reply.problem(503, "payment_pending");
        }
    }
    server.simulate(json!({})).await;
    server.call_is(&id, &["dispatching"]).await;
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn a_thousand_requests_at_once_are_all_answered_and_every_call_that_was_taken_is_there() {
    let server = Server::start().await;
    let customers: Vec<_> = (0..1_000).map(|n| server.customer(&format!("customer-{n}"))).collect();
    let requests = customers.iter().map(|customer| customer.post("/v1/calls", trip_paid_with("tok_ok")));
    let replies = join_all(requests).await;
    for (customer, reply) in customers.iter().zip(replies) {
        match reply.status {
            201 => {
                let id = id_of(&reply.body);
                assert_eq!(customer.call(&id).await["payment"]["status"], "charged");
            }
            429 | 503 => assert!(reply.retry_after().is_some(), "{:?}", reply.headers),
            status => panic!("{status}: {}", reply.text),
        }
    }
}

/// A bound that no commit of a busy server keeps: new calls are refused, those that were taken are there, and afterwards
/// all is as before.
#[tokio::test]
async fn while_commits_take_too_long_no_new_call_is_begun() {
    let server = Setup::new().config("[limits]\ncommit_wait_max_ms = 1\n").start().await;
    let customers: Vec<_> = (0..300).map(|n| server.customer(&format!("customer-{n}"))).collect();
    let mut refused = 0;
    while refused == 0 {
        let requests = customers.iter().map(|customer| customer.post("/v1/calls", trip_paid_with("tok_ok")));
        for (customer, reply) in customers.iter().zip(join_all(requests).await) {
            if reply.status == 201 {
                assert_eq!(customer.call(&id_of(&reply.body)).await["payment"]["status"], "charged");
                continue;
            }
            refused += 1;
            assert!(reply.retry_after().is_some(), "{:?}", reply.headers);
            reply.problem(503, "overloaded");
        }
    }
    eventually("a quiet server takes calls again", async || {
        let reply = customers[0].post("/v1/calls", trip_paid_with("tok_ok")).await;
        if reply.status == 201 { Ok(()) } else { Err(reply.text) }
    })
    .await;
}

/// What nobody has time for is refused before anything is read of it but where it ends: it has no token, and its sender keeps
/// the connection.
#[tokio::test]
async fn a_refusal_for_want_of_room_looks_at_no_token_and_keeps_the_connection() {
    let server = Setup::new().config("[limits]\ncommit_wait_max_ms = 1\n").start().await;
    let customers: Vec<_> = (0..300).map(|n| server.customer(&format!("customer-{n}"))).collect();
    let flood = async {
        loop {
            join_all(customers.iter().map(|customer| customer.post("/v1/calls", trip_paid_with("tok_ok")))).await;
        }
    };
    let stranger = async {
        loop {
            let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
            if strangers_request(&mut stream).await == 503 {
                return strangers_request(&mut stream).await;
            }
        }
    };
    tokio::select! {
        () = flood => {}
        again = stranger => assert!(matches!(again, 401 | 503), "{again}"),
    }
}

/// Asks for a call without a token. The status.
async fn strangers_request(stream: &mut TcpStream) -> u16 {
    let body = trip_paid_with("tok_ok").to_string();
    let head = "POST /v1/calls HTTP/1.1\r\nHost: callout\r\nContent-Type: application/json";
    let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("the server takes the request");
    let mut reply = Vec::new();
    while !reply.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut reply).await.expect("an answer"), 0, "the server hung up");
    }
    let reply = String::from_utf8_lossy(&reply);
    reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}
