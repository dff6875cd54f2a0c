//! Tokens as an identity provider would mint them, good ones and bad ones.

use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

/// The claims the server reads.
#[derive(Serialize, Clone)]
pub struct Claims {
    pub sub: String,
    /// `customer`, `driver` or `operator`.
    pub role: String,
    pub exp: i64,
    /// The services the token is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<String>>,
}

impl Claims {
    /// Good for an hour, for every service.
    pub fn new(role: &str, sub: &str) -> Self {
        Self { sub: sub.into(), role: role.into(), exp: now_s() + 3600, services: None }
    }

    /// Good for so many seconds from now.
    pub fn good_for(mut self, seconds: i64) -> Self {
        self.exp = now_s() + seconds;
        self
    }

    /// Ran out an hour ago.
    pub fn expired(mut self) -> Self {
        self.exp -= 7200;
        self
    }
}

/// Signs any claims with HS256.
pub fn mint(claims: &impl Serialize, secret: &str) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token")
}

#[expect(clippy::disallowed_methods, reason = "the tests' one clock: a token's expiry is a wall-clock time")]
fn now_s() -> i64 {
    Timestamp::now().as_second()
}
