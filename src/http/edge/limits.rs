//! How much one client may ask: a rate per principal and one per network address, checked before any work is done.
//!
//! Clients are told apart by a keyed hash of 20 bits, so that at most 2²⁰ are remembered whatever is thrown at the
//! server; two that share a hash share a rate. Those that have been quiet are forgotten by [`Limiters::forget_quiet`].

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use crate::{
    domain::Role,
    http::{
        error::{Code, Problem},
        settings::{LimitSettings, Rate},
    },
};

const SLOT_BITS: u32 = 20;
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

type Keyed = RateLimiter<u32, DashMapStateStore<u32>, DefaultClock, StateInformationMiddleware>;

/// The limits of all clients.
pub(in crate::http) struct Limiters {
    principal: Limiter,
    address: Limiter,
}

struct Limiter {
    name: &'static str,
    rate: Rate,
    keyed: Keyed,
    clock: DefaultClock,
    hasher: RandomState,
    policy: HeaderValue,
}

/// The rest of a client's rate after a request, or the time until it may send another one.
#[derive(Debug, Clone)]
pub(in crate::http) struct Used {
    name: &'static str,
    rate: Rate,
    left: Result<u32, Duration>,
    policy: HeaderValue,
}

impl Limiters {
    pub(in crate::http) fn new(settings: &LimitSettings) -> Self {
        Self {
            principal: Limiter::new("principal", settings.principal),
            address: Limiter::new("address", settings.address),
        }
    }

    /// Counts a request of a principal.
    pub(in crate::http) fn principal(&self, role: Role, id: &str) -> Used {
        self.principal.count(&(role, id))
    }

    /// Counts a request from an address.
    pub(in crate::http) fn address(&self, address: IpAddr) -> Used {
        self.address.count(&network(address))
    }

    /// Forgets the clients whose whole burst is available again.
    pub(in crate::http) fn forget_quiet(&self) {
        for limiter in [&self.principal, &self.address] {
            limiter.keyed.retain_recent();
            limiter.keyed.shrink_to_fit();
        }
    }
}

/// The address that counts as one client: an IPv4 address, or an IPv6 network of 64 bits. A listener on `[::]` shows
/// IPv4 addresses mapped into one such network; each is the IPv4 address that it stands for.
pub(in crate::http) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl Limiter {
    fn new(name: &'static str, rate: Rate) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(rate.per_s)).allow_burst(at_least_one(rate.burst));
        let text = format!("\"{name}\";q={};w={}", rate.burst, refill_s(rate, rate.burst));
        Self {
            name,
            rate,
            keyed: RateLimiter::dashmap(quota).with_middleware(),
            clock: DefaultClock::default(),
            hasher: RandomState::new(),
            policy: HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("")),
        }
    }

    fn count(&self, key: &impl Hash) -> Used {
        let hash = self.hasher.hash_one(key) >> (u64::BITS - SLOT_BITS);
        let slot = u32::try_from(hash).unwrap_or_default();
        let left = match self.keyed.check_key(&slot) {
            Ok(snapshot) => Ok(snapshot.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(self.clock.now())),
        };
        Used { name: self.name, rate: self.rate, left, policy: self.policy.clone() }
    }
}

impl Used {
    /// Refuses the request when the client is over its rate. `whose` names the client.
    pub(in crate::http) fn admit(&self, whose: &str) -> Result<(), Problem> {
        let Err(wait) = self.left else { return Ok(()) };
        let Rate { per_s, burst } = self.rate;
        let detail = format!("more than {per_s} requests per second ({burst} at once) by {whose}");
        Err(Problem::new(Code::RateLimited, detail).retry_after(wait))
    }

    /// Tells the client where it stands.
    pub(in crate::http) fn tell(&self, headers: &mut HeaderMap) {
        let (left, seconds) = match self.left {
            Ok(left) => (left, refill_s(self.rate, self.rate.burst.saturating_sub(left))),
            Err(wait) => (0, wait.as_secs() + 1),
        };
        if let Ok(value) = HeaderValue::try_from(format!("\"{}\";r={left};t={seconds}", self.name)) {
            headers.insert(RATE_LIMIT, value);
            headers.insert(RATE_LIMIT_POLICY, self.policy.clone());
        }
    }
}

/// How long it takes until `used` requests are allowed again, in seconds, rounded up.
fn refill_s(rate: Rate, used: u32) -> u64 {
    u64::from(used.div_ceil(rate.per_s.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiters(per_s: u32, burst: u32) -> Limiters {
        let rate = Rate { per_s, burst };
        Limiters::new(&LimitSettings { principal: rate, address: rate, ..LimitSettings::default() })
    }

    #[test]
    fn above_its_burst_a_principal_is_refused_and_others_are_not() {
        let limiters = limiters(1, 5);
        let admitted = (0..7).filter(|_| limiters.principal(Role::Customer, "greedy").admit("it").is_ok()).count();
        assert_eq!(admitted, 5);
        let refused = limiters.principal(Role::Customer, "greedy").admit("it").expect_err("over its rate");
        assert_eq!(refused.code(), Code::RateLimited);
        assert!(limiters.principal(Role::Driver, "greedy").admit("it").is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_client() -> Result<(), std::net::AddrParseError> {
        let limiters = limiters(1, 1);
        assert!(limiters.address("2001:db8:0:1::1".parse()?).admit("it").is_ok());
        assert!(limiters.address("2001:db8:0:1::2".parse()?).admit("it").is_err());
        assert!(limiters.address("2001:db8:0:2::1".parse()?).admit("it").is_ok());
        Ok(())
    }

    #[test]
    fn an_ipv4_address_is_one_client_however_the_listener_shows_it() -> Result<(), std::net::AddrParseError> {
        let limiters = limiters(1, 1);
        assert!(limiters.address("::ffff:192.0.2.1".parse()?).admit("it").is_ok());
        assert!(limiters.address("::ffff:192.0.2.2".parse()?).admit("it").is_ok(), "another client");
        assert!(limiters.address("192.0.2.1".parse()?).admit("it").is_err(), "the same one");
        Ok(())
    }

    #[test]
    fn the_headers_say_what_is_left() {
        let mut headers = HeaderMap::new();
        limiters(10, 20).principal(Role::Customer, "mina").tell(&mut headers);
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!(text(&RATE_LIMIT).as_deref(), Some("\"principal\";r=19;t=1"));
        assert_eq!(text(&RATE_LIMIT_POLICY).as_deref(), Some("\"principal\";q=20;w=2"));
    }

    #[test]
    fn quiet_clients_are_forgotten() {
        let limiters = limiters(1_000_000, 1);
        let _ = limiters.principal(Role::Customer, "mina");
        std::thread::sleep(Duration::from_millis(5));
        limiters.forget_quiet();
        assert!(limiters.principal.keyed.is_empty());
    }
}
