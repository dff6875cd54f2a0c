//! A customer's account: who the customer is, and the fares that the customer owes. The authority on both, and on how far
//! the bearer of an id, in whatever role, has read its notifications.
//!
//! Only the snapshot holds the profile. The event stream is told that the profile changed, without the data: a profile
//! can be erased from the one place where it is.

mod machine;
mod profile;
mod read_mark;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CallId, CustomerId, Money, Role, ServiceId, money};
pub use machine::AccountMachine;
pub use profile::{Profile, ProfileChange};
pub use read_mark::ReadMark;

/// The whole state of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The customer, whose id it has.
    pub id: CustomerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The fares that the customer owes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debts: Vec<Debt>,
    /// How far the bearer of the id has read its notifications, by the role of its token: those of a driver are not those of a
    /// customer with the same id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read: BTreeMap<Role, ReadMark>,
    /// How many events it has seen.
    pub version: u64,
}

/// The fare of a call that was served and is not paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    pub call: CallId,
    /// The call's service.
    pub service: ServiceId,
    #[serde(with = "money::compact")]
    pub amount: Money,
}

/// The commands that an account takes.
#[derive(Debug, Clone)]
pub enum Command {
    /// The customer says who it is.
    SetProfile { id: CustomerId, profile: ProfileChange },
    /// A call was served, and its fare is owed. A repetition changes nothing. It never comes after the debt was cleared:
    /// the call clears a debt only once it knows that the account has noted it.
    NoteDebt { id: CustomerId, debt: Debt },
    /// The fare of a call is owed no more.
    ClearDebt { call: CallId },
    /// Notifications were read up to a mark. A mark that is not beyond the known one changes nothing.
    MarkRead { id: CustomerId, role: Role, mark: ReadMark },
    /// A deadline passed. Accounts have none.
    Wake,
}

/// The events of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    AccountOpened {
        id: CustomerId,
    },
    ProfileChanged {
        /// `None` in the event stream, which carries no personal data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<Profile>,
    },
    DebtNoted(Debt),
    DebtCleared {
        call: CallId,
    },
    NotificationsRead {
        role: Role,
        mark: ReadMark,
    },
}

/// Work that an account owes others: there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {}

impl Account {
    /// Whether the fare of this call is owed.
    #[must_use]
    pub fn owes(&self, call: &CallId) -> bool {
        self.debts.iter().any(|debt| debt.call == *call)
    }
}

impl Event {
    /// The event as the event stream carries it: without personal data.
    #[must_use]
    pub fn without_personal_data(&self) -> Option<Self> {
        match self {
            Self::ProfileChanged { profile: Some(_) } => Some(Self::ProfileChanged { profile: None }),
            Self::ProfileChanged { profile: None }
            | Self::AccountOpened { .. }
            | Self::DebtNoted(_)
            | Self::DebtCleared { .. }
            | Self::NotificationsRead { .. } => None,
        }
    }
}
