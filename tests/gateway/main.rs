//! The gateway's adapters, and the payment guard in front of a real one.

mod simulated;
mod support;
