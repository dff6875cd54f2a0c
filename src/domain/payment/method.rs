//! How a call is paid: the gateway's token for it, sealed, because nobody but the gateway is to see it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Event;
use crate::domain::CallId;

/// A payment method: the gateway's token for it, sealed for its call before it comes here. The domain compares it and passes
/// it on; only the request to the gateway opens it. A payment that an earlier release stored may have the token itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Method(pub String);

/// Bytes of a method's digest: enough to tell the methods of one call apart.
const DIGEST_BYTES: usize = 16;

impl Method {
    /// Tells this method from others of the same call, and nothing more: the same card has another digest on another call.
    #[must_use]
    pub fn digest(&self, call: &CallId) -> String {
        let hash = Sha256::new().chain_update(call.as_str()).chain_update([0]).chain_update(&self.0).finalize();
        hash.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Event {
    /// The event as the stream carries it, if it differs: nobody who reads the stream needs the method.
    #[must_use]
    pub fn without_method(&self) -> Option<Self> {
        let mut event = self.clone();
        match &mut event {
            Self::ChargeStarted { method, .. } | Self::MethodKept { method, .. } => *method = Method("…".to_owned()),
            _ => return None,
        }
        Some(event)
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Method(…)")
    }
}
