//! A gateway that asks for patience gets it.

use std::time::Duration;

use crate::{
    edge::{Edge, Fault, Reply, When},
    harness::{eventually, id_of, trip_paid_with},
    rig::{CONFIRM, VISA, blind, booked, impatient, unknown},
};

#[actix_rt::test]
async fn nothing_is_sent_before_the_gateways_retry_after_is_over_and_customers_are_told_when_to_come_back() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    // One that is looked up again and again is as patient as the customers.
    blind(&edge);
    edge.order(Fault::cut(When::After).on("POST", CONFIRM));
    let lost = unknown(&server, &server.customer("jun")).await;
    edge.order(Fault::busy(3).on("POST", CONFIRM));
    let (mina, ana) = (server.customer("mina"), server.customer("ana"));
    let first = mina.post("/v1/calls", trip_paid_with(VISA)).await;
    let told = first.retry_after();
    let id = id_of(&first.problem(503, "payment_unavailable")["call"]);
    assert_eq!(told, Some(3));
    let next = ana.post("/v1/calls", trip_paid_with(VISA)).await;
    assert!(next.retry_after().is_some_and(|seconds| (1..=3).contains(&seconds)), "{next:?}");
    next.problem(503, "payment_unavailable");
    edge.mend();
    server.payment_is(&lost, &["charged"]).await;
    eventually("it is paid", async || {
        let reply = mina.pay(&id, VISA).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    let log = edge.log();
    let busy = log.iter().find(|entry| entry.reply == Reply::Status(429)).expect("it was busy");
    let from = busy.ended.expect("it ended");
    let early: Vec<_> =
        log.iter().filter(|entry| entry.at > from && entry.at < from + Duration::from_secs(3)).collect();
    assert!(early.is_empty(), "{early:?}");
    booked(&edge, &id, 1, 0).await;
    booked(&edge, &lost, 1, 0).await;
}
