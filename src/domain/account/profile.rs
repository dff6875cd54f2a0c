//! The profile of a customer: personal data, which no log, no event of the stream and no operator is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{Change, policy::Lang};

/// What a customer says about itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The customer's name for people.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The language that the customer reads best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Lang>,
}

/// Names no data: what is formatted ends up in logs.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(…)")
    }
}

/// A request to change a profile, or to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileChange {
    pub name: String,
    pub phone: Change<String>,
    pub email: Change<String>,
    pub language: Change<Lang>,
}

impl fmt::Debug for ProfileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileChange(…)")
    }
}

impl ProfileChange {
    /// The profile after this change. `known` is the profile before it, if there was one.
    #[must_use]
    pub fn over(&self, known: Option<&Profile>) -> Profile {
        Profile {
            name: self.name.clone(),
            phone: self.phone.of(known.and_then(|known| known.phone.as_ref())),
            email: self.email.of(known.and_then(|known| known.email.as_ref())),
            language: self.language.of(known.and_then(|known| known.language.as_ref())),
        }
    }
}
