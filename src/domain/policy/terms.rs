//! The terms of a service: what its policy file said when a call was made, under a name that is made from its content.
//!
//! A call keeps the name, and the store keeps the text as long as a call names it. So an edited or removed file changes
//! nothing for a call under way. The area is no part of the terms: it is where the service is offered now (DC-9).

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Policy, PolicyFile};
use crate::domain::{ServiceId, geo::ServiceArea};

/// Bytes of a name. Every live call has one in its snapshot, so that they are few; among a thousand versions of files, two
/// have the same name once in half a billion stores.
const NAME_BYTES: usize = 6;

/// The name of a service's terms: the beginning of a SHA-256 over the service and its file, in base64 for URLs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TermsId(Arc<str>);

/// Why a text cannot be read as the terms that it is kept for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableTerms {
    /// Written by a release whose policies have other keys or values.
    #[error("{0}")]
    Form(String),
    /// Changed since it was written.
    #[error("their text has been changed since it was written")]
    Changed,
}

impl TermsId {
    /// The name of the terms of a service with that text.
    #[must_use]
    pub fn of(service: &ServiceId, text: &str) -> Self {
        let hash = Sha256::new().chain_update(service.as_str()).chain_update([0]).chain_update(text).finalize();
        Self(URL_SAFE_NO_PAD.encode(hash.get(..NAME_BYTES).unwrap_or_default()).into())
    }

    /// The terms of that name, as a store wrote it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TermsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TermsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TermsId({})", self.0)
    }
}

impl Policy {
    /// The policy that a file says, offered in an area.
    #[must_use]
    pub fn new(service: ServiceId, file: PolicyFile, area: ServiceArea) -> Self {
        Self { terms: TermsId::of(&service, &text(&file)), service, file, area }
    }

    /// The text of its terms, from which [`Policy::from_terms`] makes it again. The same file has the same text.
    #[must_use]
    pub fn terms_text(&self) -> String {
        text(&self.file)
    }

    /// The policy of terms that were kept. Nothing of it says where the service is offered.
    ///
    /// # Errors
    /// When the text is not what was kept under that name, or this release cannot read it.
    pub fn from_terms(service: ServiceId, terms: TermsId, text: &str) -> Result<Self, UnreadableTerms> {
        if TermsId::of(&service, text) != terms {
            return Err(UnreadableTerms::Changed);
        }
        let file = serde_json::from_str(text).map_err(|error| UnreadableTerms::Form(error.to_string()))?;
        Ok(Self { service, terms, file, area: ServiceArea::Everywhere })
    }
}

/// JSON with the keys in the order of the struct, and tables by key.
fn text(file: &PolicyFile) -> String {
    let file = PolicyFile { area: None, ..file.clone() };
    serde_json::to_string(&file).expect("a policy has names for keys")
}
