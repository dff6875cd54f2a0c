//! The sections `http`, `limits` and `auth`.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use super::edge::cors;
use crate::settings::{Findings, Section, secret};

/// Where the server listens and what it bears. Limits per client are in [`LimitSettings`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// IP address and port to listen on; port 0 takes any free one.
    #[serde(deserialize_with = "address")]
    #[schema(value_type = String)]
    pub bind: SocketAddr,
    /// Threads that answer requests; 0: one per core.
    #[schema(minimum = 0, maximum = 1_024)]
    pub workers: u16,
    /// Length of the longest request body. A longer one is refused with 413.
    #[schema(minimum = 1_024, maximum = 16_777_216)]
    pub body_max_bytes: u32,
    /// Length of the longest WebSocket frame from a client. A longer one closes the socket.
    #[schema(minimum = 128, maximum = 1_048_576)]
    pub ws_frame_max_bytes: u32,
    /// Frames that may wait to be sent to one WebSocket. A client that falls further behind is disconnected.
    #[schema(minimum = 8, maximum = 65_536)]
    pub ws_outbox_max: u32,
    /// Time between two pings on a WebSocket.
    #[schema(minimum = 1, maximum = 3_600)]
    pub ws_ping_s: u64,
    /// Silence, pongs included, after which a WebSocket is closed; more than `ws_ping_s`.
    #[schema(minimum = 2, maximum = 86_400)]
    pub ws_idle_s: u64,
    /// Time for the server to answer a request, from its last byte on. A request that takes longer is answered 503, a
    /// command on a WebSocket with an error.
    #[schema(minimum = 100, maximum = 600_000)]
    pub request_timeout_ms: u64,
    /// Time for a client to send a request's head.
    #[schema(minimum = 100, maximum = 600_000)]
    pub client_header_timeout_ms: u64,
    /// Time for a client to send a request's body. A slower one gets 408. `request_timeout_ms` begins when
    /// the body is there.
    #[schema(minimum = 100, maximum = 600_000)]
    pub client_body_timeout_ms: u64,
    /// Time after which the connection of a client that reads nothing of its answers is closed, on Linux.
    #[schema(minimum = 1_000, maximum = 600_000)]
    pub client_stall_timeout_ms: u32,
    /// Open connections per worker. Further ones wait until one is closed.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub connections_max: u32,
    /// Time that the server goes on answering after it was told to stop, while its probe says that it is not ready.
    /// Behind a load balancer, set it to twice the interval of the balancer's probes; 0: the server stops at once.
    #[schema(minimum = 0, maximum = 3_600)]
    pub drain_announce_s: u64,
    /// Time after `drain_announce_s` to finish the requests under way.
    #[schema(minimum = 0, maximum = 3_600)]
    pub drain_grace_s: u64,
    /// Time that a request waits for its payment before it is answered
    /// `payment_pending`; less than `request_timeout_ms`.
    #[schema(minimum = 0, maximum = 600_000)]
    pub payment_wait_ms: u64,
    /// Proxies and load balancers in front of the server, as addresses or networks: `["10.0.0.0/8"]`. From these, and from
    /// nobody else, a client's address is taken from `Forwarded` or `X-Forwarded-For`; they may open any number of
    /// connections.
    #[schema(value_type = Vec<String>)]
    pub trusted_proxies: Vec<Network>,
    /// Whether the pages at `/docs` are served.
    pub docs: bool,
    /// Origins of web pages that may use the interface from a browser, such as `https://app.example.com`; `*`: every
    /// origin. None: pages of other origins cannot read answers. Once it is set, sockets of other origins are refused too.
    pub cors_origins: Vec<String>,
}

/// An address, or a network with the length of its prefix: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether the address is part of it. An IPv4 address mapped into IPv6 is the address that it stands for.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let wrong =
            |_| format!("must be an address or a network like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, got {text:?}");
        text.parse().or_else(|_| address()).map(Self).map_err(wrong)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0.to_string()
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            workers: 0,
            body_max_bytes: 65_536,
            ws_frame_max_bytes: 16_384,
            ws_outbox_max: 256,
            ws_ping_s: 20,
            ws_idle_s: 60,
            request_timeout_ms: 10_000,
            client_header_timeout_ms: 5_000,
            client_body_timeout_ms: 5_000,
            client_stall_timeout_ms: 30_000,
            connections_max: 25_000,
            drain_announce_s: 0,
            drain_grace_s: 20,
            payment_wait_ms: 8_000,
            trusted_proxies: Vec::new(),
            docs: true,
            cors_origins: Vec::new(),
        }
    }
}

