//! Calls that are cancelled while nobody knows whether their charge took the money.

use crate::{
    edge::{Edge, Fault, When},
    harness::Server,
    rig::{CONFIRM, INTENT, WITHDRAW, account, blind, booked, impatient, timeline_says, unknown},
};

/// Every fault that leaves open whether the confirmation was performed.
fn faults(when: When) -> Vec<Fault> {
    let statuses = [500, 502, 503, 504].map(|status| Fault::status(status, when));
    statuses.into_iter().chain([Fault::cut(when)]).map(|fault| fault.on("POST", CONFIRM)).collect()
}

async fn cancel(server: &Server, id: &str) {
    server.customer("mina").command(id, "cancel").await.expect(200);
}

#[actix_rt::test]
async fn a_cancelled_call_whose_confirmation_never_arrived_is_never_charged() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    for fault in faults(When::Before) {
        blind(&edge);
        edge.order(fault);
        let id = unknown(&server, &server.customer("mina")).await;
        cancel(&server, &id).await;
        edge.mend();
        edge.forget_keys();
        server.payment_is(&id, &["created"]).await;
        booked(&edge, &id, 0, 0).await;
        let said = timeline_says(&server.customer("mina"), &id, "Cancelled by the customer").await;
        assert!(!said.contains("charge of") && !said.contains("Refunded"), "{said}");
    }
    assert_eq!(edge.asked("POST", CONFIRM).len(), faults(When::Before).len(), "none was sent again");
}

#[actix_rt::test]
async fn a_confirmation_that_arrives_after_the_call_was_cancelled_takes_nothing() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    blind(&edge);
    edge.order(Fault::held(When::Before).on("POST", CONFIRM));
    let id = unknown(&server, &server.customer("mina")).await;
    cancel(&server, &id).await;
    server.payment_is(&id, &["created"]).await;
    edge.release();
    booked(&edge, &id, 0, 0).await;
}

#[actix_rt::test]
async fn a_cancelled_call_whose_confirmation_was_performed_is_charged_and_refunded_once_and_says_both() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    for fault in faults(When::After) {
        blind(&edge);
        edge.order(fault);
        let id = unknown(&server, &server.customer("mina")).await;
        cancel(&server, &id).await;
        edge.mend();
        edge.forget_keys();
        let call = server.payment_is(&id, &["refunded"]).await;
        booked(&edge, &id, 1, 1).await;
        let account = account(&edge, &id).await;
        assert_eq!(call["payment"]["charged"]["amount"], account.charged);
        assert_eq!(call["payment"]["refunded"]["amount"], account.refunded);
        let said = timeline_says(&server.customer("mina"), &id, "Refunded: ").await;
        assert_eq!((said.matches("The charge of").count(), said.matches("Refunded: ").count()), (1, 1), "{said}");
    }
}

#[actix_rt::test]
async fn a_withdrawal_whose_answer_is_lost_is_asked_for_again_over_a_kill() {
    let edge = Edge::start().expect("an edge");
    let mut server = impatient(&edge).start().await;
    blind(&edge);
    edge.order(Fault::cut(When::Before).on("POST", CONFIRM));
    let id = unknown(&server, &server.customer("mina")).await;
    edge.order(Fault::cut(When::After).on("POST", WITHDRAW).always());
    cancel(&server, &id).await;
    edge.until_asked("POST", WITHDRAW, 2).await;
    server.kill();
    edge.mend();
    server.start_again().await;
    server.payment_is(&id, &["created"]).await;
    assert!(!edge.asked("GET", INTENT).is_empty(), "what became of the intent was read");
    booked(&edge, &id, 0, 0).await;
}
