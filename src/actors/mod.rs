//! The runtime: entity actors and their supervision, dispatch, the payment guard, and the ports they need.

pub mod ports;
