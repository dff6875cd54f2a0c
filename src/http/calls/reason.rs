//! The body of the commands that may say why: cancel, approve, reject.

use serde::Deserialize;

use crate::http::{
    error::Problem,
    extract::text::{self, NOTE_MAX},
};

/// Why a call is called off, approved or rejected.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WithReason)]
pub(in crate::http) struct Reason {
    /// For the others to read.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Reason {
    /// The reason, unless it is too long or has characters that a text must not have.
    pub(super) fn checked(self) -> Result<Option<String>, Problem> {
        self.reason.map(|reason| text::lines("/reason", &reason, NOTE_MAX)).transpose()
    }
}
