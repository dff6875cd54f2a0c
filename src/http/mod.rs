//! The front door: REST, WebSocket, authentication, limits, and the one mapping of refusals to statuses (`error`).
//!
//! One endpoint per file: request, rule, answer. Nothing is decided here: the actors do that, and the read model answers what
//! lists and histories ask.

mod auth;
mod calls;
mod drivers;
mod edge;
mod error;
mod extract;
mod health;
mod lifecycle;
mod me;
pub mod metrics;
mod openapi;
mod ops;
mod quotes;
mod routes;
mod server;
mod services;
mod settings;
mod simulator;
mod state;
mod views;
mod webhooks;
mod ws;

pub use auth::keys::Keys;
pub use lifecycle::{Lifecycle, Stage};
pub use server::{Ending, run};
pub use settings::{AuthSettings, HttpSettings, LimitSettings, OpsSettings, Rate, SECRET_MIN_BYTES};
pub use state::{Parts, State};
