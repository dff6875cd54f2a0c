//! Seals the payment methods that are kept: the gateway's tokens, which are worth money to whoever reads the store. They
//! are sealed where a request brings them, and opened where the request to the gateway is made. Knows keys and texts, and
//! nothing of calls or gateways.
//!
//! A sealed text is `v1.<key>.<base64url>`: the id of its key, then the authentication tag and the encrypted token of
//! AES-256-GCM-SIV (RFC 8452). The nonce and the associated data are made of the call's id: the same token of one call
//! seals equally, so that a repetition is recognized, and a text that was copied to another call does not open.

use std::fmt;

use aes_gcm_siv::{
    Aes256GcmSiv, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};

/// The bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The bytes of a key's id: enough to tell the keys of one server apart.
const ID_BYTES: usize = 6;
/// The bytes of a nonce (RFC 8452).
const NONCE_BYTES: usize = 12;
/// The first part of a sealed text: the version of its form.
const FORM: &str = "v1";

/// A key that seals and opens.
#[derive(Clone)]
pub struct SealKey {
    id: String,
    cipher: Aes256GcmSiv,
}

/// A text that is no key. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {KEY_BYTES} random bytes as base64 or as {} hexadecimal digits, as `openssl rand -base64 32` prints them", 2 * KEY_BYTES)]
pub struct NoKey;

/// Why a sealed text does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// The key that sealed it is not there.
    #[error("it was sealed with the key {0:?}, and no key in gateway.seal_keys has this id")]
    NoSuchKey(String),
    /// The key is there: the text belongs to another call, or was changed.
    #[error("the key {0:?} sealed no such text for this call")]
    Foreign(String),
}

impl SealKey {
    /// The key that `text` has: base64, with or without padding and in either alphabet, or hexadecimal digits.
    ///
    /// # Errors
    /// When it is not a key of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let text = text.trim();
        let bytes =
            Zeroizing::new(if text.len() == 2 * KEY_BYTES { of_hex(text) } else { of_base64(text) }.ok_or(NoKey)?);
        let bytes: &[u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| NoKey)?;
        Ok(Self::new(bytes))
    }

    /// The key that belongs to the secret that signs tokens, by HKDF-SHA256: the same on every process with that secret.
    #[must_use]
    pub fn derived_from(secret: &SecretString) -> Self {
        Self::new(&expanded(secret.expose_secret().as_bytes(), b"callout payment methods v1"))
    }

    /// The id by which sealed texts name it. Tells nothing about the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let id = expanded::<ID_BYTES>(bytes, b"callout id of a seal key v1");
        Self { id: URL_SAFE_NO_PAD.encode(*id), cipher: Aes256GcmSiv::new(bytes.into()) }
    }

    fn seal(&self, token: &str, call: &str) -> String {
        let payload = Payload { msg: token.as_bytes(), aad: call.as_bytes() };
        let sealed = self.cipher.encrypt(&nonce(call), payload).expect("a token and an id are shorter than 64 GiB");
        format!("{FORM}.{}.{}", self.id, URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, sealed: &[u8], call: &str) -> Option<SecretString> {
        let payload = Payload { msg: sealed, aad: call.as_bytes() };
        let token = Zeroizing::new(self.cipher.decrypt(&nonce(call), payload).ok()?);
        std::str::from_utf8(&token).ok().map(SecretString::from)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.id)
    }
}

/// The keys of a server: the first seals, all open.
#[derive(Debug, Clone)]
pub struct Vault {
    first: SealKey,
    others: Vec<SealKey>,
}

impl Vault {
    /// Seals with `first`, and opens with it and `others`.
    #[must_use]
    pub fn new(first: SealKey, others: Vec<SealKey>) -> Self {
        Self { first, others }
    }

    /// The token, sealed for its call.
    #[must_use]
    pub fn seal(&self, token: &str, call: &str) -> String {
        self.first.seal(token, call)
    }

    /// The token as each key seals it for its call, that of [`Vault::seal`] first.
    pub fn sealings(&self, token: &str, call: &str) -> impl Iterator<Item = String> {
        self.keys().map(move |key| key.seal(token, call))
    }

    /// The token in a text that was sealed for this call. A text that was never sealed was kept by an earlier release: it is
    /// the token itself.
    ///
    /// # Errors
    /// When none of the keys opens it.
    pub fn open(&self, text: &str, call: &str) -> Result<SecretString, Unopened> {
        let Some((id, sealed)) = parts(text) else { return Ok(text.into()) };
        let key = self.keys().find(|key| key.id == id).ok_or_else(|| Unopened::NoSuchKey(id.to_owned()))?;
        key.open(&sealed, call).ok_or_else(|| Unopened::Foreign(id.to_owned()))
    }

