//! The endpoints of operators: figures of the running server, drills, and putting actors back to work.

pub(super) mod actor;
pub(super) mod actors;
pub(super) mod gateway;
pub(super) mod payments;
pub(super) mod simulator;
