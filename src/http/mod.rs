//! The front door: REST, WebSocket, authentication, limits, and the one mapping of refusals to statuses (`error`).
//!
//! One endpoint per file: request, rule, answer. Nothing is decided here: the actors do that, and the read model answers what
//! lists and histories ask.

mod admission;
mod auth;
mod calls;
mod drivers;
mod edge;
mod error;
mod health;
mod idempotency;
mod json;
mod keys;
mod language;
mod lifecycle;
mod limits;
mod me;
pub mod metrics;
mod openapi;
mod ops;
mod path;
mod query;
mod quotes;
mod routes;
mod server;
mod services;
mod settings;
mod state;
mod strict;
mod text;
mod token;
mod trace;
mod views;
mod ws;

pub use keys::Keys;
pub use lifecycle::{Lifecycle, Stage};
pub use server::run;
pub use settings::{HttpSettings, LimitSettings, Rate};
pub use state::{Parts, State};
