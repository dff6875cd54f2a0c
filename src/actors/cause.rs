//! The cause of a message: every event records its cause and its trace.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The cause of an event, and the trace of the request that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The origin: `customer/alice`, `payment/call_…`, `deadline`.
    pub by: Arc<str>,
    /// The W3C trace id it belongs to: 32 hexadecimal digits.
    pub trace: Arc<str>,
}

impl Cause {
    /// Something asked for by `by` within `trace`.
    pub fn new(by: impl Into<Arc<str>>, trace: impl Into<Arc<str>>) -> Self {
        Self { by: by.into(), trace: trace.into() }
    }

    /// The same trace, the next cause in the chain.
    #[must_use]
    pub fn next(&self, by: impl Into<Arc<str>>) -> Self {
        Self { by: by.into(), trace: Arc::clone(&self.trace) }
    }

    /// Something that begins a trace of its own: a deadline, a recovery.
    #[must_use]
    pub fn fresh(by: &str) -> Self {
        Self::new(by, crate::clock::random_id().simple().to_string())
    }
}
