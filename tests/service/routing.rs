//! TX-3 with a routing engine: quotes, fares and arrival times go by its roads, and by the estimate while it is away.

use serde_json::{Value, json};

use crate::{
    harness::{Client, GANGNAM, SEOUL_STATION, Server, Setup, eventually, place},
    osrm_server::{Manner, OsrmServer},
    taxi::{TAXI, request_ride, ride},
};

async fn with_engine(engine: &OsrmServer) -> Server {
    let url = engine.url();
    let text = format!("[routing]\nurl = \"{url}\"\nresponse_timeout_ms = 1000\n");
    Setup::new().config(&text).start().await
}

async fn quote(customer: &Client) -> Value {
    let trip = json!({"service": TAXI, "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION)});
    customer.post("/v1/quotes", trip).await.expect(200)
}

#[tokio::test]
async fn tx_3_quotes_and_fares_go_by_the_engines_roads_and_by_the_estimate_while_it_is_away() {
    let engine = OsrmServer::start(Manner::Route(50_000.0, 3_600.0)).await.expect("a server");
    let server = with_engine(&engine).await;
    let customer = server.customer("mina");
    let by_road = quote(&customer).await;
    assert_eq!((&by_road["distance_m"], &by_road["eta_s"]), (&json!(50_000), &json!(3_600)));
    let call = customer.post("/v1/calls", ride("tok_ok")).await.expect(201);
    assert_eq!(call["fare"]["amount"], by_road["amount"]);
    for manner in [Manner::Silent, Manner::Says(500, ""), Manner::Route(900.0, 600.0)] {
        engine.answer(manner);
        let estimated = quote(&customer).await;
        assert!(estimated["distance_m"].as_u64() < Some(20_000), "{estimated}");
        let call = server.customer("jun").post("/v1/calls", ride("tok_ok")).await.expect(201);
        assert_eq!(call["fare"]["amount"], estimated["amount"]);
    }
    let metrics = server.nobody().get("/metrics").await.text;
    for reason in ["timeout", "status", "too_short"] {
        let line = format!("callout_routing_fallbacks_total{{reason=\"{reason}\"}} 2");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn tx_3_the_arrival_time_is_the_engines_and_falls_as_the_taxi_comes_nearer() {
    let engine = OsrmServer::start(Manner::Route(9_000.0, 1_800.0)).await.expect("a server");
    let server = with_engine(&engine).await;
    let taxi = server.taxi("taxi-a", (GANGNAM.0 + 0.02, GANGNAM.1)).await;
    let customer = server.customer("mina");
    let mut screen = customer.ws().await;
    let id = request_ride(&customer, "tok_ok").await;
    taxi.take(&id).await;
    let eta = async || customer.call(&id).await["driver"]["eta_s"].as_u64();
    eventually("the engine's word is known", async || match eta().await {
        Some(1_800) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let halfway = json!({"lat": GANGNAM.0 + 0.01, "lng": GANGNAM.1});
    taxi.post("/v1/drivers/taxi-a/position", halfway).await.expect(204);
    let moved = screen.frame_where("a position", |frame| frame["type"] == "position").await;
    let nearer = moved["eta_s"].as_u64().expect("an ETA with the position");
    assert!((880..=920).contains(&nearer), "half of the way takes half of 1800 s: {nearer}");
    assert_eq!(engine.asked().len(), 2, "once for the fare, once for the way to the pickup: {:?}", engine.asked());

    engine.answer(Manner::Route(20_000.0, 2_400.0));
    taxi.command(&id, "start").await.expect(200);
    eventually("another target is another way", async || match eta().await {
        Some(2_400) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}
