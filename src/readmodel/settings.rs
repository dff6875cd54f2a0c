//! The section `readmodel`: where My Page and the timelines are kept, and how they follow the event stream.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::settings::{Findings, Section, Url};

/// The read model's file, and how the read model follows the event stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadModelSettings {
    /// `sqlite://<file>`, or `<file>.<identity>` beside it when that belongs to another store. Unset:
    /// `<stem>.readmodel.db` beside the embedded store's file, `data/readmodel.db` for Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub url: Option<Url>,
    /// Events that one transaction takes at most.
    #[schema(minimum = 1, maximum = 10_000)]
    pub batch_max: usize,
    /// Time after which the read model looks for events that no commit of this process has announced.
    #[schema(minimum = 10, maximum = 60_000)]
    pub poll_ms: u64,
    /// Connections that read at the same time.
    #[schema(minimum = 1, maximum = 64)]
    pub read_connections: u32,
    /// Time that one read of a list, a history or a count may take, the wait for a connection included. A longer one is
    /// given up and answered 503 `overloaded`.
    #[schema(minimum = 100, maximum = 60_000)]
    pub read_timeout_ms: u64,
    /// Time that a write waits for the file's lock.
    #[schema(minimum = 1, maximum = 600_000)]
    pub lock_timeout_ms: u64,
    /// Length beyond which the file's write-ahead log (`-wal`) is cut off.
    #[schema(minimum = 1_048_576, maximum = 17_179_869_184_u64)]
    pub log_max_bytes: u64,
    /// Time after which operators are told that the outcome of a charge is still unknown.
    #[schema(minimum = 1, maximum = 86_400_000)]
    pub payment_unknown_ms: u64,
}

impl Default for ReadModelSettings {
    fn default() -> Self {
        Self {
            url: None,
            batch_max: 4_000,
            poll_ms: 1_000,
            read_connections: 4,
            read_timeout_ms: 2_000,
            lock_timeout_ms: 5_000,
            log_max_bytes: 64 << 20,
            payment_unknown_ms: 60_000,
        }
    }
}

impl Section for ReadModelSettings {
    fn contradictions(&self, findings: &mut Findings) {
        if let Some(url) = &self.url
            && (url.scheme() != "sqlite" || url.rest().is_empty())
        {
            findings.problem("url", format!("must be sqlite://<file>, got {url:?}"));
        }
        let (read, lock) = (self.read_timeout_ms, self.lock_timeout_ms);
        if read >= lock {
            let message = format!(
                "read_timeout_ms ({read}) must be less than lock_timeout_ms ({lock}), else the log is not cut off while \
                 something reads"
            );
            findings.contradiction(&["read_timeout_ms", "lock_timeout_ms"], message);
        }
    }
}

impl ReadModelSettings {
    /// The usual settings, for that file.
    #[must_use]
    pub fn in_file(file: &Path) -> Self {
        Self::default().with_file(file)
    }

    /// These settings, for that file.
    #[must_use]
    pub(super) fn with_file(self, file: &Path) -> Self {
        Self { url: Some(Url::new(format!("sqlite://{}", file.display()))), ..self }
    }

    /// These settings with a file: that of `url`, or else one beside the store. `store_file` is the file of an embedded
    /// store, `data_dir` the folder of what lives beside the store.
    #[must_use]
    pub fn beside(self, store_file: Option<&Path>, data_dir: &Path) -> Self {
        let beside = || match store_file {
            Some(file) => file.with_extension("readmodel.db"),
            None => data_dir.join("readmodel.db"),
        };
        let url = self.url.unwrap_or_else(|| Url::new(format!("sqlite://{}", beside().display())));
        Self { url: Some(url), ..self }
    }

    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.url.as_ref().map_or_else(|| PathBuf::from("data/readmodel.db"), |url| PathBuf::from(url.rest()))
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    pub(super) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
    }

    pub(super) fn lock_timeout(&self) -> Duration {
        Duration::from_millis(self.lock_timeout_ms)
    }

    pub(super) fn payment_unknown_after(&self) -> Duration {
        Duration::from_millis(self.payment_unknown_ms)
    }
}
