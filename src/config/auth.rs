//! The section `auth`, and the secret that tokens are signed with.
//!
//! Without `auth.secret` the server is in *development mode*: a random secret is made once and kept in the data folder,
//! so that tokens survive restarts and `callout token` signs with the same. It then listens on this machine only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::{SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize};

use super::{Check, Config, hidden};
use crate::clock;

/// The shortest secret that faces a network, bytes: as long as an HMAC-SHA-256 hash (RFC 7518, section 3.2).
pub(super) const SECRET_MIN_BYTES: usize = 32;

/// Tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// What tokens are signed with (HS256): 32 bytes or more, any length while `http.bind` is a loopback address.
    /// Unset: development mode.
    #[serde(
        deserialize_with = "hidden::deserialize",
        serialize_with = "hidden::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret: Option<SecretString>,
    /// The `iss` of the tokens made here, and the only one that is accepted when a token has one; 1 to 256 characters.
    pub issuer: String,
    /// How far clocks may differ when a token's times are checked, seconds, 0 to 300.
    pub leeway_s: u64,
}

impl Default for Auth {
    fn default() -> Self {
        Self { secret: None, issuer: "callout".to_owned(), leeway_s: 30 }
    }
}

impl Auth {
    pub(super) fn check(&self, mut check: Check<'_>) {
        if self.secret.as_ref().is_some_and(|secret| hidden::length(secret) == 0) {
            check.problem("secret", "must not be empty; leave it out for development mode");
        }
        if !(1..=256).contains(&self.issuer.chars().count()) {
            check.problem("issuer", "must be 1 to 256 characters");
        }
        check.range("leeway_s", self.leeway_s, 0..=300);
    }
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the development secret {}: {error}; make its folder writable or set auth.secret", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file does not hold a secret.
    #[error(
        "the development secret {} holds {length} bytes, {SECRET_MIN_BYTES} or more are needed; \
         delete it to have a new one made",
        path.display()
    )]
    TooShort {
        /// Which file.
        path: PathBuf,
        /// How much it holds, bytes.
        length: usize,
    },
}

/// Whether the server is in development mode: no secret is configured.
#[must_use]
pub fn is_development(config: &Config) -> bool {
    config.auth.secret.is_none()
}

/// The secret that tokens are signed with: the configured one, or the development secret, made when there is none yet.
///
/// # Errors
/// When the development secret can neither be read nor made.
pub fn secret(config: &Config) -> Result<SecretString, SecretError> {
    match &config.auth.secret {
        Some(secret) => Ok(secret.clone()),
        None => development_secret(&config.store.data_dir().join("dev_secret")),
    }
}

fn development_secret(path: &Path) -> Result<SecretString, SecretError> {
    let read = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).and_then(|()| fs::read_to_string(path)),
        read => read,
    };
    let text = Zeroizing::new(read.map_err(|error| SecretError::Io { path: path.to_owned(), error })?);
    let secret = text.trim();
    if secret.len() < SECRET_MIN_BYTES {
        return Err(SecretError::TooShort { path: path.to_owned(), length: secret.len() });
    }
    Ok(secret.into())
}

/// Makes the file, complete from the moment it can be seen. When somebody else was faster, that file stays.
fn create(path: &Path) -> io::Result<()> {
    let random = Zeroizing::new(format!("{}{}", clock::random_id().simple(), clock::random_id().simple()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.tmp", clock::random_id().simple()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let linked =
        writeln!(file, "{}", random.as_str()).and_then(|()| file.sync_all()).and_then(|()| {
            match fs::hard_link(&draft, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            }
        });
    let removed = fs::remove_file(&draft);
    linked.and(removed)
}
