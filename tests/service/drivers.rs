//! Drivers as others see them: their names, where they are by whose clock, whether they are still there.

use serde_json::{Value, json};

use crate::harness::{GANGNAM, Server, Setup, eventually, id_of, trip_paid_with};

#[tokio::test]
async fn what_a_registration_leaves_out_stays_and_null_takes_it_away() {
    let server = Server::start().await;
    let driver = server.driver("driver-a");
    let register = async |body: Value| {
        let reply = driver.put("/v1/drivers/driver-a", body).await.ok();
        (reply["name"].clone(), reply["phone"].clone(), reply["plate"].clone())
    };
    let whole = json!({"service": "driver-call", "name": "김", "phone": "010-1", "plate": "12가 3456"});
    register(whole).await;
    let kept = register(json!({"service": "driver-call", "name": "김기사"})).await;
    assert_eq!(kept, (json!("김기사"), json!("010-1"), json!("12가 3456")));
    let changed = register(json!({"service": "driver-call", "name": "김기사", "phone": null, "plate": "1"})).await;
    assert_eq!(changed, (json!("김기사"), Value::Null, json!("1")));
}

#[tokio::test]
async fn names_notes_and_reasons_say_what_they_seem_to_say() {
    let server = Server::start().await;
    let (driver, customer) = (server.driver("driver-a"), server.customer("mina"));
    for name in ["Kim\u{202e}", "\u{200b}", "\u{3164}", "a\u{7}b", "two\nlines", "\u{2066}x", "   "] {
        let body = json!({"service": "driver-call", "name": name});
        driver.put("/v1/drivers/driver-a", body).await.problem(400, "invalid_request");
    }
    driver.put("/v1/drivers/driver-a", json!({"service": "driver-call", "name": "Zoe\u{308}"})).await.expect(201);
    assert_eq!(driver.get("/v1/drivers/driver-a").await.expect(200)["name"], "Zoë");
    let mut call = trip_paid_with("tok_ok");
    for (field, wrong) in [("note", "a\u{202e}b"), ("note", "\u{1b}[2J")] {
        call[field] = json!(wrong);
        customer.post("/v1/calls", call.clone()).await.problem(400, "invalid_request");
    }
    call["note"] = json!("gate 4711\nring twice");
    let mut hidden = call.clone();
    hidden["pickup"]["address"] = json!("강남역\u{2067}");
    let said = customer.post("/v1/calls", hidden).await.problem(400, "invalid_request");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.starts_with("/pickup/address: ")), "{said}");
    let id = id_of(&customer.post("/v1/calls", call).await.expect(201));
    assert_eq!(customer.call(&id).await["note"], "gate 4711\nring twice");
    let reason = json!({"reason": "\u{202d}late"});
    customer.post(&format!("/v1/calls/{id}/cancel"), reason).await.problem(400, "invalid_request");
}

