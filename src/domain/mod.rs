//! The rules of calls, drivers, payments and accounts, and nothing else: no I/O, no clock, no randomness.
//!
//! Each entity is a state machine of two pure functions: `decide` says which events a command causes, or why it is
//! refused; `evolve` applies one event. Time and ids come in as arguments. Effects are data; the actors perform them.

pub mod account;
mod asker;
pub mod call;
mod change;
pub mod driver;
pub mod fare;
pub mod geo;
mod ids;
mod machine;
mod money;
pub mod payment;
mod period;
mod place;
pub mod policy;

pub use asker::{Asker, Scope};
pub use change::Change;
pub use ids::{CallId, CustomerId, DriverId, InvalidId, ServiceId};
pub use machine::{Decision, Machine, Party, Rejection, Role, Undecided, Volatile};
pub use money::{Currency, Money};
pub use period::{MAX_PERIOD_DAYS, Period};
pub use place::{InvalidPlace, LatLng, MAX_ADDRESS_CHARS, Place};
