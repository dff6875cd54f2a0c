//! What a payer must do before a charge can take its money: 3-D Secure, a page of its bank.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the payer does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// On the page at `url`.
    Redirect,
    /// In the app, with the gateway's own library and the `client_secret`.
    Sdk,
}

/// What the payer must do, as the gateway says it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub kind: ActionKind,
    /// What the gateway's library needs to go on with the charge. For the payer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The page to send the payer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// An action, and until when the charge waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAction {
    #[serde(flatten)]
    pub action: Action,
    pub expires_at: Timestamp,
}

impl PendingAction {
    /// The action without what only its payer may know.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let action = Action { kind: self.action.kind, client_secret: None, url: None };
        Self { action, expires_at: self.expires_at }
    }
}

/// The secret and the page are the payer's: neither is shown in logs.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Action").field("kind", &self.kind).finish_non_exhaustive()
    }
}