impl Section for HttpSettings {
    fn contradictions(&self, findings: &mut Findings) {
        let (idle, ping) = (self.ws_idle_s, self.ws_ping_s);
        if idle <= ping {
            let message = format!("ws_idle_s ({idle}) must be more than ws_ping_s ({ping})");
            findings.contradiction(&["ws_idle_s", "ws_ping_s"], message);
        }
        if let Some(mistake) = cors::mistake(&self.cors_origins) {
            findings.problem("cors_origins", mistake);
        }
        let (wait, timeout) = (self.payment_wait_ms, self.request_timeout_ms);
        if wait >= timeout {
            let message = format!("payment_wait_ms ({wait}) must be less than request_timeout_ms ({timeout})");
            findings.contradiction(&["payment_wait_ms", "request_timeout_ms"], message);
        }
    }
}

/// The operators' own listener.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OpsSettings {
    /// IP address and port at which `/metrics` and `/v1/ops` are served; port 0 takes any free one. Unset: they are served at
    /// `http.bind` with everything else. Set: they are served here only.
    #[serde(deserialize_with = "optional_address", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, default = json!(null))]
    pub bind: Option<SocketAddr>,
}

impl Section for OpsSettings {}

fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address(deserializer).map(Some)
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let message = "must be an IP address and a port like 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| D::Error::custom(format!("{message}, got {text:?}")))
}

/// The limits of one client, and the bound beyond which fewer new calls are begun. The bounds of the whole
/// server are in [`HttpSettings`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Time of a commit beyond which fewer and fewer new calls are begun and the others are refused. The same happens
    /// while a quarter of `store.queue_max_commits` wait; 0: no bound.
    #[schema(minimum = 0, maximum = 60_000)]
    pub commit_wait_max_ms: u64,
    /// Open WebSockets of one principal. Further ones are refused with 429.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub sockets_per_principal_max: u32,
    /// Open connections from one network address. Further ones are closed at once. Set it below `http.connections_max`
    /// times `http.workers`, or one address can use all connections. `http.trusted_proxies` have no such bound.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub connections_per_address_max: u32,
    /// One principal (`sub` and role of a token): requests, and frames and pings on all its WebSockets.
    pub principal: Rate,
    /// One network address, with or without tokens: an IPv4 address, also where the server listens on `[::]`, or an
    /// IPv6 network of 64 bits.
    pub address: Rate,
}

/// A rate with a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests in the long run.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_s: u32,
    /// Requests at once after a quiet time.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub burst: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            commit_wait_max_ms: 25,
            sockets_per_principal_max: 100,
            connections_per_address_max: 25_000,
            principal: Rate { per_s: 1_000, burst: 2_000 },
            address: Rate { per_s: 20_000, burst: 40_000 },
        }
    }
}

impl Section for LimitSettings {}

/// The shortest secret that faces a network, bytes: as long as an HMAC-SHA-256 hash (RFC 7518, section 3.2).
pub const SECRET_MIN_BYTES: usize = 32;

/// How tokens are checked: the secret and the leeway of clocks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Signs tokens (HS256): 32 bytes or more, any length while `http.bind` is a loopback address. Better set as
    /// `CALLOUT_AUTH__SECRET`. Unset: development mode, a secret is made up and the server listens on loopback only.
    #[serde(with = "secret", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, write_only, default = json!(null))]
    pub secret: Option<SecretString>,
    /// `iss` of the tokens made here, and the only one that is accepted when a token has one: 1 to 256 characters.
    pub issuer: String,
    /// Time by which clocks may differ when a token's times are checked.
    #[schema(minimum = 0, maximum = 300)]
    pub leeway_s: u64,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self { secret: None, issuer: "callout".to_owned(), leeway_s: 30 }
    }
}

impl Section for AuthSettings {
    fn contradictions(&self, findings: &mut Findings) {
        if self.secret.as_ref().is_some_and(|secret| secret::length(secret) == 0) {
            findings.problem("secret", "must not be empty; leave it out for development mode");
        }
        if !(1..=256).contains(&self.issuer.chars().count()) {
            findings.problem("issuer", "must be 1 to 256 characters");
        }
    }
}
