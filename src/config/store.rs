//! The section `store`: where committed truth lives, and how commits travel there.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Check, Url, hidden};

/// The store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite://<file>`, or `redis://` or `rediss://` with `[[user]:password@]host[:port][/db]`.
    pub url: Url,
    /// Commits written together, at most, 1 to 4,096. More: fewer disk syncs or round trips under load, and a longer
    /// wait for the last of a group.
    pub group_max_commits: usize,
    /// Commits waiting to be written, 1 to 1,000,000. More are refused with 503.
    pub queue_max_commits: usize,
    /// How long a commit may take, waiting included, milliseconds, 1 to 600,000. Then it is unavailable when it has not
    /// left the queue, else its outcome counts as unknown.
    pub commit_timeout_ms: u64,
    /// How long reading may take, milliseconds, 1 to 600,000.
    pub read_timeout_ms: u64,
    /// How long connecting may take, milliseconds, 1 to 600,000.
    pub connect_timeout_ms: u64,
    /// SQLite: how long to wait for another process that holds the file's write lock, milliseconds, 0 to 600,000.
    pub lock_timeout_ms: u64,
    /// Redis: how long a call and its payment are kept after they are over, seconds, 0 to 315,360,000 (ten years); 0 keeps
    /// them for ever.
    pub keep_finished_s: u64,
    /// Connections that read at the same time, 1 to 64.
    pub read_connections: u32,
    /// Redis: the user, unless the URL names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Redis: the password, unless the URL has one.
    #[serde(
        deserialize_with = "hidden::deserialize",
        serialize_with = "hidden::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub password: Option<SecretString>,
    /// Redis Sentinel: the user that the sentinels ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinel_username: Option<String>,
    /// Redis Sentinel: the password that the sentinels ask for.
    #[serde(
        deserialize_with = "hidden::deserialize",
        serialize_with = "hidden::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub sentinel_password: Option<SecretString>,
    /// Redis with TLS: the certificate authority to trust instead of the system's (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca_file: Option<PathBuf>,
    /// Redis with TLS: the certificate to show the server (PEM); needs `tls_key_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert_file: Option<PathBuf>,
    /// Redis with TLS: the key of `tls_cert_file` (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key_file: Option<PathBuf>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: Url::new("sqlite://data/callout.db"),
            group_max_commits: 512,
            queue_max_commits: 8_192,
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

impl Store {
    /// The file of an embedded store; `None` for Redis.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&Path> {
        (self.url.scheme() == "sqlite").then(|| Path::new(self.url.rest()))
    }

    /// The folder for what lives beside the store: that of the embedded store's file, `data` for Redis.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        match self.sqlite_file().and_then(Path::parent) {
            Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) => folder.to_owned(),
            None => PathBuf::from("data"),
        }
    }

    pub(super) fn check(&self, mut check: Check<'_>) {
        let known = matches!(self.url.scheme(), "sqlite" | "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel");
        if !known || self.url.rest().is_empty() {
            let message = "must be sqlite://<file>, redis://<host>[:port][/db] or rediss://…";
            check.problem("url", format!("{message}, got {:?}", self.url));
        }
        check.range("group_max_commits", self.group_max_commits, 1..=4_096);
        check.range("queue_max_commits", self.queue_max_commits, 1..=1_000_000);
        check.range("commit_timeout_ms", self.commit_timeout_ms, 1..=600_000);
        check.range("read_timeout_ms", self.read_timeout_ms, 1..=600_000);
        check.range("connect_timeout_ms", self.connect_timeout_ms, 1..=600_000);
        check.range("lock_timeout_ms", self.lock_timeout_ms, 0..=600_000);
        check.range("keep_finished_s", self.keep_finished_s, 0..=315_360_000);
        check.range("read_connections", self.read_connections, 1..=64);
        if self.tls_cert_file.is_some() != self.tls_key_file.is_some() {
            check.contradiction(&["tls_cert_file", "tls_key_file"], "tls_cert_file and tls_key_file need each other");
        }
    }
}
