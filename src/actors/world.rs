//! The world as actors see it: all the others, and what they share.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    backoff::BackoffSettings,
    boards::Boards,
    dispatcher::Dispatchers,
    doubts::Doubts,
    entity::{Entities, Kind},
    guard::GuardHandle,
    hub::{Hub, Topic},
    ports::{routing::Router, store::EntityKind},
    timers::Timers,
};
use crate::{
    domain::{
        DriverId,
        account::AccountMachine,
        call::CallMachine,
        driver::DriverMachine,
        payment::PaymentMachine,
        policy::{Policies, Policy},
    },
    vault::Vault,
};

/// All actors and what they share.
pub struct World {
    pub calls: Entities<CallMachine>,
    pub drivers: Entities<DriverMachine>,
    pub payments: Entities<PaymentMachine>,
    pub accounts: Entities<AccountMachine>,
    /// Committed state, arranged for searching.
    pub boards: Boards,
    /// The listeners of each topic.
    pub hub: Arc<Hub>,
    pub policies: Arc<Policies>,
    /// The source of distances and travel times.
    pub router: Arc<dyn Router>,
    /// The way to the payment gateway.
    pub guard: GuardHandle,
    pub dispatchers: Dispatchers,
    /// The index of deadlines.
    pub timers: Timers,
    /// How owed effects are repeated.
    pub repeats: Repeats,
    /// Payments of which the gateway may know more than the store.
    pub doubts: Doubts,
    /// The keys that payment methods are sealed with.
    pub vault: Arc<Vault>,
}

impl World {
    /// The entities of a kind.
    #[must_use]
    pub fn kind(&self, kind: EntityKind) -> &dyn Kind {
        match kind {
            EntityKind::Call => &self.calls,
            EntityKind::Driver => &self.drivers,
            EntityKind::Payment => &self.payments,
            EntityKind::Account => &self.accounts,
        }
    }

    /// Whether a driver of a service gave no sign for longer than the service waits for one, and has no open socket.
    #[must_use]
    pub fn is_stale(&self, policy: &Policy, driver: &DriverId, now: Timestamp) -> bool {
        let bound = SignedDuration::from_secs(policy.file.dispatch.position_max_age_s.into());
        let is_old = |sign: Timestamp| now.duration_since(sign) > bound;
        !bound.is_zero()
            && self.boards.supply.last_sign(driver).is_some_and(is_old)
            && !self.hub.is_heard(&Topic::driver(driver))
    }

    /// The entities of every kind.
    pub fn kinds(&self) -> impl Iterator<Item = &dyn Kind> {
        EntityKind::ALL.into_iter().map(|kind| self.kind(kind))
    }
}

/// How owed effects are repeated.
#[derive(Debug, Clone, Copy)]
pub struct Repeats {
    pub inside: BackoffSettings,
    /// Towards the payment gateway: refunds and unknown outcomes.
    pub gateway: BackoffSettings,
    /// How often an effect may crash its receiver before it is left alone until its owner is loaded again.
    pub crashes_max: u32,
}

impl Repeats {
    /// At these paces, and left alone after five crashes.
    pub(super) fn new(inside: BackoffSettings, gateway: BackoffSettings) -> Self {
        Self { inside, gateway, crashes_max: 5 }
    }
}

/// How long a paid call waits for the dispatcher before it begins its search without candidates.
pub const FIND_PATIENCE: Duration = Duration::from_millis(500);
