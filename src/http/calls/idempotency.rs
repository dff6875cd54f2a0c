//! `Idempotency-Key` on `POST /v1/calls`: the call's id is made out of the customer and the key, so that the same key
//! names the same call after any crash, without a store of keys. The call remembers the fingerprint of its request, which
//! is made with a seal key: whoever reads the store cannot try payment methods until one fits.

use actix_web::http::header::{HeaderMap, HeaderName};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    clock,
    domain::{CallId, CustomerId, call::Call},
    http::error::Problem,
    vault::Vault,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_MAX: usize = 255;
/// How much of a hash an id keeps: too much for two to meet, little enough to be stored in many places.
const ID_BYTES: usize = 16;
/// How much of a hash a fingerprint keeps: enough to tell requests under one key apart.
const FINGERPRINT_BYTES: usize = 12;

/// The identity of a request for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Identity {
    pub call: CallId,
    /// Tell the request from others under the same key: with the seal key that is used now, then with each key that a call
    /// may have been made under. None without an idempotency key.
    fingerprints: Vec<String>,
}

impl Identity {
    /// The identity of a customer's request with these headers and this body.
    pub(in crate::http) fn of(
        headers: &HeaderMap,
        customer: &CustomerId,
        body: &impl Serialize,
        vault: &Vault,
    ) -> Result<Self, Problem> {
        let Some(key) = key(headers)? else { return Ok(Self { call: fresh()?, fingerprints: Vec::new() }) };
        let call = derived(customer, key)?;
        let fingerprints = fingerprints(body, &call, vault)?;
        Ok(Self { call, fingerprints })
    }

    /// Whether the request has an idempotency key.
    pub(in crate::http) fn is_keyed(&self) -> bool {
        !self.fingerprints.is_empty()
    }

    /// The fingerprint that the call is to remember; `None` without an idempotency key.
    pub(in crate::http) fn fingerprint(&self) -> Option<String> {
        self.fingerprints.first().cloned()
    }

    /// Whether the call was made by this very request.
    pub(in crate::http) fn made(&self, call: &Call) -> bool {
        match &call.request_fingerprint {
            Some(remembered) => self.fingerprints.contains(remembered),
            None => self.fingerprints.is_empty(),
        }
    }
}

/// Whether a request has a key, good or not.
pub(in crate::http) fn has_key(headers: &HeaderMap) -> bool {
    headers.contains_key(KEY)
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let bytes = value.as_bytes();
    let good = (1..=KEY_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if good && values.next().is_none() => Ok(Some(text)),
        _ => Err(Problem::invalid(format!(
            "the header Idempotency-Key: must be 1 to {KEY_MAX} visible ASCII characters, once"
        ))),
    }
}

fn derived(customer: &CustomerId, key: &str) -> Result<CallId, Problem> {
    // A customer's id has no zero byte: no two pairs run together.
    let hash = Sha256::new().chain_update(customer.as_str()).chain_update([0]).chain_update(key).finalize();
    named(&URL_SAFE_NO_PAD.encode(hash.get(..ID_BYTES).unwrap_or_default()))
}

fn fresh() -> Result<CallId, Problem> {
    named(&sortable(clock::ordered_id().as_u128()))
}

/// Five bits a character, in an alphabet that sorts as the numbers do.
fn sortable(number: u128) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let digit = |shift: u32| char::from(ALPHABET[((number >> shift) & 31) as usize]);
    (0..26).rev().map(|place| digit(place * 5)).collect()
}

fn named(name: &str) -> Result<CallId, Problem> {
    CallId::new(format!("call_{name}")).map_err(|error| Problem::invalid(error.to_string()))
}

