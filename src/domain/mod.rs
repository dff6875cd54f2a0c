//! What is true about calls, drivers and payments, and nothing else: no I/O, no clock, no randomness.
//!
//! Each entity is a state machine of two pure functions: `decide` says which events a command causes, or why it is
//! refused; `evolve` applies one event. Time and ids come in as arguments. Effects are data; the actors perform them.

mod ids;
mod machine;
mod money;
mod place;

pub use ids::{CallId, CustomerId, DriverId, InvalidId, ServiceId};
pub use machine::{Decision, Machine, Party, Rejection, Role};
pub use money::{Currency, Money};
pub use place::{InvalidPlace, LatLng, Place};
