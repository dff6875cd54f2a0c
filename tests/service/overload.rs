//! More than the server bears: refused early, with the time to come back; what was taken is finished.

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Server, Setup, id_of, trip_paid_with};

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
