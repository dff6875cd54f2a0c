//! The runtime: entity actors and their supervision, dispatch, the payment guard, and the ports they need.

pub mod backoff;
pub mod guard;
pub mod ports;
