//! What the HTTP server needs to know about its surroundings.

use std::net::SocketAddr;

/// tmp
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "tmp")]
pub struct HttpSettings {
    pub bind: SocketAddr,
    pub workers: u16,
    pub body_max_bytes: u32,
    pub ws_frame_max_bytes: u32,
    pub ws_outbox_max: u32,
    pub ws_ping_s: u64,
    pub ws_idle_s: u64,
    pub request_timeout_ms: u64,
    pub client_header_timeout_ms: u64,
    pub connections_max: u32,
    pub drain_grace_s: u64,
    pub payment_wait_ms: u64,
}

/// tmp
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "tmp")]
pub struct Rate {
    pub per_s: u32,
    pub burst: u32,
}

/// tmp
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "tmp")]
pub struct LimitSettings {
    pub principal: Rate,
    pub address: Rate,
}
