//! The world as actors see it: all the others, and what they share.

use std::{sync::Arc, time::Duration};

use super::{
    backoff::BackoffSettings, boards::Boards, dispatcher::Dispatchers, entity::Entities, guard::GuardHandle, hub::Hub,
    ports::routing::Router, timers::Timers,
};
use crate::domain::{call::CallMachine, driver::DriverMachine, payment::PaymentMachine, policy::Policies};

/// All actors and what they share.
pub struct World {
    /// The calls.
    pub calls: Entities<CallMachine>,
    /// The drivers.
    pub drivers: Entities<DriverMachine>,
    /// The payments.
    pub payments: Entities<PaymentMachine>,
    /// What is committed, arranged for searching.
    pub boards: Boards,
    /// Who listens to what.
    pub hub: Arc<Hub>,
    /// The services' rules.
    pub policies: Arc<Policies>,
    /// Who knows the roads.
    pub router: Arc<dyn Router>,
    /// The way to the payment gateway.
    pub guard: GuardHandle,
    /// Who finds drivers.
    pub dispatchers: Dispatchers,
    /// The index of deadlines.
    pub timers: Timers,
    /// How owed effects are repeated.
    pub repeats: Repeats,
}

/// How owed effects are repeated.
#[derive(Debug, Clone, Copy)]
pub struct Repeats {
    /// Between actors.
    pub inside: BackoffSettings,
    /// Towards the payment gateway: refunds and unknown outcomes.
    pub gateway: BackoffSettings,
    /// How often an effect may crash its receiver before it is left alone until its owner is loaded again.
    pub crashes_max: u32,
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            inside: BackoffSettings::default(),
            gateway: BackoffSettings { initial_ms: 500, factor: 2.0, max_ms: 30_000, jitter: 0.2 },
            crashes_max: 5,
        }
    }
}

/// How long a paid call waits for the dispatcher before it begins its search without candidates.
pub const FIND_PATIENCE: Duration = Duration::from_millis(500);
