//! Network addresses: each has its own rate and its own room for connections, however the server listens.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::harness::{Reply, Server, Setup, eventually, free_port};

/// Another address of this machine than the one that tests come from.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

async fn connect_from_elsewhere(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((ELSEWHERE, 0).into()).expect("another address");
    socket.connect(server.address().parse().expect("an address")).await.expect("a connection")
}

/// What an idle connection is told by the server, if it is told anything soon.
async fn told(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    // A connection that is ended with a reset has been ended as well.
    timeout(Duration::from_millis(200), stream.read_to_string(&mut text)).await.ok().map(|_| text)
}

#[tokio::test]
async fn one_address_does_not_take_the_connections_of_all() {
    let room = "[http]\nworkers = 1\nconnections_max = 30\nclient_header_timeout_ms = 60000\n\
                [limits]\nconnections_per_address_max = 10\n";
    let server = Setup::new().config(room).start().await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(connect_from_elsewhere(&server).await);
    }
    server.customer("mina").get("/v1/me").await.expect(200);
    let mut ended = Vec::new();
    for mut stream in idle.drain(10..) {
        ended.push(told(&mut stream).await.unwrap_or_else(|| panic!("connection {} is kept", ended.len() + 10)));
    }
    assert!(ended.iter().all(|text| text.is_empty() || text.starts_with("HTTP/1.1 429 ")), "{ended:?}");
    assert!(ended.iter().any(|text| text.contains("rate_limited")), "it says why: {ended:?}");
    for stream in &mut idle {
        assert_eq!(told(stream).await, None, "the first ten are kept");
    }
    drop(idle);
    eventually("there is room again", async || match told(&mut connect_from_elsewhere(&server).await).await {
        None => Ok(()),
        Some(text) => Err(text),
    })
    .await;
}

#[tokio::test]
async fn on_an_ipv6_listener_each_ipv4_address_has_its_own_rate() {
    let port = free_port();
    let text = "[limits.address]\nper_s = 1\nburst = 20\n";
    let server = Setup::new().config(text).env("CALLOUT_HTTP__BIND", &format!("[::]:{port}")).on_port(port);
    // Others can connect to such an address.
    let server = server.env("CALLOUT_GATEWAY__ALLOW_SIMULATED", "true").start().await;
    let here = server.customer("mina");
    let elsewhere =
        reqwest::Client::builder().local_address(std::net::IpAddr::from(ELSEWHERE)).build().expect("a client");
    eventually("this address is over its rate", async || {
        let reply: Reply = here.get("/v1/me").await;
        if reply.status == 429 { Ok(()) } else { Err(reply.text) }
    })
    .await;
    let reply = elsewhere.get(format!("{}/v1/services", server.base())).send().await.expect("an answer");
    assert_ne!(reply.status(), 429, "another address has a rate of its own");
}

/// Asks from another address than the one that is trusted, or from that one, for a client behind it.
async fn ask(server: &Server, from: [u8; 4], client: &str) -> u16 {
    let http = reqwest::Client::builder().local_address(std::net::IpAddr::from(from)).build().expect("a client");
    let request = http.get(format!("{}/v1/services", server.base())).header("x-forwarded-for", client);
    request.send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate_and_the_proxy_any_number_of_connections() {
    let proxy = [127, 0, 0, 3];
    let text = "[limits]\nconnections_per_address_max = 5\n[limits.address]\nper_s = 1\nburst = 20\n";
    let server =
        Setup::new().config(text).env("CALLOUT_HTTP__TRUSTED_PROXIES", "127.0.0.3, 192.0.2.0/24").start().await;
    let over_its_rate = async |from, client: &str| {
        eventually(&format!("{client} is over its rate"), async || match ask(&server, from, client).await {
            429 => Ok(()),
            status => Err(status.to_string()),
        })
        .await;
    };
    over_its_rate(proxy, "203.0.113.1").await;
    assert_eq!(ask(&server, proxy, "203.0.113.2").await, 401, "another client has a rate of its own");
    assert_eq!(ask(&server, proxy, "203.0.113.1, 192.0.2.1").await, 429, "the same client, through two proxies");
    over_its_rate(ELSEWHERE, "203.0.113.9").await;
    assert_eq!(ask(&server, ELSEWHERE, "203.0.113.3").await, 429, "an address that is not trusted is itself");
    let mut kept = Vec::new();
    for _ in 0..12 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((proxy, 0).into()).expect("the proxy's address");
        kept.push(socket.connect(server.address().parse().expect("an address")).await.expect("a connection"));
    }
    for stream in &mut kept {
        assert_eq!(told(stream).await, None, "the proxy has room");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_its_answers_loses_its_connection() {
    let server = Setup::new().config("[http]\nclient_stall_timeout_ms = 1000\n").start().await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    // More than the system holds for a connection.
    let request = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: callout\r\n\r\n".repeat(40);
    stream.write_all(&request).await.expect("requests");
    eventually("the connection is ended", async || match stream.try_write(b"\r\n") {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Err("full".to_owned()),
        Ok(_) => Err("still open".to_owned()),
        Err(_) => Ok(()),
    })
    .await;
    server.customer("mina").get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn the_pages_for_developers_can_be_left_out() {
    let server = Setup::new().config("[http]\ndocs = false\n").start().await;
    server.nobody().get("/docs").await.problem(404, "not_found");
    server.nobody().get("/docs/swagger-ui-bundle.js").await.problem(404, "not_found");
    server.nobody().get("/openapi.json").await.expect(200);
}
