//! The front ends' questions to the actors, besides the use cases. Front ends see no board, no guard and no registry.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::{
    actors::{
        guard::{BreakerMode, GatewayFigures},
        hub::{Hub, Listener},
    },
    clock,
    domain::{
        CallId, DriverId, LatLng,
        call::Call,
        driver::{Driver, Fix, Profile},
        geo::{Route, Travel},
        policy::Policies,
    },
};

impl Engine {
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.world.policies
    }

    /// How many groups of commits this process has written: what [`crate::readmodel::ReadModel::caught_up_with`] takes.
    #[must_use]
    pub fn committed(&self) -> u64 {
        *self.store.committed().borrow()
    }

    /// A driver's open offers with their expiries, oldest first.
    #[must_use]
    pub fn open_offers(&self, driver: &DriverId) -> Vec<(CallId, Timestamp)> {
        self.world.boards.offers.of_driver(driver)
    }

    /// Where a driver was last seen.
    #[must_use]
    pub fn position_of(&self, driver: &DriverId) -> Option<Fix> {
        self.world.boards.supply.position(driver)
    }

    /// The profile of a driver, if the driver was in memory since the start.
    #[must_use]
    pub fn face_of(&self, driver: &DriverId) -> Option<Arc<Profile>> {
        self.world.boards.faces.of(driver)
    }

    /// Whether a driver could be offered calls, but for giving no sign of itself: then it is shown
    /// to operators as `stale`.
    #[must_use]
    pub fn is_stale(&self, driver: &Driver, now: Timestamp) -> bool {
        let policy = self.world.policies.get(&driver.profile.service);
        driver.is_available() && policy.is_some_and(|policy| self.world.is_stale(policy, &driver.id, now))
    }

    /// Whether a driver is free and a call is offered to it: then it is shown as `offered`.
    #[must_use]
    pub fn is_offered(&self, driver: &Driver) -> bool {
        driver.is_available() && self.world.boards.offers.count(&driver.id) > 0
    }

    /// Seconds until the driver of a call is where it is going: at the pickup, or once started at the destination.
    /// `None` without a driver that was seen, or when it has not set out.
    #[must_use]
    pub fn eta(&self, call: &Call) -> Option<u64> {
        let driver = call.phase.current_driver()?;
        self.world.eta_of_call(call, self.position_of(&driver.id)?.position)
    }

    /// The way by road.
    pub async fn route(&self, travel: Travel, from: LatLng, to: LatLng) -> Route {
        self.world.route(travel, from, to).await
    }

    /// A new listener that holds at most `outbox` notes.
    #[must_use]
    pub fn listener(&self, outbox: usize) -> Listener {
        self.world.hub.listener(outbox)
    }

    /// Where notes are published.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.world.hub
    }

    /// The figures of the payment guard: limiter, queue and breaker.
    #[must_use]
    pub fn gateway_figures(&self) -> GatewayFigures {
        self.world.guard.gauge().figures()
    }

    /// Shows the metrics of the payment guard as they are now.
    pub fn report_gateway(&self) {
        self.world.guard.gauge().report();
        self.world.boards.unsettled.report(clock::now());
    }

    /// Takes the breaker in hand, or gives it back to itself.
    pub fn set_breaker(&self, mode: BreakerMode) {
        self.world.guard.gauge().set_breaker(mode);
    }
}