#[tokio::test]
async fn names_in_messages_are_set_apart_from_the_text_around_them() {
    let server = Server::start().await;
    let driver = server.driver("driver-a");
    let body = json!({"service": "driver-call", "name": "محمد", "position": {"lat": GANGNAM.0, "lng": GANGNAM.1}});
    driver.put("/v1/drivers/driver-a", body).await.expect(201);
    driver.put("/v1/drivers/driver-a/availability", json!({"available": true})).await.expect(200);
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.take(&id).await;
    eventually("the customer is told who comes", async || {
        let told = customer.notifications_about(&id).await;
        let text = told.iter().find(|notice| notice["occasion"] == "assigned").map(|notice| notice["text"].to_string());
        match text {
            Some(text) if text.contains("\u{2068}محمد\u{2069}") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn a_phones_clock_is_compared_with_itself_only() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let at = |seconds: i64| {
        (jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(server_now() + seconds)).to_string()
    };
    let seen = async || driver.get("/v1/drivers/driver-a").await.expect(200)["position"].clone();
    let report = async |lat: f64, at: String| {
        driver.post("/v1/drivers/driver-a/position", json!({"lat": lat, "lng": 127.02, "at": at})).await.expect(204);
    };
    // Two minutes slow, after a position by the server's clock.
    for n in 0..3 {
        let lat = [37.51, 37.52, 37.53][n];
        report(lat, at(-120 + i64::try_from(n).unwrap_or_default())).await;
        assert_eq!(seen().await["lat"], lat);
    }
    report(37.6, at(-300)).await;
    assert_ne!(seen().await["lat"], 37.6, "older by the same clock");
    // One fix of a clock that is fast mutes none of those that come once it is right.
    report(37.54, at(50)).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    report(37.55, at(0)).await;
    assert_eq!(seen().await["lat"], 37.55);
    driver
        .post("/v1/drivers/driver-a/position", json!({"lat": 37.5, "lng": 127.0, "at": at(3_600)}))
        .await
        .problem(400, "invalid_request");
}

#[expect(clippy::disallowed_methods, reason = "a phone's clock is a wall clock")]
fn server_now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn the_customer_sees_who_comes_as_registered_now_until_the_call_is_over() {
    let server = Server::start().await;
    let driver = server.driver("driver-a");
    let register = async |name: &str, phone: &str| {
        let body = json!({"service": "driver-call", "name": name, "phone": phone, "plate": "12가 3456",
            "position": {"lat": GANGNAM.0, "lng": GANGNAM.1}});
        driver.put("/v1/drivers/driver-a", body).await.ok();
    };
    register("김", "010-1").await;
    driver.put("/v1/drivers/driver-a/availability", json!({"available": true})).await.expect(200);
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    driver.offered(&id).await;
    assert!(customer.call(&id).await["driver"].is_null());
    driver.take(&id).await;
    register("김기사", "010-2").await;
    let fix = json!({"lat": 37.4990, "lng": 127.0281, "heading": 90.0, "speed_mps": 8.5});
    driver.post("/v1/drivers/driver-a/position", fix).await.expect(204);
    let shown = customer.call(&id).await["driver"].clone();
    assert_eq!(
        (&shown["name"], &shown["phone"], &shown["plate"]),
        (&json!("김기사"), &json!("010-2"), &json!("12가 3456"))
    );
    assert_eq!((&shown["position"]["heading"], &shown["position"]["speed_mps"]), (&json!(90.0), &json!(8.5)));
    driver.command(&id, "start").await.expect(200);
    driver.command(&id, "complete").await.expect(200);
    let shown = customer.call(&id).await["driver"].clone();
    assert!(shown["phone"].is_null() && shown["plate"].is_null() && shown["position"].is_null(), "{shown}");
}

#[tokio::test]
async fn a_driver_who_is_gone_is_offered_nothing_until_it_gives_a_sign() {
    let server = Setup::new().policy("driver-call", "dispatch.position_max_age_s", 1).start().await;
    let gone = server.register_driver("driver-a", GANGNAM).await;
    eventually("there is no sign of it any more", async || {
        let page = server.operator().get("/v1/drivers?service=driver-call&status=stale").await.expect(200);
        if page["items"][0]["id"] == "driver-a" { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    assert_eq!(gone.get("/v1/drivers/driver-a").await.expect(200)["status"], "available", "it is for operators");
    let here = server.register_driver("driver-b", (37.51, 127.04)).await;
    let mut app = here.ws().await;
    let id = server.customer("mina").request_paid_call().await;
    app.next_about("offer", &id).await;
    assert_eq!(gone.offers().await, Vec::<String>::new());
    here.command(&id, "decline").await.expect(200);
    gone.post("/v1/drivers/driver-a/position", json!({"lat": GANGNAM.0, "lng": GANGNAM.1})).await.expect(204);
    gone.take(&id).await;
}

#[tokio::test]
async fn customers_see_what_they_choose_from_and_not_where_others_drive_it() {
    let server = Server::start().await;
    let operator = server.operator();
    let car = json!({"service": "rental", "name": "Avante", "phone": "02-1", "plate": "12가 3456",
        "position": {"lat": GANGNAM.0, "lng": GANGNAM.1}});
    operator.put("/v1/drivers/car-1", car).await.expect(201);
    let (renter, other) = (server.customer("mina"), server.customer("jun"));
    let free = other.get("/v1/drivers/car-1").await.expect(200);
    assert_eq!((&free["plate"], &free["position"]["lat"]), (&json!("12가 3456"), &json!(GANGNAM.0)), "{free}");
    assert!(free["phone"].is_null(), "{free}");
    let body = json!({"service": "rental", "driver_id": "car-1", "pickup": {"lat": GANGNAM.0, "lng": GANGNAM.1},
        "period": {"from": "2030-05-01T00:00:00Z", "to": "2030-05-03T00:00:00Z"}, "payment": {"method": "tok_ok"}});
    let id = id_of(&renter.post("/v1/calls", body).await.expect(201));
    server.call_is(&id, &["assigned"]).await;
    operator.command(&id, "start").await.expect(200);
    server.driver_is("car-1", &["engaged"]).await;
    let is_hidden = |shown: &Value| {
        assert_eq!((&shown["name"], &shown["status"]), (&json!("Avante"), &json!("engaged")), "{shown}");
        for hidden in ["position", "plate", "bookings", "call", "phone"] {
            assert!(shown[hidden].is_null(), "{hidden}: {shown}");
        }
    };
    is_hidden(&other.get("/v1/drivers/car-1").await.expect(200));
    let listed = eventually("the list shows it as engaged", async || {
        let page = other.get("/v1/drivers?service=rental").await.expect(200);
        if page["items"][0]["status"] == "engaged" { Ok(page["items"][0].clone()) } else { Err(page.to_string()) }
    })
    .await;
    is_hidden(&listed);
    assert_eq!(renter.call(&id).await["driver"]["plate"], "12가 3456");
    assert!(operator.get("/v1/drivers/car-1").await.expect(200)["bookings"].is_array());
}

#[tokio::test]
async fn what_is_retired_or_booked_has_no_price_and_is_not_chosen_from() {
    let server = Server::start().await;
    let (operator, customer) = (server.operator(), server.customer("mina"));
    for car in ["car-1", "car-2"] {
        operator.put(&format!("/v1/drivers/{car}"), json!({"service": "rental", "name": car})).await.expect(201);
    }
    let period = json!({"from": "2030-05-01T00:00:00Z", "to": "2030-05-03T00:00:00Z"});
    let body = |car: &str| json!({"service": "rental", "driver_id": car, "pickup": {"lat": GANGNAM.0, "lng": GANGNAM.1}, "period": period});
    customer.post("/v1/quotes", body("car-1")).await.expect(200);
    customer.post("/v1/quotes", body("car-9")).await.problem(400, "invalid_request");
    let mut paid = body("car-1");
    paid["payment"] = json!({"method": "tok_ok"});
    let id = id_of(&customer.post("/v1/calls", paid).await.expect(201));
    server.call_is(&id, &["assigned"]).await;
    customer.post("/v1/quotes", body("car-1")).await.problem(409, "driver_unavailable");
    operator.delete("/v1/drivers/car-2").await.expect(200);
    customer.post("/v1/quotes", body("car-2")).await.problem(400, "invalid_request");
    eventually("customers choose from what is there", async || {
        let page = customer.get("/v1/drivers?service=rental").await.expect(200);
        let found: Vec<_> = page["items"].as_array().into_iter().flatten().map(id_of).collect();
        if found == ["car-1"] { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    let fix = json!({"lat": GANGNAM.0, "lng": GANGNAM.1});
    operator.post("/v1/drivers/car-2/position", fix).await.problem(409, "illegal_transition");
}
