//! Money that is at another gateway than the one that is configured.

use crate::{
    edge::{Edge, Fault, RefundCourse, When},
    harness::{Server, id_of, trip_paid_with},
    rig::{CONFIRM, REFUNDS, VISA, blind, booked, impatient, listed, unknown},
};

/// A server of this gateway on the store of the test.
async fn start(edge: &Edge, store: &str) -> Server {
    impatient(edge).on_store(store).start().await
}

#[actix_rt::test]
async fn what_is_owed_at_a_former_gateway_waits_is_listed_and_goes_on_when_that_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite://{}", folder.path().join("callout.db").display());
    let (former, other) = (Edge::start().expect("an edge"), Edge::start().expect("another edge"));
    let mut server = start(&former, &store).await;
    let customer = server.customer("mina");
    former.refunds(RefundCourse::Pends);
    let owed = id_of(&customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201));
    let kept = id_of(&customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201));
    former.order(Fault::cut(When::Before).on("POST", REFUNDS).always());
    customer.command(&owed, "cancel").await.expect(200);
    former.until_asked("POST", REFUNDS, 1).await;
    blind(&former);
    former.order(Fault::cut(When::After).on("POST", CONFIRM));
    let lost = unknown(&server, &customer).await;
    server.kill();
    former.mend();
    former.refunds(RefundCourse::Succeeds);
    let asked = former.log().len();

    let mut server = start(&other, &store).await;
    for (state, payment) in [("refunding", &owed), ("unknown", &lost)] {
        let item = listed(&server, state, payment).await;
        assert!(
            item["last_error"].as_str().is_some_and(|why| why.contains(former.url().trim_start_matches("http://"))),
            "{item}"
        );
    }
    let customer = server.customer("mina");
    customer.command(&kept, "cancel").await.expect(200);
    listed(&server, "refunding", &kept).await;
    let here = id_of(&customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201));
    booked(&other, &here, 1, 0).await;
    assert!(other.asked("POST", REFUNDS).is_empty() && former.log().len() == asked, "each has its own money only");
    server.kill();

    let server = start(&former, &store).await;
    server.payment_is(&lost, &["charged"]).await;
    for payment in [&owed, &kept] {
        server.payment_is(payment, &["refunded"]).await;
        booked(&former, payment, 1, 1).await;
    }
    booked(&former, &lost, 1, 0).await;
}
