//! Terms that the store does not have, or that cannot be read: no start is held up, and who cannot go on is parked.

use serde_json::json;

use crate::{
    harness::{Server, eventually},
    taxi::{TAXI, request_ride},
};

impl Server {
    /// Waits until a call is parked over its terms; answers what operators are shown as the reason.
    async fn is_parked_over_its_terms(&self, call: &str) -> String {
        eventually(&format!("{call} is parked"), async || {
            let actor = self.actor("call", call).await;
            if actor["status"] == "parked" { Ok(()) } else { Err(actor.to_string()) }
        })
        .await;
        let actor = self.actor("call", call).await;
        let reason = actor["last_panic"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(reason.contains(&format!("call/{call}")) && reason.contains("the terms"), "{actor}");
        reason
    }
}

#[tokio::test]
async fn a_call_whose_terms_cannot_be_read_is_parked_until_its_file_is_back_and_all_others_go_on() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (ride, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    let other = customer.request_paid_call().await;
    let text = server.service_text(TAXI);
    server.kill();
    server.edit_service(TAXI, "payment.unpaid_s", 61);
    server.change_kept_terms().await;
    server.start_again().await;
    let reason = server.is_parked_over_its_terms(&ride).await;
    assert!(reason.contains("cannot read") && reason.contains("changed since"), "{reason}");
    taxi.command(&ride, "complete").await.problem(503, "parked");
    customer.command(&other, "cancel").await.expect(200);
    let next = request_ride(&server.customer("jun"), "tok_ok").await;
    server.customer("jun").command(&next, "cancel").await.expect(200);
    let kept = server.kept_terms().await;
    // What is unreadable may be needed: nothing is forgotten.
    server.kill_and_start_again().await;
    assert_eq!(server.kept_terms().await, kept);
    server.is_parked_over_its_terms(&ride).await;
    server.kill();
    server.write_service(TAXI, &text);
    server.start_again().await;
    // The start has mended what was kept, so that the file may be edited again.
    server.kill();
    server.edit_service(TAXI, "payment.unpaid_s", 62);
    server.start_again().await;
    assert_eq!(taxi.command(&ride, "complete").await.expect(200)["status"], "completed");
    server.ledger_is(&ride, 1, 0).await;
}

#[tokio::test]
async fn a_call_whose_terms_are_not_in_the_store_is_parked_and_its_reason_says_what_to_do() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (ride, _) = server.ride_under_way(&customer, "tok_ok").await;
    server.kill();
    server.edit_service(TAXI, "payment.unpaid_s", 61);
    server.lose_terms().await;
    server.start_again().await;
    let reason = server.is_parked_over_its_terms(&ride).await;
    assert!(reason.contains("not in the store") && reason.contains("services/taxi.toml"), "{reason}");
    let told = server.operator().get(&format!("/v1/ops/actors/call/{ride}")).await.expect(200);
    assert_eq!(told["state"]["service"], json!(TAXI), "{told}");
}

#[tokio::test]
async fn a_call_from_before_terms_were_kept_goes_by_the_first_file_that_is_kept() {
    let mut server = Server::start().await;
    let customer = server.customer("mina");
    let (ride, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    server.kill();
    server.make_older(&ride).await;
    server.start_again().await;
    let files = server.kept_terms().await;
    server.kill();
    server.edit_service(TAXI, "steps.complete", vec!["operator"]);
    server.start_again().await;
    assert_eq!(server.kept_terms().await, files + 1);
    server.kill_and_start_again().await;
    assert_eq!(server.kept_terms().await, files + 1, "the call goes by the first");
    assert_eq!(taxi.command(&ride, "complete").await.expect(200)["payment"]["status"], "charged");
    server.driver_is("taxi-a", &["available"]).await;
    server.stop_and_start_again().await;
    assert_eq!(server.kept_terms().await, files);
}
