//! How far somebody has read its notifications.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The last notification that was read, and with it all before it. It is kept with the account and not with the
/// notifications: those can be made anew, and then have other numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The numbering that the number is from. Notifications that were made anew have another one.
    pub numbering: String,
    pub number: i64,
    /// When the notification's event happened: the place of the mark in any other numbering.
    pub at: Timestamp,
}

impl ReadMark {
    /// Whether a notification lies at the mark or before it.
    #[must_use]
    pub fn covers(&self, numbering: &str, number: i64, at: Timestamp) -> bool {
        if numbering == self.numbering { number <= self.number } else { at <= self.at }
    }

    /// Whether this mark lies behind another one. A mark that was set never goes back.
    #[must_use]
    pub fn is_beyond(&self, other: &Self) -> bool {
        !other.covers(&self.numbering, self.number, self.at)
    }
}
