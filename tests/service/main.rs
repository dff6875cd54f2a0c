//! The service as its users meet it: every requirement of the substitute-driver service, and how it behaves under
//! wrong input, faults and crashes. Each test runs its own server; none knows the implementation.

#[allow(dead_code, reason = "the recovery tests use the rest of it")]
mod harness;

mod bad_bodies;
mod bad_callers;
mod cancel;
mod cleaning;
mod cli;
mod crashes;
mod driver_call;
mod driver_call_faults;
mod idempotency;
mod me;
mod offers;
mod operation;
mod ops;
mod payments;
mod rental;
mod studycafe;
mod taxi;
mod websocket;
