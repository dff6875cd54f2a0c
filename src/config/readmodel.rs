//! The section `readmodel`: where My Page and the timelines are kept, and how they follow the event stream.

use serde::{Deserialize, Serialize};

use super::{Check, Store, Url};

/// The read model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadModel {
    /// `sqlite://<file>`. Unset: `<stem>.readmodel.db` beside the embedded store, `data/readmodel.db` for Redis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Events taken in one transaction, 1 to 10,000.
    pub batch_max: u32,
    /// How long to wait for news before looking again, milliseconds, 10 to 60,000. A commit of this process wakes it
    /// at once.
    pub poll_ms: u64,
}

impl Default for ReadModel {
    fn default() -> Self {
        Self { url: None, batch_max: 4_000, poll_ms: 1_000 }
    }
}

impl ReadModel {
    /// Where the read model is, for that store.
    #[must_use]
    pub fn effective_url(&self, store: &Store) -> Url {
        if let Some(url) = &self.url {
            return url.clone();
        }
        let file = match store.sqlite_file() {
            Some(file) => file.with_extension("readmodel.db"),
            None => store.data_dir().join("readmodel.db"),
        };
        Url::new(format!("sqlite://{}", file.display()))
    }

    pub(super) fn check(&self, mut check: Check<'_>) {
        if let Some(url) = &self.url
            && (url.scheme() != "sqlite" || url.rest().is_empty())
        {
            check.problem("url", format!("must be sqlite://<file>, got {url:?}"));
        }
        check.range("batch_max", self.batch_max, 1..=10_000);
        check.range("poll_ms", self.poll_ms, 10..=60_000);
    }
}
