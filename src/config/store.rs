//! The section `store`: where committed truth lives, and how commits travel there.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Check, Url};

/// The store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite://<file>`, or `redis://` or `rediss://` with `[[user]:password@]host[:port][/db]`.
    pub url: Url,
    /// Commits that travel together, 1 to 10,000.
    pub group_max: u32,
    /// Commits waiting for their group, 1 to 1,000,000. More are refused with 503.
    pub queue_max: u32,
    /// How long a commit may take before its outcome counts as unknown, milliseconds, 10 to 600,000.
    pub commit_timeout_ms: u64,
    /// How long connecting may take, milliseconds, 10 to 600,000.
    pub connect_timeout_ms: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: Url::new("sqlite://data/callout.db"),
            group_max: 256,
            queue_max: 8_192,
            commit_timeout_ms: 2_000,
            connect_timeout_ms: 1_000,
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
        let known = matches!(self.url.scheme(), "sqlite" | "redis" | "rediss");
        if !known || self.url.rest().is_empty() {
            let message = "must be sqlite://<file>, redis://<host>[:port][/db] or rediss://…";
            check.problem("url", format!("{message}, got {:?}", self.url));
        }
        check.range("group_max", self.group_max, 1..=10_000);
        check.range("queue_max", self.queue_max, 1..=1_000_000);
        check.range("commit_timeout_ms", self.commit_timeout_ms, 10..=600_000);
        check.range("connect_timeout_ms", self.connect_timeout_ms, 10..=600_000);
    }
}
