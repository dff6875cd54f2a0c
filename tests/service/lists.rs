//! Lists are given in pages, those that are read from memory as well.

use serde_json::{Value, json};

use crate::{
    harness::{Client, GANGNAM, Server, eventually},
    studycafe::{register_seat, select},
};

/// The items of a list, read one by one.
async fn one_by_one(client: &Client, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit=1{cursor}")).await.expect(200);
        let given = page["items"].as_array().expect("items");
        assert!(given.len() <= 1 && items.len() < 50, "{page}");
        items.extend(given.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn named(items: &[Value], name: &str) -> Vec<String> {
    items.iter().map(|item| item.pointer(name).and_then(Value::as_str).expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn services_and_kinds_of_actors_come_in_pages_as_other_lists_do() {
    let server = Server::start().await;
    let operator = server.operator();
    for (path, name) in [("/v1/services", "/id"), ("/v1/ops/actors", "/kind")] {
        let whole = operator.get(path).await.expect(200);
        assert_eq!(whole["next_cursor"], Value::Null);
        let whole = whole["items"].as_array().expect("items").clone();
        assert!(whole.len() > 2, "{whole:?}");
        assert_eq!(named(&one_by_one(&operator, path).await, name), named(&whole, name));
    }
}

#[tokio::test]
async fn the_offers_of_a_driver_come_in_pages_those_that_end_first_before_the_others() {
    let server = Server::start().await;
    let driver = server.register_driver("driver-a", GANGNAM).await;
    let mut calls = Vec::new();
    for customer in ["mina", "jun", "sora"] {
        calls.push(server.customer(customer).request_paid_call().await);
        driver.offered(&calls[calls.len() - 1]).await;
    }
    let path = "/v1/drivers/driver-a/offers";
    eventually("one offer after the other", async || {
        let offers = one_by_one(&driver, path).await;
        if named(&offers, "/call/id") == calls { Ok(()) } else { Err(format!("{offers:?}")) }
    })
    .await;
    assert_eq!(driver.get(path).await.expect(200)["items"].as_array().map(Vec::len), Some(3));
}

/// The numbers of a timeline's entries.
fn numbers(entries: &Value) -> Vec<u64> {
    let entries = entries.as_array().unwrap_or_else(|| panic!("no entries: {entries}"));
    entries.iter().filter_map(|entry| entry["seq"].as_u64()).collect()
}

#[tokio::test]
async fn a_timeline_is_an_array_or_comes_in_pages() {
    let server = Server::start().await;
    let customer = server.customer("mina");
    let id = customer.request_paid_call().await;
    let path = format!("/v1/calls/{id}/timeline");
    let whole = customer.get(&path).await;
    assert_eq!(whole.header("link"), None, "there is no more");
    let whole = whole.expect(200);
    assert_eq!(numbers(&whole), (1..=numbers(&whole).len() as u64).collect::<Vec<_>>());
    let page = customer.get(&format!("{path}?limit=200")).await.expect(200);
    assert_eq!((&page["items"], &page["next_cursor"]), (&whole, &Value::Null));
    assert_eq!(Value::from(one_by_one(&customer, &path).await), whole);
}

#[tokio::test]
async fn a_long_timeline_is_bounded_and_says_where_it_goes_on() {
    let server = Server::start().await;
    register_seat(&server, "seat-1").await;
    let customer = server.customer("mina");
    let id = select(&customer, "seat-1", "tok_ok").await;
    // Another card each time is another event.
    for n in 0..1_010 {
        customer.pay(&id, if n % 2 == 0 { "tok_slow" } else { "tok_ok" }).await.expect(200);
    }
    let path = format!("/v1/calls/{id}/timeline");
    let events = server.operator().call(&id).await["version"].as_u64().expect("a version");
    assert!(events > 1_000, "{events}");
    let (first, next) = eventually("a thousand entries", async || {
        let reply = customer.get(&path).await;
        let link = reply.header("link").map(str::to_owned).ok_or("no link")?;
        Ok::<_, String>((numbers(&reply.expect(200)), link))
    })
    .await;
    assert_eq!(first, (1..=1_000).collect::<Vec<_>>());
    let next = next.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
    eventually("the rest", async || {
        let rest = customer.get(next).await.expect(200);
        assert_eq!(rest["next_cursor"], Value::Null);
        let found = numbers(&rest["items"]);
        if found == (1_001..=events).collect::<Vec<_>>() { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

#[tokio::test]
async fn pages_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    let operator = server.operator();
    let timeline = format!("/v1/calls/{}/timeline", server.customer("mina").request_paid_call().await);
    for path in ["/v1/services", "/v1/ops/actors", "/v1/drivers/driver-a/offers", &timeline] {
        for query in ["limit=0", "limit=201", "limit=many", "cursor=garbage", "colour=red"] {
            operator.get(&format!("{path}?{query}")).await.problem(400, "invalid_request");
        }
    }
    let elsewhere = operator.get("/v1/services?limit=1").await.expect(200);
    let cursor = elsewhere["next_cursor"].as_str().expect("a cursor");
    for path in ["/v1/ops/actors", &timeline] {
        operator.get(&format!("{path}?cursor={cursor}")).await.problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn what_a_query_does_not_have_is_refused_by_name_and_nothing_is_done() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    let (customer, operator) = (server.customer("mina"), server.operator());
    let id = customer.request_paid_call().await;
    for (client, path, known) in [
        (&operator, "/v1/calls?servce=taxi", "the parameters are service, status, active, limit, cursor"),
        (&operator, "/v1/drivers?state=busy", "the parameters are service, status, limit, cursor"),
        (&customer, "/v1/me/calls?cursr=x", "the parameters are service, status, active, limit, cursor"),
        (&customer, "/v1/me/notifications?status=paid", "the parameters are service, since, limit, cursor"),
        (&operator, "/v1/ops/gateway/simulator/charges?payment=x", "the parameters are payment_id, limit, cursor"),
        (&customer, "/v1/me?x=1", "this request takes none"),
        (&customer, &format!("/v1/calls/{id}?x=1"), "this request takes none"),
    ] {
        let said = client.get(path).await.problem(400, "invalid_request");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.ends_with(known)), "{path}: {said}");
    }
    customer.post(&format!("/v1/calls/{id}/cancel?reason=late"), json!({})).await.problem(400, "invalid_request");
    assert_eq!(customer.call(&id).await["status"], "dispatching");
    for path in ["/v1/calls", "/v1/drivers", "/v1/me/calls", "/v1/me/notifications"] {
        let said = operator.get(&format!("{path}?service=bogus")).await.problem(400, "invalid_request");
        let detail = said["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("bogus") && detail.contains("driver-call, rental"), "{path}: {said}");
        operator.get(&format!("{path}?limit=1&limit=2")).await.problem(400, "invalid_request");
    }
    // Who may not ask at all learns nothing of what may be asked.
    server.nobody().get("/v1/calls?x=1").await.problem(401, "unauthorized");
    customer.get("/v1/calls?service=taxi").await.problem(403, "forbidden");
}
