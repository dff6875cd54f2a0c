//! Whether a connection that was just made is kept. One address may not take the room of all: what it has too many of is
//! answered and ended before anything is read, so that it holds no place of those which the server has.

use std::{any::Any, net::IpAddr, os::fd::AsRawFd, sync::Arc};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use metrics::{Counter, Unit};
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};

use crate::http::{
    edge::{crowd::Crowd, limits::network, proxies::Proxies},
    ws,
};

const REFUSED: &str = "callout_connections_refused_total";

/// The answer to a connection too many. Fits into the buffer of a connection that was just made.
const ANSWER: &str = concat!(
    "HTTP/1.1 429 Too Many Requests\r\n",
    "content-type: application/problem+json\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
    "{\"type\":\"urn:callout:problem:rate_limited\",\"status\":429,\"code\":\"rate_limited\",",
    "\"detail\":\"this network address has as many connections open as it may; close some, or use them again\"}",
);

/// The connections of all addresses.
pub(in crate::http) struct Connections {
    crowd: Arc<Crowd<IpAddr>>,
    refused: Counter,
    stall_timeout_ms: u32,
    proxies: Arc<Proxies>,
}

impl Connections {
    /// None yet; each address may have `max`, trusted proxies any number. A client that leaves unread what it was sent for `stall_timeout_ms` loses its
    /// connection.
    pub(in crate::http) fn new(max: u32, stall_timeout_ms: u32, proxies: Arc<Proxies>) -> Self {
        metrics::describe_counter!(REFUSED, Unit::Count, "Connections ended at once: their address had too many");
        Self { crowd: Crowd::new(max), refused: metrics::counter!(REFUSED), stall_timeout_ms, proxies }
    }

    /// Notes what is to be known of a connection as long as it lives, or ends it.
    pub(in crate::http) fn welcome(&self, connection: &dyn Any, notes: &mut Extensions) {
        ws::note_wire(connection, notes);
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        bound_stalls(stream, self.stall_timeout_ms);
        if self.proxies.trusts(peer.ip()) {
            return;
        }
        match self.crowd.enter(network(peer.ip())) {
            Some(place) => drop(notes.insert(place)),
            None => self.turn_away(stream),
        }
    }

    fn turn_away(&self, stream: &TcpStream) {
        self.refused.increment(1);
        let wire = stream.as_raw_fd();
        // A client that is gone already misses the answer, and needs none.
        let _ = send(wire, ANSWER.as_bytes(), MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
        let _ = shutdown(wire, Shutdown::Both);
    }
}

/// Has the system end a connection whose other end takes nothing for that long: what waits to be sent holds memory, and only
/// the system knows that it waits.
#[cfg(target_os = "linux")]
fn bound_stalls(stream: &TcpStream, at_most_ms: u32) {
    use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
    // Without it the connection is as good as any; a closed one is found out soon.
    let _ = setsockopt(stream, TcpUserTimeout, &at_most_ms);
}

#[cfg(not(target_os = "linux"))]
fn bound_stalls(_: &TcpStream, _: u32) {}
