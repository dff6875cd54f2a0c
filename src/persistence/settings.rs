//! The section `store`: where committed truth lives, and how commits travel there.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::settings::{Findings, Section, Url, secret};

/// The store, and the bounds of commits and reads.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite://<file>`, `redis://[[user]:password@]host[:port][/db]`, `rediss://…` (TLS) or
    /// `redis+sentinel://host[:port],host[:port]/master/db`.
    #[schema(value_type = String)]
    pub url: Url,
    /// Commits that are written together at most. A larger group needs fewer disk syncs or round trips under load, but
    /// its last commit waits longer.
    #[schema(minimum = 1, maximum = 4_096)]
    pub group_max_commits: usize,
    /// Commits that may wait to be written. Further ones are refused with 503.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub queue_max_commits: usize,
    /// Time for a commit, its wait included. A commit that is still in the queue then is refused with 503; the outcome
    /// of one that has left the queue is unknown.
    #[schema(minimum = 1, maximum = 600_000)]
    pub commit_timeout_ms: u64,
    /// Time for the store to answer a read.
    #[schema(minimum = 1, maximum = 600_000)]
    pub read_timeout_ms: u64,
    /// Time to connect to the store.
    #[schema(minimum = 1, maximum = 600_000)]
    pub connect_timeout_ms: u64,
    /// SQLite: time to wait for another process that holds the file's write lock.
    #[schema(minimum = 0, maximum = 600_000)]
    pub lock_timeout_ms: u64,
    /// Redis: time that a finished call and its payment are kept; 0 keeps them for ever.
    #[schema(minimum = 0, maximum = 315_360_000)]
    pub keep_finished_s: u64,
    /// SQLite: connections that read at the same time.
    #[schema(minimum = 1, maximum = 64)]
    pub read_connections: u32,
    /// Redis: the user, unless the URL names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Redis: the password, unless the URL has one. Better set as `CALLOUT_STORE__PASSWORD`.
    #[serde(with = "secret", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, write_only, default = json!(null))]
    pub password: Option<SecretString>,
    /// Redis Sentinel: the user that the sentinels ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentinel_username: Option<String>,
    /// Redis Sentinel: the password that the sentinels ask for.
    #[serde(with = "secret", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, write_only, default = json!(null))]
    pub sentinel_password: Option<SecretString>,
    /// Redis with TLS: the certificate authority to trust instead of the system's (PEM file).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tls_ca_file: Option<PathBuf>,
    /// Redis with TLS: the certificate to show (PEM file). Needs `tls_key_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tls_cert_file: Option<PathBuf>,
    /// Redis with TLS: the key of `tls_cert_file` (PEM file).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tls_key_file: Option<PathBuf>,
}

impl Default for StoreSettings {
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

impl Section for StoreSettings {
    fn contradictions(&self, findings: &mut Findings) {
        let is_known =
            matches!(self.url.scheme(), "sqlite" | "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel");
        if !is_known || self.url.rest().is_empty() {
            let message = "must be sqlite://<file>, redis://<host>[:port][/db] or rediss://…";
            findings.problem("url", format!("{message}, got {:?}", self.url));
        }
        if self.tls_cert_file.is_some() != self.tls_key_file.is_some() {
            findings
                .contradiction(&["tls_cert_file", "tls_key_file"], "tls_cert_file and tls_key_file need each other");
        }
    }
}

impl StoreSettings {
    /// These settings for the store at `url`.
    #[must_use]
    pub fn at(self, url: &str) -> Self {
        Self { url: Url::new(url), ..self }
    }

    /// The file of an embedded store; `None` for Redis.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&Path> {
        (self.url.scheme() == "sqlite").then(|| Path::new(self.url.rest()))
    }

    /// Where the store is, in words that do not change while it stays there: the absolute path of an embedded store's
    /// file, or the address of a Redis without who logs in.
    #[must_use]
    pub fn place(&self) -> String {
        if let Some(file) = self.sqlite_file() {
            return std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string();
        }
        let rest = self.url.rest();
        let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
        format!("{}://{address}", self.url.scheme())
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
