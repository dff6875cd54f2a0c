//! Answers about other money than was asked for are never believed.

use serde_json::{Value, json};

use crate::{
    edge::{Edge, Fault},
    harness::{id_of, trip_paid_with},
    rig::{CONFIRM, INTENT, OPEN, VISA, booked, impatient, listed, metric, unknown},
};

const MISMATCHES: &str = "callout_gateway_mismatches_total";

fn differences() -> [(&'static str, Value, &'static str); 3] {
    [
        ("/amount", json!(2_600), "2600 KRW"),
        ("/currency", json!("usd"), "USD"),
        ("/livemode", json!(true), "real money"),
    ]
}

#[actix_rt::test]
async fn an_answer_about_other_money_is_never_charged_and_is_listed_counted_and_settled_by_a_true_one() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    let customer = server.customer("mina");
    // The first answer says whether the money is real.
    customer.post("/v1/calls", trip_paid_with(VISA)).await.expect(201);
    for (member, value, said) in differences() {
        let before = metric(&server, MISMATCHES).await;
        for (method, path) in [("POST", CONFIRM), ("GET", INTENT)] {
            edge.order(Fault::changed(member, value.clone()).on(method, path).always());
        }
        let id = unknown(&server, &customer).await;
        let item = listed(&server, "unknown", &id).await;
        assert!(item["last_error"].as_str().is_some_and(|why| why.contains(said)), "{item}");
        assert!(metric(&server, MISMATCHES).await >= before + 2.0);
        assert_eq!(customer.call(&id).await["payment"]["status"], "unknown");
        edge.mend();
        server.payment_is(&id, &["charged"]).await;
        booked(&edge, &id, 1, 0).await;
    }
}

#[actix_rt::test]
async fn an_intent_that_was_opened_for_other_money_is_never_confirmed() {
    let edge = Edge::start().expect("an edge");
    let server = impatient(&edge).start().await;
    let customer = server.customer("mina");
    for (member, value, _) in differences().into_iter().take(2) {
        edge.order(Fault::changed(member, value).on("POST", OPEN));
        let problem = customer.post("/v1/calls", trip_paid_with(VISA)).await.problem(503, "payment_unavailable");
        assert!(edge.asked("POST", CONFIRM).is_empty());
        booked(&edge, &id_of(&problem["call"]), 0, 0).await;
    }
}
