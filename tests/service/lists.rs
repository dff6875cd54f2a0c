//! Lists are given in pages, those that are read from memory as well.

use serde_json::Value;

use crate::harness::{Client, GANGNAM, Server, eventually};

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

#[tokio::test]
async fn pages_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    server.register_driver("driver-a", GANGNAM).await;
    let operator = server.operator();
    for path in ["/v1/services", "/v1/ops/actors", "/v1/drivers/driver-a/offers"] {
        for query in ["limit=0", "limit=201", "limit=many", "cursor=garbage", "colour=red"] {
            operator.get(&format!("{path}?{query}")).await.problem(400, "invalid_request");
        }
    }
    let elsewhere = operator.get("/v1/services?limit=1").await.expect(200);
    let cursor = elsewhere["next_cursor"].as_str().expect("a cursor");
    operator.get(&format!("/v1/ops/actors?cursor={cursor}")).await.problem(400, "invalid_request");
}
