//! Drivers: who may see and change one. One endpoint per file.

pub(super) mod availability;
pub(super) mod get;
pub(super) mod list;
pub(super) mod offers;
pub(super) mod position;
pub(super) mod register;
pub(super) mod retire;

use std::sync::Arc;

use super::{auth::Principal, error::Problem, state::State};
use crate::domain::{DriverId, Party, Role, driver::Driver, policy::Policy};

pub(super) use position::Position;

/// Refuses everybody but the driver itself and operators. Other drivers do not exist for a driver.
pub(super) fn must_concern(who: &Principal, id: &DriverId) -> Result<(), Problem> {
    who.must_not_be_customer()?;
    match who.party() {
        Party::Driver(own) if own != id => Err(Problem::not_found("driver")),
        Party::Driver(_) | Party::Operator(_) | Party::Customer(_) | Party::System => Ok(()),
    }
}

/// A driver, if it exists for the one who asks.
pub(super) async fn visible(state: &State, who: &Principal, id: &DriverId) -> Result<Arc<Driver>, Problem> {
    if who.role() == Role::Customer {
        return chosen(state, who, id).await;
    }
    must_concern(who, id)?;
    let driver = state.engine.driver(id).await?;
    driver.filter(|driver| who.may_use(&driver.profile.service)).ok_or_else(|| Problem::not_found("driver"))
}

/// A driver that customers choose: a car, a seat. Others do not exist for them.
async fn chosen(state: &State, who: &Principal, id: &DriverId) -> Result<Arc<Driver>, Problem> {
    let known = state.engine.driver(id).await?;
    let is_chosen = |driver: &Arc<Driver>| {
        let service = &driver.profile.service;
        who.may_use(service) && state.engine.policies().get(service).is_some_and(Policy::is_chosen)
    };
    known.filter(is_chosen).ok_or_else(|| Problem::not_found("driver"))
}

/// Refuses a driver of a service that the token does not cover.
pub(super) async fn in_scope(state: &State, who: &Principal, id: &DriverId) -> Result<(), Problem> {
    must_concern(who, id)?;
    if who.services().is_some() {
        visible(state, who, id).await?;
    }
    Ok(())
}
