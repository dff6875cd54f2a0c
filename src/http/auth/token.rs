//! Makes tokens: for `callout token`, and those printed at a start in development mode.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, Header, encode};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    clock,
    domain::{Role, ServiceId},
    http::auth::keys::Keys,
};

/// The claims of a token.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::http) struct Claims {
    pub sub: Arc<str>,
    pub role: Role,
    /// Until when it is good, seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The services that it is limited to; all when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Arc<[ServiceId]>>,
}

/// Others write a NumericDate with a fraction (RFC 7519, section 2, allows it); whole seconds are enough here.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates: a date before 1970 is long over"
)]
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(f64::deserialize(deserializer)? as u64)
}

impl Keys {
    /// A token for `sub` as `role`, good for `ttl` from now.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn mint(&self, role: Role, sub: &str, ttl: Duration) -> Result<String, jsonwebtoken::errors::Error> {
        let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
        let claims = Claims {
            sub: sub.into(),
            role,
            exp: now.saturating_add(ttl.as_secs()),
            iss: Some(self.issuer.clone()),
            services: None,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.sign_tokens)
    }
}
