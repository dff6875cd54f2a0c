//! What operators see of the running server, and may do to it.

pub(super) mod actor;
pub(super) mod actors;
pub(super) mod gateway;
pub(super) mod simulator;
