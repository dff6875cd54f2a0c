//! TX-1 to TX-7: the taxi, from the request to the fare that is charged at drop-off.

use serde_json::{Value, json};

use crate::harness::{
    BUSAN, Client, GANGNAM, Reply, SEOUL_STATION, Server, Setup, eventually, id_of, place, rounds, seed,
};

/// The service.
pub const TAXI: &str = "taxi";

/// A ride from Gangnam to Seoul station, with a method that is charged at drop-off.
pub fn ride(method: &str) -> Value {
    let mut ride = ride_without_method();
    ride["payment"] = json!({"method": method});
    ride
}

fn ride_without_method() -> Value {
    json!({"service": TAXI, "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION)})
}

/// Requests a ride; returns its id.
pub async fn request_ride(customer: &Client, method: &str) -> String {
    id_of(&customer.post("/v1/calls", ride(method)).await.expect(201))
}

impl Server {
    /// Registers a taxi that is free at a place.
    pub async fn taxi(&self, id: &str, at: (f64, f64)) -> Client {
        self.register_driver_of(TAXI, id, at).await
    }

    /// A ride that has begun: its id and its taxi.
    pub async fn ride_under_way(&self, customer: &Client, method: &str) -> (String, Client) {
        let taxi = self.taxi("taxi-a", GANGNAM).await;
        let id = request_ride(customer, method).await;
        taxi.take(&id).await;
        taxi.command(&id, "start").await.expect(200);
        (id, taxi)
    }
}

#[tokio::test]
async fn tx_1_a_customer_requests_a_taxi_and_nothing_is_charged_yet() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let call = customer.post("/v1/calls", ride("tok_ok")).await.expect(201);
    assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("dispatching"), &json!("created")));
    assert_eq!(call["label"]["ko"], "택시 찾는 중");
    assert!(call["fare"]["amount"].as_u64() > Some(4_800), "{call}");
    assert_eq!(server.ledger(&id_of(&call)).await.charges, 0);
}

#[tokio::test]
async fn tx_1_a_ride_from_outside_the_area_is_denied() {
    let server = Server::start().await;
    let mut body = ride("tok_ok");
    body["pickup"] = place(BUSAN);
    let problem = server.customer("mina").post("/v1/calls", body).await.problem(422, "out_of_area");
    assert_eq!(problem["call"]["status"], "denied");
}

