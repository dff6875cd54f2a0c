//! The section `log`: what is written to stderr, and how. `CALLOUT_LOG` is short for either key.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::Check;

/// The log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`: `info`, `warn,callout=debug`.
    pub filter: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line a person reads.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Log {
    pub(super) fn check(&self, mut check: Check<'_>) {
        if let Err(error) = EnvFilter::try_new(&self.filter) {
            let message =
                format!("must be a filter like \"info\" or \"warn,callout=debug\", got {:?}: {error}", self.filter);
            check.problem("filter", message);
        }
    }
}
