//! The section `actors`: how actors run and what happens when one fails, per kind.

use serde::{Deserialize, Serialize};

use super::{Check, SupervisionTable};

/// The actors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actors {
    /// Threads that actors run on, 0 to 1,024; 0: one per core.
    pub threads: u16,
    /// What happens when an actor fails.
    pub supervision: SupervisionTable,
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// One per call.
    Call,
    /// One per driver.
    Driver,
    /// One per payment.
    Payment,
    /// Finds drivers for calls.
    Dispatcher,
    /// Stands in front of the payment gateway.
    Guard,
    /// Follows the event stream.
    Readmodel,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Call, Self::Driver, Self::Payment, Self::Dispatcher, Self::Guard, Self::Readmodel];

    /// The kind's key under `actors.supervision`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Driver => "driver",
            Self::Payment => "payment",
            Self::Dispatcher => "dispatcher",
            Self::Guard => "guard",
            Self::Readmodel => "readmodel",
        }
    }

    /// Whether there are many of them, each with its own snapshot.
    #[must_use]
    pub fn is_entity(self) -> bool {
        matches!(self, Self::Call | Self::Driver | Self::Payment)
    }
}

impl Actors {
    pub(super) fn check(&self, mut check: Check<'_>) {
        check.range("threads", self.threads, 0..=1024);
        self.supervision.check(check.table("supervision"));
    }
}