    fn keys(&self) -> impl Iterator<Item = &SealKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// Whether a text has the form of a sealed one.
#[must_use]
pub fn is_sealed(text: &str) -> bool {
    parts(text).is_some()
}

/// The id of the key and the sealed bytes, if the text has the form of a sealed one.
fn parts(text: &str) -> Option<(&str, Vec<u8>)> {
    let (id, sealed) = text.strip_prefix(FORM)?.strip_prefix('.')?.split_once('.')?;
    let is_id = URL_SAFE_NO_PAD.decode(id).is_ok_and(|id| id.len() == ID_BYTES);
    Some((id, URL_SAFE_NO_PAD.decode(sealed).ok()?)).filter(|_| is_id)
}

/// Another one for each call, so that no key seals many texts under one nonce.
fn nonce(call: &str) -> Nonce {
    let hash = Sha256::new().chain_update(b"callout nonce of a call v1\0").chain_update(call).finalize();
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&hash[..NONCE_BYTES]);
    nonce.into()
}

/// Bytes for one purpose out of a secret, by HKDF-SHA256 without salt (RFC 5869).
fn expanded<const BYTES: usize>(secret: &[u8], purpose: &[u8]) -> Zeroizing<[u8; BYTES]> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    Hkdf::<Sha256>::new(None, secret).expand(purpose, bytes.as_mut()).expect("HKDF gives up to 255 times its hash");
    bytes
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    #[expect(clippy::cast_possible_truncation, reason = "two digits are a byte")]
    Some(digits?.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

fn of_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE].iter().find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "call_1";

    fn key(fill: u8) -> SealKey {
        SealKey::new(&[fill; KEY_BYTES])
    }

    #[test]
    fn a_token_opens_for_its_call_and_is_not_in_the_sealed_text() {
        let vault = Vault::new(key(1), Vec::new());
        let sealed = vault.seal("tok_ok", CALL);
        assert!(is_sealed(&sealed) && !sealed.contains("tok_ok"), "{sealed}");
        assert_eq!(vault.open(&sealed, CALL).expect("it opens").expose_secret(), "tok_ok");
        assert_eq!(vault.seal("tok_ok", CALL), sealed);
        assert_ne!(vault.seal("tok_ok", "call_2"), sealed);
    }

    #[test]
    fn a_text_of_another_call_a_changed_one_and_one_of_an_unknown_key_do_not_open() {
        let vault = Vault::new(key(1), Vec::new());
        let sealed = vault.seal("tok_ok", CALL);
        let id = key(1).id().to_owned();
        assert_eq!(vault.open(&sealed, "call_2").err(), Some(Unopened::Foreign(id.clone())));
        let changed = if sealed.ends_with('A') { sealed.replace('A', "B") } else { format!("{sealed}AAAA") };
        assert!(vault.open(&changed, CALL).is_err());
        assert_eq!(Vault::new(key(2), Vec::new()).open(&sealed, CALL).err(), Some(Unopened::NoSuchKey(id)));
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let old = Vault::new(key(1), Vec::new()).seal("tok_ok", CALL);
        let rotated = Vault::new(key(2), vec![key(1)]);
        assert_eq!(rotated.open(&old, CALL).expect("the old key opens it").expose_secret(), "tok_ok");
        assert_eq!(rotated.seal("tok_ok", CALL), Vault::new(key(2), Vec::new()).seal("tok_ok", CALL));
        assert_eq!(rotated.sealings("tok_ok", CALL).collect::<Vec<_>>(), [rotated.seal("tok_ok", CALL), old]);
    }

    #[test]
    fn a_token_that_was_never_sealed_is_understood() {
        let vault = Vault::new(key(1), Vec::new());
        for plain in ["tok_ok", "pm_1Nv", "v1.x.y", "v1.tok", "v1", ""] {
            assert_eq!(vault.open(plain, CALL).expect("plain").expose_secret(), plain);
        }
    }

    #[test]
    fn a_key_is_the_same_in_every_form_and_no_other_text_is_one() {
        let (hex, base64) = ("ff".repeat(KEY_BYTES), format!("{}8", "/".repeat(42)));
        let ids: Vec<_> =
            [hex.clone(), hex.to_uppercase(), base64.clone(), format!("{base64}="), base64.replace('/', "_")]
                .iter()
                .map(|text| SealKey::parse(text).expect("a key").id().to_owned())
                .collect();
        assert!(ids.iter().all(|id| *id == key(0xff).id()), "{ids:?}");
        for wrong in ["", "tooshort", &"g".repeat(64), &"f".repeat(66), &"é".repeat(32)] {
            assert_eq!(SealKey::parse(wrong).err(), Some(NoKey), "{wrong}");
        }
    }

    #[test]
    fn the_key_of_a_secret_is_the_same_for_every_process_and_another_one_for_another_secret() {
        let of = |secret: &str| SealKey::derived_from(&secret.into()).id().to_owned();
        assert_eq!(of("0123456789abcdef0123456789abcdef"), of("0123456789abcdef0123456789abcdef"));
        assert_ne!(of("0123456789abcdef0123456789abcdef"), of("1123456789abcdef0123456789abcdef"));
    }
}
