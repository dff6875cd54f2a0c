//! Web pages of other origins: `http.cors_origins` names those that may use the interface, over HTTP and on sockets.

use reqwest::{Method, header};

use crate::harness::{Client, Reply, Server, Setup, Socket};

const APP: &str = "https://app.example.com";
const STRANGE: &str = "https://strange.example";

async fn server() -> Server {
    Setup::new().env("CALLOUT_HTTP__CORS_ORIGINS", "https://app.example.com, http://localhost:5173").start().await
}

/// A preflight, as a browser sends it: without a token.
async fn preflight(server: &Server, origin: &str) -> Reply {
    let request = server.nobody().request(Method::OPTIONS, "/v1/calls").header(header::ORIGIN, origin);
    let request = request.header("access-control-request-method", "POST");
    Client::send(request.header("access-control-request-headers", "authorization,content-type,idempotency-key")).await
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_and_is_no_error() {
    let server = server().await;
    let reply = preflight(&server, APP).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(APP)), "{reply:?}");
    let allowed = |name: &str| reply.header(name).unwrap_or_default().to_lowercase();
    assert!(allowed("access-control-allow-methods").contains("post"), "{reply:?}");
    for name in ["authorization", "content-type", "idempotency-key"] {
        assert!(allowed("access-control-allow-headers").contains(name), "{name}: {reply:?}");
    }
    let metrics = server.nobody().get("/metrics").await.text;
    assert!(!metrics.contains("method=\"OPTIONS\""), "{metrics}");
}

#[tokio::test]
async fn a_listed_page_reads_answers_refusals_and_their_headers() {
    let server = server().await;
    for (token, status) in [(server.customer("mina").token().map(str::to_owned), 200), (None, 401)] {
        let request = server.client_with(token, "mina").request(Method::GET, "/v1/me").header(header::ORIGIN, APP);
        let reply = Client::send(request).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, Some(APP)), "{reply:?}");
        let exposed = reply.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
        for name in ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "location", "link"] {
            assert!(exposed.split(',').any(|listed| listed.trim() == name), "{name}: {exposed}");
        }
    }
}

#[tokio::test]
async fn a_page_that_is_not_listed_reads_nothing() {
    let server = server().await;
    assert_eq!(preflight(&server, STRANGE).await.header("access-control-allow-origin"), None);
    let request = server.customer("mina").request(Method::GET, "/v1/me").header(header::ORIGIN, STRANGE);
    assert_eq!(Client::send(request).await.header("access-control-allow-origin"), None);
    let as_shipped = Server::start().await;
    assert_eq!(preflight(&as_shipped, APP).await.status, 405, "no origin is listed");
}

#[tokio::test]
async fn a_star_lists_every_page() {
    let server = Setup::new().config("[http]\ncors_origins = [\"*\"]\n").start().await;
    assert_eq!(preflight(&server, STRANGE).await.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_page_that_is_not_listed_opens_no_socket() {
    let server = server().await;
    let (own, none) = (server.base(), None);
    for (origin, opens) in [(Some(APP), true), (Some(STRANGE), false), (Some(own.as_str()), true), (none, true)] {
        assert_eq!(Socket::open_from(&server.customer("mina"), origin).await.is_ok(), opens, "{origin:?}");
    }
    let as_shipped = Server::start().await;
    assert!(Socket::open_from(&as_shipped.customer("mina"), Some(STRANGE)).await.is_ok(), "no origin is listed");
}
