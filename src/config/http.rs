//! The section `http`: where the server listens and what it bears. Limits per client are in `limits`.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::Check;

/// The HTTP and WebSocket server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port to listen on; port 0 takes any free one.
    #[serde(deserialize_with = "address")]
    pub bind: SocketAddr,
    /// Worker threads, 0 to 1,024; 0: one per core.
    pub workers: u16,
    /// The longest request body, bytes, 1,024 to 16,777,216. Longer ones get 413.
    pub body_max_bytes: u32,
    /// The longest WebSocket frame a client may send, bytes, 128 to 1,048,576. A longer one closes the socket.
    pub ws_frame_max_bytes: u32,
    /// Frames waiting to be sent to one WebSocket, 8 to 65,536. A client slower than that is disconnected.
    pub ws_outbox_max: u32,
    /// Seconds between two pings on a WebSocket, 1 to 3,600.
    pub ws_ping_s: u64,
    /// Seconds of silence, pongs included, after which a WebSocket is closed, 2 to 86,400; more than `ws_ping_s`.
    pub ws_idle_s: u64,
    /// How long a request may take before it gets 503, milliseconds, 100 to 600,000.
    pub request_timeout_ms: u64,
    /// How long a client may take to send a request's head, milliseconds, 100 to 600,000.
    pub client_header_timeout_ms: u64,
    /// Open connections per worker, 1 to 1,000,000. More wait to be accepted.
    pub connections_max: u32,
    /// How long the server finishes what it has begun when it is told to stop, seconds, 0 to 3,600.
    pub drain_grace_s: u64,
    /// How long a request waits for its payment before it is answered `payment_pending`, milliseconds, 0 to 600,000;
    /// less than `request_timeout_ms`.
    pub payment_wait_ms: u64,
}

impl Default for Http {
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
            connections_max: 25_000,
            drain_grace_s: 20,
            payment_wait_ms: 8_000,
        }
    }
}

impl Http {
    pub(super) fn check(&self, mut check: Check<'_>) {
        check.range("workers", self.workers, 0..=1024);
        check.range("body_max_bytes", self.body_max_bytes, 1024..=16_777_216);
        check.range("ws_frame_max_bytes", self.ws_frame_max_bytes, 128..=1_048_576);
        check.range("ws_outbox_max", self.ws_outbox_max, 8..=65_536);
        check.range("ws_ping_s", self.ws_ping_s, 1..=3_600);
        check.range("ws_idle_s", self.ws_idle_s, 2..=86_400);
        check.range("request_timeout_ms", self.request_timeout_ms, 100..=600_000);
        check.range("client_header_timeout_ms", self.client_header_timeout_ms, 100..=600_000);
        check.range("connections_max", self.connections_max, 1..=1_000_000);
        check.range("drain_grace_s", self.drain_grace_s, 0..=3_600);
        check.range("payment_wait_ms", self.payment_wait_ms, 0..=600_000);
        if self.ws_idle_s <= self.ws_ping_s {
            let message = format!("ws_idle_s ({}) must be more than ws_ping_s ({})", self.ws_idle_s, self.ws_ping_s);
            check.contradiction(&["ws_idle_s", "ws_ping_s"], message);
        }
        if self.payment_wait_ms >= self.request_timeout_ms {
            let (wait, timeout) = (self.payment_wait_ms, self.request_timeout_ms);
            let message = format!("payment_wait_ms ({wait}) must be less than request_timeout_ms ({timeout})");
            check.contradiction(&["payment_wait_ms", "request_timeout_ms"], message);
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let message = "must be an IP address and a port like 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| D::Error::custom(format!("{message}, got {text:?}")))
}