/// The fingerprints of a body under each seal key. The last one is what releases without seal keys remembered.
fn fingerprints(body: &impl Serialize, call: &CallId, vault: &Vault) -> Result<Vec<String>, Problem> {
    let text = serde_json::to_vec(body).map_err(|error| Problem::invalid(error.to_string()))?;
    let hash = Sha256::digest(text);
    let told = URL_SAFE_NO_PAD.encode(hash);
    let sealings = vault.sealings(&told, call.as_str());
    Ok(sealings.map(|sealed| shortened(&Sha256::digest(sealed))).chain([shortened(&hash)]).collect())
}

fn shortened(hash: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash.get(..FINGERPRINT_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;
    use crate::vault::SealKey;

    type Tested = Result<(), Box<dyn std::error::Error>>;

    fn of<B: Serialize>(headers: &HeaderMap, customer: &CustomerId, body: &B) -> Result<Identity, Problem> {
        under(&["now"], headers, customer, body)
    }

    /// The identity on a server with the seal keys of these secrets.
    fn under<B: Serialize>(
        secrets: &[&str],
        headers: &HeaderMap,
        customer: &CustomerId,
        body: &B,
    ) -> Result<Identity, Problem> {
        let mut keys: Vec<_> = secrets.iter().map(|secret| SealKey::derived_from(&(*secret).into())).collect();
        Identity::of(headers, customer, body, &Vault::new(keys.remove(0), keys))
    }

    fn headers(key: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, HeaderValue::from_bytes(key.as_bytes()).expect("a header value"));
        headers
    }

    #[test]
    fn the_same_key_of_the_same_customer_names_the_same_call() -> Tested {
        let (mina, jun) = (CustomerId::new("mina")?, CustomerId::new("jun")?);
        let first = of(&headers("key-1"), &mina, &"a")?;
        assert_eq!(first, of(&headers("key-1"), &mina, &"a")?);
        assert!(first.call.as_str().starts_with("call_"));
        assert_ne!(first.call, of(&headers("key-2"), &mina, &"a")?.call);
        assert_ne!(first.call, of(&headers("key-1"), &jun, &"a")?.call);
        let other = of(&headers("key-1"), &mina, &"b")?;
        assert_eq!(first.call, other.call);
        assert_ne!(first.fingerprint(), other.fingerprint());
        Ok(())
    }

    #[test]
    fn a_request_is_known_again_after_a_change_of_seal_keys_and_to_no_server_without_the_key() -> Tested {
        let (mina, headers) = (CustomerId::new("mina")?, headers("key-1"));
        let remembered = of(&headers, &mina, &"a")?.fingerprint().ok_or("a fingerprint")?;
        let knows = |identity: Identity| identity.fingerprints.contains(&remembered);
        assert!(knows(under(&["new", "now"], &headers, &mina, &"a")?));
        assert!(!knows(under(&["new", "now"], &headers, &mina, &"b")?));
        assert!(!knows(under(&["new"], &headers, &mina, &"a")?));
        // What a release without seal keys remembered.
        let plain = shortened(&Sha256::digest("\"a\""));
        assert!(remembered != plain && of(&headers, &mina, &"a")?.fingerprints.contains(&plain));
        Ok(())
    }

    #[test]
    fn without_a_key_every_request_is_a_new_call() -> Tested {
        let mina = CustomerId::new("mina")?;
        let none = HeaderMap::new();
        assert_ne!(of(&none, &mina, &"a")?.call, of(&none, &mina, &"a")?.call);
        Ok(())
    }

    #[test]
    fn ids_sort_as_the_numbers_they_stand_for() {
        let ids: Vec<_> = [0, 31, 32, u128::from(u64::MAX), u128::MAX].map(sortable).into();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 26), "{ids:?}");
    }

    #[test]
    fn a_bad_key_is_refused() -> Tested {
        let mina = CustomerId::new("mina")?;
        for key in ["", "a b", "é", &"k".repeat(256)] {
            assert!(of(&headers(key), &mina, &"a").is_err(), "{key:?}");
        }
        let mut twice = headers("a");
        twice.append(KEY, HeaderValue::from_static("b"));
        assert!(of(&twice, &mina, &"a").is_err());
        Ok(())
    }
}
