//! The secret that signs tokens.
//!
//! Without `auth.secret` the server is in *development mode*: a random secret is made once and kept in the data folder,
//! so that tokens survive restarts and `callout token` signs with the same. It then listens on this machine only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::{SecretString, zeroize::Zeroizing};

use super::Config;
use crate::{clock, http::SECRET_MIN_BYTES};

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the development secret {}: {error}; make its folder writable or set auth.secret", path.display())]
    Io {
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The file does not hold a secret.
    #[error(
        "the development secret {} holds {length} bytes, {SECRET_MIN_BYTES} or more are needed; \
         delete it to have a new one made",
        path.display()
    )]
    TooShort {
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
        None => development_secret(&development_secret_file(config)),
    }
}

/// Where the development secret is kept.
#[must_use]
pub fn development_secret_file(config: &Config) -> PathBuf {
    config.store.data_dir().join("dev_secret")
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
