//! The sender of a command: a party, and the services that its token covers.

use std::sync::Arc;

use super::{Party, ServiceId};

/// The services that a token covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    #[default]
    All,
    Only(Arc<[ServiceId]>),
}

impl Scope {
    /// Whether `service` is one of them.
    #[must_use]
    pub fn includes(&self, service: &ServiceId) -> bool {
        match self {
            Self::All => true,
            Self::Only(services) => services.contains(service),
        }
    }

    /// The services, unless it is all of them.
    #[must_use]
    pub fn services(&self) -> Option<&[ServiceId]> {
        match self {
            Self::All => None,
            Self::Only(services) => Some(services),
        }
    }
}

/// The sender of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    pub party: Party,
    /// The services on which it may act.
    pub scope: Scope,
}

impl Asker {
    /// A party that may act on every service.
    #[must_use]
    pub fn new(party: Party) -> Self {
        Self { party, scope: Scope::All }
    }
}
