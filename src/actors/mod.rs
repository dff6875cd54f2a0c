//! The runtime: entity actors and their supervision, dispatch, the payment guard, and the ports they need.

mod cause;
pub mod hub;
pub mod ports;

pub use cause::Cause;
