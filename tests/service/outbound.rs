//! How the server speaks to gateway and routing engine: straight to them, within what a contract allows.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use crate::{
    harness::{GANGNAM, SEOUL_STATION, Server, Setup, free_port, place, trip_paid_with},
    osrm_server::{Manner, OsrmServer},
    taxi::TAXI,
};

/// A listener that reports the first bytes of every connection and answers 404.
async fn listener() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (heard, receiver) = mpsc::channel(1_000);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap_or_default();
            let _ = heard.send(String::from_utf8_lossy(&head[..length]).into_owned()).await;
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    (address, receiver)
}

/// A server with a gateway of the Stripe protocol at that address.
fn on_stripe(address: SocketAddr) -> Setup {
    Setup::new()
        .env("CALLOUT_GATEWAY__URL", &format!("stripe+http://{address}"))
        .env("CALLOUT_GATEWAY__API_KEY", "the-key-of-the-gateway")
}

#[tokio::test]
async fn a_proxy_of_the_environment_hears_nothing() {
    let ((proxy, mut overheard), (gateway, mut asked)) = (listener().await, listener().await);
    let engine = OsrmServer::start(Manner::Route(50_000.0, 3_600.0)).await.expect("a server");
    let mut setup = on_stripe(gateway).config(&format!("[routing]\nurl = \"{}\"\n", engine.url()));
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        setup = setup.env(variable, &format!("http://{proxy}"));
    }
    let server = setup.start().await;
    let customer = server.customer("mina");
    let trip = serde_json::json!({"service": TAXI, "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION)});
    let quote = customer.post("/v1/quotes", trip).await.expect(200);
    assert_eq!(quote["distance_m"], 50_000, "the engine was asked: {quote}");
    customer.post("/v1/calls", trip_paid_with("pm_card")).await.any_problem();
    let request = asked.recv().await.expect("the gateway was asked");
    assert!(request.contains("the-key-of-the-gateway"), "{request}");
    assert!(overheard.try_recv().is_err(), "the proxy heard something");
}

async fn limiter(server: &Server) -> (Option<u64>, Option<u64>) {
    let gateway = server.operator().get("/v1/ops/gateway").await.expect(200);
    (gateway["limiter"]["rate_per_s"].as_u64(), gateway["limiter"]["burst"].as_u64())
}

#[tokio::test]
async fn the_guard_keeps_to_the_contract_of_its_gateway_unless_it_is_told_another_one() {
    let (gateway, _asked) = listener().await;
    assert_eq!(limiter(&Server::start().await).await, (Some(10_000), Some(2_000)));
    assert_eq!(limiter(&on_stripe(gateway).start().await).await, (Some(25), Some(25)));
    let own = on_stripe(gateway).config("[guard]\nrate_per_s = 80\n");
    assert_eq!(limiter(&own.start().await).await, (Some(80), Some(25)));
}

#[tokio::test]
async fn a_server_that_takes_no_money_from_others_says_so_at_every_start() {
    let port = free_port();
    let open = Setup::new().env("CALLOUT_HTTP__BIND", &format!("0.0.0.0:{port}")).on_port(port);
    let mut server = open.env("CALLOUT_GATEWAY__ALLOW_SIMULATED", "true").start().await;
    server.kill_and_start_again().await;
    server.kill();
    assert_eq!(server.log().matches("no money is ever taken").count(), 2, "{}", server.log());
}

#[tokio::test]
async fn a_customer_waits_less_long_than_the_gateway_may_take() {
    let server = Setup::new().config("[http]\npayment_wait_ms = 200\n").start().await;
    server.simulate(serde_json::json!({"latency_ms": 3_500})).await;
    let problem =
        server.customer("mina").post("/v1/calls", trip_paid_with("tok_ok")).await.problem(503, "payment_pending");
    let id = crate::harness::id_of(&problem["call"]);
    server.payment_is(&id, &["charged"]).await;
    // The gateway had the time to answer: nothing was unknown.
    let counts = server.operator().get("/v1/ops/gateway").await.expect(200)["counts"].clone();
    assert_eq!((&counts["ok"], &counts["no_answer"]), (&1.into(), &0.into()), "{counts}");
    assert_eq!(server.ledger(&id).await.charges, 1);
}
