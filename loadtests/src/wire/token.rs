//! Development tokens, made here as `callout token` makes them: HS256 with the server's secret.

use anyhow::Result;
use hyper::header::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};

use crate::clock;

/// How long tokens are good, seconds: longer than any load test.
const TTL_S: i64 = 7 * 86_400;

/// What a token's bearer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Customer,
    Driver,
    Operator,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    role: Role,
    exp: i64,
}

/// Makes tokens.
pub struct Minter {
    key: EncodingKey,
    exp: i64,
}

impl Minter {
    /// Makes tokens that a server with this secret accepts.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self { key: EncodingKey::from_secret(secret.as_bytes()), exp: clock::now().as_second() + TTL_S }
    }

    /// The header `Authorization` of somebody.
    ///
    /// # Errors
    /// When the token cannot be signed.
    pub fn bearer(&self, role: Role, sub: &str) -> Result<HeaderValue> {
        let token = encode(&Header::new(Algorithm::HS256), &Claims { sub, role, exp: self.exp }, &self.key)?;
        Ok(HeaderValue::try_from(format!("Bearer {token}"))?)
    }
}
