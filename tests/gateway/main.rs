//! The gateway's adapters, and the payment guard in front of a real one.

mod contract;
mod edge;
mod guard;
mod guard_faults;
mod localstripe;
mod simulated;
mod stripe;
mod stripe_server;
mod support;