#[tokio::test]
async fn tx_1_a_taxi_is_not_chosen_and_not_booked_for_a_period() {
    let server = Server::start().await;
    server.taxi("taxi-a", GANGNAM).await;
    let customer = server.customer("mina");
    let mut chosen = ride("tok_ok");
    chosen["driver_id"] = json!("taxi-a");
    let mut booked = ride("tok_ok");
    booked["period"] = json!({"from": "2031-03-01T09:00:00Z", "to": "2031-03-02T09:00:00Z"});
    for body in [chosen, booked] {
        customer.post("/v1/calls", body).await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn tx_2_a_driver_accepts_and_the_taxi_is_dispatched() {
    let server = Server::start().await;
    let (first, second) = (server.taxi("taxi-a", GANGNAM).await, server.taxi("taxi-b", GANGNAM).await);
    let id = request_ride(&server.customer("mina"), "tok_ok").await;
    first.offered(&id).await;
    second.offered(&id).await;
    let won = first.command(&id, "accept").await.expect(200);
    assert_eq!((&won["status"], &won["driver"]["id"]), (&json!("assigned"), &json!("taxi-a")));
    second.command(&id, "accept").await.problem(409, "call_taken");
    server.driver_is("taxi-a", &["engaged"]).await;
    server.driver_is("taxi-b", &["available"]).await;
}

#[tokio::test]
async fn tx_2_a_driver_of_another_service_never_hears_of_a_ride() {
    let server = Server::start().await;
    let stranger = server.register_driver("driver-a", GANGNAM).await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let id = request_ride(&server.customer("mina"), "tok_ok").await;
    taxi.offered(&id).await;
    assert_eq!(stranger.offers().await, Vec::<String>::new());
    stranger.command(&id, "accept").await.problem(404, "not_found");
}

#[tokio::test]
async fn tx_3_the_customer_is_told_when_the_taxi_arrives_and_sees_that_change_as_it_moves() {
    let server = Server::start().await;
    let far = (GANGNAM.0 + 0.015, GANGNAM.1);
    let taxi = server.taxi("taxi-a", far).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    let assigned = screen.call_is(&id, "assigned").await;
    let at_dispatch = assigned["call"]["driver"]["eta_s"].as_u64().expect("an ETA at dispatch");
    assert!(at_dispatch > 120, "1.7 km as the crow flies take a while: {assigned}");
    let told = eventually("the customer is told the arrival time", async || {
        let told = customer.notifications_about(&id).await;
        let assigned = told.iter().find(|item| item["occasion"] == "assigned");
        assigned.cloned().ok_or_else(|| format!("{told:?}"))
    });
    let told = told.await;
    assert!(told["text"]["ko"].as_str().is_some_and(|text| text.contains("분")), "{told}");
    assert!(told["text"]["en"].as_str().is_some_and(|text| text.contains("min")), "{told}");

    let near = json!({"lat": GANGNAM.0 + 0.003, "lng": GANGNAM.1});
    taxi.post("/v1/drivers/taxi-a/position", near).await.expect(204);
    let moved = screen.frame_where("a position", |frame| frame["type"] == "position" && frame["lat"] == 37.5009).await;
    let nearer = moved["eta_s"].as_u64().expect("an ETA with the position");
    assert!(nearer < at_dispatch, "{nearer} is less than {at_dispatch}");
    let call = customer.call(&id).await;
    assert_eq!(call["driver"]["eta_s"], nearer);
    assert_eq!(call["driver"]["position"]["lat"], 37.5009);

    taxi.command(&id, "start").await.expect(200);
    let to_the_destination = customer.call(&id).await["driver"]["eta_s"].as_u64();
    assert!(to_the_destination > Some(at_dispatch), "once on board it is the time to the destination");
}

#[tokio::test]
async fn tx_4_a_request_that_finds_no_taxi_is_cancelled_by_the_system() {
    let server = Setup::new().policy(TAXI, "dispatch.deadline_s", 1).start().await;
    let customer = server.customer("mina");
    let id = request_ride(&customer, "tok_ok").await;
    let call = server.call_is(&id, &["cancelled"]).await;
    assert_eq!((&call["cancelled_by"], &call["reason"]), (&json!("system"), &json!("no_driver")));
    let told = customer.notified_about(&id, 1).await;
    assert!(told[0]["text"]["en"].as_str().is_some_and(|text| text.contains("try again")), "{told:?}");
    assert_eq!(server.ledger(&id).await.charges, 0);
    customer.pay(&id, "tok_ok").await.problem(409, "illegal_transition");
}

#[tokio::test]
async fn tx_5_boarding_is_under_way_and_alighting_is_the_end() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    assert_eq!(screen.call_is(&id, "started").await["call"]["label"]["ko"], "운행중");
    let done = taxi.command(&id, "complete").await.expect(200);
    assert_eq!((&done["status"], &done["label"]["ko"]), (&json!("completed"), &json!("운행종료")));
    screen.call_is(&id, "completed").await;
    server.driver_is("taxi-a", &["available"]).await;
}

#[tokio::test]
async fn tx_5_what_was_never_started_is_not_completed_and_only_its_taxi_takes_these_steps() {
    let server = Server::start().await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let other = server.taxi("taxi-b", SEOUL_STATION).await;
    let customer = server.customer("mina");
    let id = request_ride(&customer, "tok_ok").await;
    taxi.command(&id, "start").await.client_error();
    taxi.take(&id).await;
    let problem = taxi.command(&id, "complete").await.problem(409, "illegal_transition");
    assert_eq!(problem["call"]["status"], "assigned");
    for step in ["start", "complete"] {
        other.command(&id, step).await.problem(404, "not_found");
        customer.command(&id, step).await.problem(403, "forbidden");
    }
    for word in ["approve", "reject"] {
        server.operator().command(&id, word).await.problem(409, "illegal_transition");
    }
    assert_eq!(customer.call(&id).await["status"], "assigned");
    assert_eq!(server.ledger(&id).await.charges, 0);
}

#[tokio::test]
async fn tx_6_the_fare_is_charged_at_alighting_and_completing_twice_never_bills_twice() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_ok").await;
    assert_eq!(server.ledger(&id).await.charges, 0, "nothing before alighting");
    let replies = futures_util::future::join_all((0..5).map(|_| taxi.command(&id, "complete"))).await;
    for reply in replies {
        let call = reply.expect(200);
        assert_eq!((&call["status"], &call["payment"]["status"]), (&json!("completed"), &json!("charged")));
    }
    let call = taxi.command(&id, "complete").await.expect(200);
    let ledger = server.ledger(&id).await;
    assert_eq!((ledger.charges, Some(ledger.charged)), (1, call["fare"]["amount"].as_u64()));
}

