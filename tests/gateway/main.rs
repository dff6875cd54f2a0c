//! The gateway's adapters, and the payment guard in front of a real one.

mod guard;
mod guard_faults;
mod simulated;
mod stripe;
mod stripe_server;
mod support;
