//! The secret and what is derived from it: one key per purpose, so that a token for one is worth nothing for another.

use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The audience that a token may name: this server.
const AUDIENCE: &str = "callout";

/// The keys that sign and check tokens and quotes.
#[derive(Clone)]
pub struct Keys {
    pub(in crate::http) issuer: String,
    pub(in crate::http) sign_tokens: EncodingKey,
    pub(in crate::http) read_tokens: DecodingKey,
    pub(in crate::http) tokens: Validation,
    pub(in crate::http) sign_quotes: EncodingKey,
    pub(in crate::http) read_quotes: DecodingKey,
    pub(in crate::http) quotes: Validation,
}

impl Keys {
    /// Keys out of the configured secret. Tokens that name an issuer must name this one; `leeway_s` is how far clocks
    /// may differ, in seconds.
    #[must_use]
    pub fn new(secret: &SecretString, issuer: &str, leeway_s: u64) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let quotes = derived(secret, b"callout quote v1");
        Self {
            issuer: issuer.to_owned(),
            sign_tokens: EncodingKey::from_secret(secret),
            read_tokens: DecodingKey::from_secret(secret),
            tokens: token_rules(issuer, leeway_s),
            sign_quotes: EncodingKey::from_secret(&quotes),
            read_quotes: DecodingKey::from_secret(&quotes),
            quotes: quote_rules(),
        }
    }
}

fn token_rules(issuer: &str, leeway_s: u64) -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.leeway = leeway_s;
    rules.validate_nbf = true;
    rules.set_required_spec_claims(&["exp", "sub"]);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[AUDIENCE]);
    rules
}

fn quote_rules() -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.leeway = 0;
    rules.set_required_spec_claims(&["exp", "sub"]);
    rules
}

fn derived(secret: &[u8], purpose: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return secret.to_vec() };
    mac.update(purpose);
    mac.finalize().into_bytes().to_vec()
}