#[tokio::test]
async fn tx_6_a_declined_card_keeps_the_ride_started_until_another_method_pays_it() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let (id, taxi) = server.ride_under_way(&customer, "tok_declined").await;
    for _ in 0..2 {
        let problem = taxi.command(&id, "complete").await.problem(402, "payment_declined");
        assert_eq!(problem["call"]["status"], "started");
        assert_eq!(problem["call"]["payment"]["status"], "declined");
        let said = problem["detail"].as_str().unwrap_or_default();
        assert!(said.contains("the customer can pay with another method"), "{said}");
    }
    server.driver_is("taxi-a", &["engaged"]).await;
    let problem = customer.pay(&id, "tok_declined").await.problem(402, "payment_declined");
    assert!(problem["detail"].as_str().is_some_and(|said| said.ends_with("; pay with another method")), "{problem}");
    let done = customer.pay(&id, "tok_ok").await.expect(200);
    assert_eq!((&done["status"], &done["payment"]["status"]), (&json!("completed"), &json!("charged")));
    assert_eq!(taxi.command(&id, "complete").await.expect(200)["status"], "completed");
    server.ledger_is(&id, 1, 0).await;
    server.driver_is("taxi-a", &["available"]).await;
    let told = customer.notified_about(&id, 4).await;
    assert!(told.iter().any(|item| item["occasion"] == "payment_declined"), "{told:?}");
}

#[tokio::test]
async fn tx_6_without_any_method_there_is_no_end_of_the_ride() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let id = id_of(&customer.post("/v1/calls", ride_without_method()).await.expect(201));
    taxi.take(&id).await;
    taxi.command(&id, "start").await.expect(200);
    let problem = taxi.command(&id, "complete").await.problem(402, "payment_declined");
    assert_eq!(problem["call"]["status"], "started");
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["status"], "completed");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_6_a_method_given_on_the_way_is_charged_at_alighting_and_not_before() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let id = id_of(&customer.post("/v1/calls", ride_without_method()).await.expect(201));
    taxi.take(&id).await;
    assert_eq!(customer.pay(&id, "tok_declined").await.expect(200)["status"], "assigned");
    taxi.command(&id, "start").await.expect(200);
    assert_eq!(customer.pay(&id, "tok_ok").await.expect(200)["status"], "started");
    assert_eq!(server.ledger(&id).await.charges, 0);
    taxi.command(&id, "complete").await.expect(200);
    assert_eq!(customer.pay(&id, "tok_ok").await.status, 409, "nothing is to be paid any more");
    server.ledger_is(&id, 1, 0).await;
}

#[tokio::test]
async fn tx_7_the_customer_can_cancel_until_boarding() {
    let server = Server::start().await;
    let taxi = server.taxi("taxi-a", GANGNAM).await;
    let customer = server.customer("mina");
    let id = request_ride(&customer, "tok_ok").await;
    assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled");
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    let cancelled = customer.command(&id, "cancel").await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["cancelled_by"]), (&json!("cancelled"), &json!("customer")));
    assert_eq!(customer.command(&id, "cancel").await.expect(200)["status"], "cancelled");
    taxi.command(&id, "start").await.problem(409, "illegal_transition");
    server.driver_is("taxi-a", &["available"]).await;
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    taxi.command(&id, "start").await.expect(200);
    let problem = customer.command(&id, "cancel").await.problem(409, "illegal_transition");
    assert_eq!(problem["call"]["status"], "started");
}

#[tokio::test]
async fn tx_7_a_cancel_that_meets_boarding_has_one_winner_and_both_sides_see_the_same() {
    let server = Server::start().await;
    let (taxi, customer) = (server.taxi("taxi-a", GANGNAM).await, server.customer("mina"));
    let mut chance = crate::harness::Chance::new(seed(), 7);
    for _ in 0..rounds(12) {
        server.driver_is("taxi-a", &["available"]).await;
        let id = request_ride(&customer, "tok_ok").await;
        taxi.take(&id).await;
        let (cancel_after, start_after) = (chance.micros_below(1_500), chance.micros_below(1_500));
        let (cancel, start): (Reply, Reply) = tokio::join!(
            async {
                tokio::time::sleep(cancel_after).await;
                customer.command(&id, "cancel").await
            },
            async {
                tokio::time::sleep(start_after).await;
                taxi.command(&id, "start").await
            }
        );
        let expected = match (cancel.status, start.status) {
            (200, 409) => "cancelled",
            (409, 200) => "started",
            both => panic!("not one winner: {both:?} {} {}", cancel.text, start.text),
        };
        assert_eq!(customer.call(&id).await["status"], expected);
        assert_eq!(taxi.call(&id).await["status"], expected);
        if expected == "started" {
            taxi.command(&id, "complete").await.expect(200);
        }
        server.ledger_is(&id, usize::from(expected == "started"), 0).await;
    }
}
