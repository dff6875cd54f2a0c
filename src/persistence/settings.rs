//! The section `store` of the configuration.

use std::{fmt, path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

use super::OpenError;

/// Where the store is and how it is used: the section `store` of the configuration.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Where the store is: `sqlite://path/to/file.db`, `redis://[user:password@]host:port/db`, `rediss://…` (TLS),
    /// `redis+sentinel://[user:password@]sentinel:port,sentinel:port/master/db` (`rediss+sentinel://…`).
    /// A password in it is never shown.
    #[serde(serialize_with = "hide_password")]
    pub url: String,
    /// How many commits are written together at most (1–4096). More means fewer disk syncs or round trips under load,
    /// and a longer wait for the last of a group.
    pub group_max_commits: usize,
    /// How many commits may wait to be written (1–1,000,000). Further ones are refused at once.
    pub queue_max_commits: usize,
    /// How long a commit may take, waiting included, before its caller is told (1–600,000 ms): that it is unavailable
    /// when it has not left the queue, that its outcome is unknown otherwise.
    pub commit_timeout_ms: u64,
    /// How long reading may take (1–600,000 ms).
    pub read_timeout_ms: u64,
    /// How long connecting may take (1–600,000 ms).
    pub connect_timeout_ms: u64,
    /// SQLite: how long to wait for another process that holds the file's write lock (0–600,000 ms).
    pub lock_timeout_ms: u64,
    /// Redis: how long a call and its payment are kept after they are over, seconds; 0 keeps them for ever.
    pub keep_finished_s: u64,
    /// SQLite: how many connections read at the same time (1–64).
    pub read_connections: u32,
    /// Redis: the user, unless the URL names one.
    pub username: Option<String>,
    /// Redis: the password, unless the URL has one. Never shown.
    #[serde(serialize_with = "hide")]
    pub password: Option<SecretString>,
    /// Redis Sentinel: the user the sentinels ask for, if any.
    pub sentinel_username: Option<String>,
    /// Redis Sentinel: the password the sentinels ask for, if any. Never shown.
    #[serde(serialize_with = "hide")]
    pub sentinel_password: Option<SecretString>,
    /// Redis with TLS: the certificate authority to trust instead of the system's (PEM).
    pub tls_ca_file: Option<PathBuf>,
    /// Redis with TLS: the certificate to show the server (PEM); needs `tls_key_file`.
    pub tls_cert_file: Option<PathBuf>,
    /// Redis with TLS: the key of `tls_cert_file` (PEM).
    pub tls_key_file: Option<PathBuf>,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            url: "sqlite://data/callout.db".to_owned(),
            group_max_commits: 512,
            queue_max_commits: 8192,
            commit_timeout_ms: 5_000,
            read_timeout_ms: 5_000,
            connect_timeout_ms: 2_000,
            lock_timeout_ms: 1_000,
            keep_finished_s: 30 * 24 * 3_600,
            read_connections: 4,
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            tls_ca_file: None,
            tls_cert_file: None,
            tls_key_file: None,
        }
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As it is serialized: without passwords.
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl StoreSettings {
    /// Whether every number is in its range.
    ///
    /// # Errors
    /// Names the first setting that is not.
    pub fn check(&self) -> Result<(), OpenError> {
        let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        within("group_max_commits", number(self.group_max_commits), 1, 4096, "1 to 4096")?;
        within("queue_max_commits", number(self.queue_max_commits), 1, 1_000_000, "1 to 1000000")?;
        within("commit_timeout_ms", self.commit_timeout_ms, 1, 600_000, "1 to 600000 (ms)")?;
        within("read_timeout_ms", self.read_timeout_ms, 1, 600_000, "1 to 600000 (ms)")?;
        within("connect_timeout_ms", self.connect_timeout_ms, 1, 600_000, "1 to 600000 (ms)")?;
        within("lock_timeout_ms", self.lock_timeout_ms, 0, 600_000, "0 to 600000 (ms)")?;
        within("keep_finished_s", self.keep_finished_s, 0, 315_360_000, "0 to 315360000 (s)")?;
        within("read_connections", u64::from(self.read_connections), 1, 64, "1 to 64")
    }

    pub(super) fn commit_timeout(&self) -> Duration {
        Duration::from_millis(self.commit_timeout_ms)
    }

    pub(super) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn lock_timeout(&self) -> Duration {
        Duration::from_millis(self.lock_timeout_ms)
    }
}

fn within(key: &'static str, found: u64, least: u64, most: u64, range: &'static str) -> Result<(), OpenError> {
    if (least..=most).contains(&found) { Ok(()) } else { Err(OpenError::Setting { key, found, range }) }
}

/// The URL with `***` for its password.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((login, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{place}")
}

#[expect(clippy::ptr_arg, reason = "serde calls it with the field's own type")]
fn hide_password<S: Serializer>(url: &String, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&without_password(url))
}

#[expect(clippy::ref_option, reason = "serde calls it with the field's own type")]
fn hide<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| "***").serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_never_shown() {
        assert_eq!(without_password("redis://app:s3c@ret@host:6379/0"), "redis://app:***@host:6379/0");
        assert_eq!(without_password("rediss://:secret@host"), "rediss://:***@host");
        assert_eq!(without_password("sqlite://data/callout.db"), "sqlite://data/callout.db");
        let url = "redis://:secret@host".to_owned();
        let settings = StoreSettings { url, password: Some("secret".into()), ..StoreSettings::default() };
        assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
    }

    #[test]
    fn a_number_out_of_range_is_named_with_its_range() {
        let settings = StoreSettings { group_max_commits: 0, ..StoreSettings::default() };
        let message = settings.check().expect_err("0 is out of range").to_string();
        assert_eq!(message, "store.group_max_commits is 0; it must be 1 to 4096");
        assert!(StoreSettings::default().check().is_ok());
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(serde_json::from_str::<StoreSettings>(r#"{"group_max": 3}"#).is_err());
        assert!(serde_json::from_str::<StoreSettings>("{}").is_ok());
    }
}
