//! The address of a client behind proxies: what trusted proxies say of it, and nobody else.
//!
//! Each proxy adds the address that it was asked from at the right end of `Forwarded` (RFC 7239) or `X-Forwarded-For`. What
//! stands further left may have been written by anybody, so that the addresses are read from the right, as long as they
//! are those of trusted proxies; the first other one is the client.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::http::settings::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word is taken.
pub(in crate::http) struct Proxies {
    trusted: Vec<Network>,
}

impl Proxies {
    pub(in crate::http) fn new(trusted: &[Network]) -> Self {
        Self { trusted: trusted.to_vec() }
    }

    /// Whether an address is that of a trusted proxy.
    pub(in crate::http) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// The address of the client that a request comes from, which was received from `peer`. A request with both headers
    /// counts for the proxy unless they agree: the proxy writes one of them, and passes on what the client put into the
    /// other.
    pub(in crate::http) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let forwarded = self.first_stranger(headers, &header::FORWARDED, forwarded_for);
        let forwarded_for = self.first_stranger(headers, &X_FORWARDED_FOR, address);
        match (forwarded, forwarded_for) {
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        }
    }

    /// The first address from the right that is no trusted proxy's, or the last one that can be read.
    fn first_stranger(
        &self,
        headers: &HeaderMap,
        name: &HeaderName,
        read: impl Fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let values: Vec<&str> = headers.get_all(name).map(|value| value.to_str().unwrap_or_default()).collect();
        let from_the_right = values.iter().rev().flat_map(|value| elements(value).into_iter().rev());
        let mut nearest = None;
        for element in from_the_right {
            // An element that is no address was not written by a proxy that is of use: what it heard from is the client.
            let Some(address) = read(element) else { break };
            nearest = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        nearest
    }
}

/// The elements of a list, split at its commas outside quotes.
fn elements(value: &str) -> Vec<&str> {
    split(value, ',')
}

fn split(value: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    let parts = value.split(|char| {
        quoted ^= char == '"';
        char == at && !quoted
    });
    parts.map(str::trim).collect()
}

/// The address in the parameter `for` of an element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = split(element, ';').into_iter().filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(value.trim().trim_matches('"'))
}

/// An address with or without a port. Names and `unknown` are none.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.trim().trim_start_matches('[').trim_end_matches(']').parse();
    let address = plain.or_else(|_| text.trim().parse::<SocketAddr>().map(|address| address.ip())).ok();
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"].map(|text| text.parse().expect("a network"));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Proxies::new(&trusted).client(peer.parse().expect("an address"), &map).to_string()
    }

    #[test]
    fn the_first_address_from_the_right_that_is_no_proxys_is_the_clients() {
        for (value, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9, 10.1.1.1 ,192.0.2.7", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8:2::9", "2001:db8:2::9"),
            ("[2001:db8:2::9]:4711", "2001:db8:2::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("10.1.1.1, 10.1.1.2", "10.1.1.1"),
            ("unknown", "10.0.0.1"),
            ("203.0.113.9, unknown", "10.0.0.1"),
            ("unknown, 10.1.1.1", "10.1.1.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[("x-forwarded-for", value)]), expected, "{value}");
        }
        let two = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9, 10.1.1.1")];
        assert_eq!(client("10.0.0.1", &two), "203.0.113.9", "the later header is the one further right");
    }

    #[test]
    fn the_standard_header_is_read_as_its_grammar_has_it() {
        for (value, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"[2001:db8:2::9]:4711\";proto=https", "2001:db8:2::9"),
            ("for=198.51.100.1, for=203.0.113.9;by=10.0.0.1, for=10.1.1.1", "203.0.113.9"),
            ("proto=https; for=203.0.113.9", "203.0.113.9"),
            ("for=\"_hidden, for=198.51.100.1\"", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[("forwarded", value)]), expected, "{value}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(client("203.0.113.1", &[("x-forwarded-for", "198.51.100.1")]), "203.0.113.1");
        assert_eq!(client("203.0.113.1", &[("forwarded", "for=198.51.100.1")]), "203.0.113.1");
        assert_eq!(client("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "198.51.100.1");
    }

    #[test]
    fn headers_that_do_not_agree_count_for_the_proxy() {
        let spoofed = [("forwarded", "for=198.51.100.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("10.0.0.1", &spoofed), "10.0.0.1");
        let both = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(client("10.0.0.1", &both), "203.0.113.9");
    }
}
