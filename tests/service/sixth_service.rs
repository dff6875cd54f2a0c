//! A sixth service is a file: tutoring, assigned by the system, approved by nobody, paid when the lesson is over.

use serde_json::json;

use crate::harness::{GANGNAM, Server, Setup, eventually, id_of, place};

const PAGE: &str = include_str!("../../docs/services.md");

/// The file as `docs/services.md` shows it.
fn tutoring() -> &'static str {
    let (_, rest) = PAGE.split_once("## Adding a sixth").expect("the section");
    let (_, rest) = rest.split_once("```toml\n").expect("the file's beginning");
    rest.split_once("```").expect("the file's end").0
}

async fn with_tutoring() -> Server {
    Setup::new().service("tutoring", tutoring()).start().await
}

#[tokio::test]
async fn a_sixth_service_is_one_file_and_takes_a_call_from_request_to_payment() {
    let server = with_tutoring().await;
    let customer = server.customer("mina");
    let services = customer.get("/v1/services").await.expect(200).to_string();
    assert!(services.contains("tutoring") && services.contains("과외"), "{services}");
    let tutor = server.register_driver_of("tutoring", "tutor-a", GANGNAM).await;
    let lesson = json!({"service": "tutoring", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"},
        "period": {"from": "2031-03-01T09:00:00Z", "to": "2031-03-01T10:30:00Z"}});
    let call = customer.post("/v1/calls", lesson).await.expect(201);
    assert_eq!(call["fare"], json!({"amount": 80_000, "currency": "KRW"}), "two begun hours");
    let id = id_of(&call);
    let assigned = server.call_is(&id, &["assigned"]).await;
    assert_eq!((&assigned["driver"]["id"], &assigned["label"]["ko"]), (&json!("tutor-a"), &json!("선생님 배정")));
    tutor.command(&id, "start").await.expect(200);
    assert_eq!(server.ledger(&id).await.charges, 0, "paid when the lesson is over");
    assert_eq!(tutor.command(&id, "complete").await.expect(200)["status"], "completed");
    assert_eq!(server.ledger(&id).await.charged, 80_000);
    server.driver_is("tutor-a", &["available"]).await;
    eventually("the customer is told in the service's words", async || {
        let told = customer.notifications_about(&id).await;
        let texts = format!("{told:?}");
        if texts.contains("선생님이 배정되었습니다") { Ok(()) } else { Err(texts) }
    })
    .await;
}

#[tokio::test]
async fn a_sixth_service_refuses_what_its_policy_does_not_know() {
    let server = with_tutoring().await;
    let customer = server.customer("mina");
    let lesson = json!({"service": "tutoring", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"}});
    customer.post("/v1/calls", lesson).await.problem(400, "invalid_request");
    let unknown = json!({"service": "gardening", "pickup": place(GANGNAM)});
    customer.post("/v1/calls", unknown).await.client_error();
}
